"""Answering for the rung `linear`: compiled arrays, one pass over a row, no scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from poise.errors import DataError
from poise.jit import compiled
from poise.models.base import Floats, Model
from poise.models.inputs import Inputs
from poise.models.links import predictions
from poise.models.stored import read_arrays, read_json, write_arrays, write_json
from poise.models.text import TextTerms
from poise.spec.objective import ProblemType
from poise.table import Table


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The arrays of a linear model with f columns and k outputs.

    category: (f,) whether a column is codes. start: (f,) its first row in `table`.
    low, high, mean: (f,) numbers, of which infinite ones are missing, are clipped to [low, high], counted from `mean`.
    slope: (f, k) per unit of a number. missing: (f, k) what a missing value adds.
    table: (rows, k) what a level adds (each category's first row is for other levels), or a number's bin.
    edge_start: (f + 1,) where a number's inner edges stand in `edges`; bin i holds edges[i - 1] <= x < edges[i].
    intercept: (k,).
    """

    category: NDArray[np.bool_]
    start: NDArray[np.int64]
    low: Floats
    high: Floats
    mean: Floats
    slope: Floats
    missing: Floats
    table: Floats
    edge_start: NDArray[np.int64]
    edges: Floats
    intercept: Floats

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k) of encoded inputs X, float64 (n, f) in C order."""
        numbers = (self.low, self.high, self.mean, self.slope, self.missing)
        out = np.tile(self.intercept, (len(X), 1))
        _raw(X, self.category, self.start, *numbers, self.table, self.edge_start, self.edges, out)
        return out


@compiled
def _raw(
    X: Floats,
    category: NDArray[np.bool_],
    start: NDArray[np.int64],
    low: Floats,
    high: Floats,
    mean: Floats,
    slope: Floats,
    missing: Floats,
    table: Floats,
    edge_start: NDArray[np.int64],
    edges: Floats,
    out: Floats,
) -> None:
    n, f = X.shape
    k = out.shape[1]
    for i in range(n):
        for j in range(f):
            x = X[i, j]
            if not np.isfinite(x):
                for c in range(k):
                    out[i, c] += missing[j, c]
                continue
            row = start[j]
            if category[j]:
                row += np.int64(x)
            else:
                away = min(max(x, low[j]), high[j]) - mean[j]
                for c in range(k):
                    out[i, c] += away * slope[j, c]
                if edge_start[j] == edge_start[j + 1]:
                    continue
                for e in range(edge_start[j], edge_start[j + 1]):
                    if x >= edges[e]:
                        row += 1
            for c in range(k):
                out[i, c] += table[row, c]


@compiled
def _add_terms(
    out: Floats, starts: NDArray[np.int64], columns: NDArray[np.int64], values: Floats, weights: Floats
) -> None:
    for i in range(out.shape[0]):
        for at in range(starts[i], starts[i + 1]):
            for c in range(out.shape[1]):
                out[i, c] += values[at] * weights[columns[at], c]


@dataclass(frozen=True, eq=False)
class LinearModel(Model):
    """A linear score of numbers, levels and words, through the sigmoid or softmax.

    texts: text column -> its terms and their weights (m, k). shares: importance by input.
    settings: the regularisation that was chosen, for `refit`.
    """

    type: ProblemType
    columns: Inputs
    weights: Weights
    texts: dict[str, tuple[TextTerms, Floats]]
    shares: dict[str, float]
    settings: dict[str, float]
    notes: tuple[str, ...] = field(default=())
    kind = "linear"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Numbers and categories, then texts."""
        return (*self.columns.names, *self.texts)

    @property
    def importance(self) -> dict[str, float]:
        """Size of the coefficients times the spread of what they multiply, as shares."""
        return dict(self.shares)

    def raw(self, features: Table) -> Floats:
        """Scores before the link, (n, k): log-odds, or the value for regression."""
        out = self.weights.raw(self.columns.encode(features))
        for name, (terms, weights) in self.texts.items():
            if name not in features or features[name].kind != "string":
                raise DataError(f"the model reads the text '{name}', which these rows do not have")
            rows = terms.rows(features[name])
            _add_terms(out, rows.starts, rows.columns, rows.values, weights)
        return out

    def predict(self, features: Table) -> Floats:
        """Predictions, (n,) or (n, k)."""
        return predictions(self.type, self.raw(features))

    def save(self, folder: Path) -> None:
        """Write `model.json` and `weights.npz`."""
        write_json(
            folder / "model.json",
            {
                "type": self.type,
                "columns": self.columns.to_json(),
                "texts": list(self.texts),
                "shares": self.shares,
                "settings": self.settings,
                "notes": list(self.notes),
            },
        )
        arrays: dict[str, NDArray[Any]] = {name: getattr(self.weights, name) for name in Weights.__slots__}
        for i, (terms, weights) in enumerate(self.texts.values()):
            arrays |= {f"buckets{i}": terms.buckets, f"frequency{i}": terms.frequency, f"terms{i}": weights}
        write_arrays(folder / "weights.npz", arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        content, arrays = read_json(folder / "model.json"), read_arrays(folder / "weights.npz")
        texts = {
            name: (TextTerms(arrays[f"buckets{i}"], arrays[f"frequency{i}"]), arrays[f"terms{i}"])
            for i, name in enumerate(content["texts"])
        }
        return cls(
            content["type"],
            Inputs.from_json(content["columns"]),
            Weights(**{name: arrays[name] for name in Weights.__slots__}),
            texts,
            content["shares"],
            content["settings"],
            tuple(content["notes"]),
        )

    def describe(self) -> str:
        """How many inputs and weights."""
        count = self.weights.table.shape[0] + len(self.columns) + sum(len(terms) for terms, _ in self.texts.values())
        return f"linear in {len(self.inputs)} inputs ({count} weights per output)"
