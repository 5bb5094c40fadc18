"""The matrix that trees see: numbers and codes as they are, statistics of the target in place of many levels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats
from poise.models.inputs import Inputs, one_row
from poise.models.linear_model import LinearModel
from poise.table import Table


@dataclass(frozen=True, slots=True, eq=False)
class Statistic:
    """What the target was for each level of the category input at position `input`.

    values: (levels + 2, m), one row per code, the last for missing; m numbers per level.
    """

    input: int
    values: Floats

    def of(self, codes: Floats) -> Floats:
        """Columns (n, m) for codes (n,), NaN where missing."""
        return self.values[rows_of(codes, len(self.values))]


def rows_of(codes: Floats, size: int) -> NDArray[np.int64]:
    """Codes as rows of a table whose last row is for missing.

    >>> rows_of(np.array([0.0, np.nan, 2.0]), 4).tolist()
    [0, 3, 2]
    """
    return np.asarray(np.where(np.isnan(codes), size - 1, codes), np.float64).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class TreesColumns:
    """How features become the matrix of the trees: plain columns, then statistics, then scores of texts.

    fill: (f,) what stands for a missing number where training had none, else NaN (LightGBM would take 0 for it).
    plain: positions of the inputs that enter as they are. text: a linear model over the text inputs, whose raw scores
    are columns.
    """

    inputs: Inputs
    fill: Floats
    plain: NDArray[np.int64]
    statistics: tuple[Statistic, ...]
    text: LinearModel | None
    _gaps: list[float] | None = field(init=False, repr=False)
    """`fill` where it fills anything."""
    _every: bool = field(init=False, repr=False)
    """Whether all inputs enter as they are, in order."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_gaps", None if np.isnan(self.fill).all() else self.fill.tolist())
        object.__setattr__(self, "_every", self.plain.tolist() == list(range(len(self.inputs))))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are read: numbers and categories, then texts."""
        return (*self.inputs.names, *(self.text.inputs if self.text else ()))

    @property
    def categories(self) -> list[int]:
        """Columns of the matrix that are codes of a category."""
        return [at for at, j in enumerate(self.plain.tolist()) if self.inputs.levels[j] is not None]

    @property
    def sources(self) -> list[str | None]:
        """The input of each column of the matrix; None for scores of texts."""
        names = self.inputs.names
        out: list[str | None] = [names[j] for j in self.plain.tolist()]
        out += [names[one.input] for one in self.statistics for _ in range(one.values.shape[1])]
        return out + [None] * (self.text.weights.intercept.shape[0] if self.text else 0)

    def part(self, names: Collection[str], text: bool) -> tuple[TreesColumns, list[int]]:
        """What makes the columns of some of the inputs, and where these stand in the whole matrix, in the same order.

        text: whether the scores of texts, which come of all texts together, are among them.
        """
        kept = [j for j, name in enumerate(self.inputs.names) if name in names]
        place = {j: at for at, j in enumerate(kept)}
        of = Inputs(tuple(self.inputs.names[j] for j in kept), tuple(self.inputs.levels[j] for j in kept))
        plain = [place[j] for j in self.plain.tolist() if j in place]
        statistics = tuple(Statistic(place[one.input], one.values) for one in self.statistics if one.input in place)
        scores = self.text if text else None
        part = TreesColumns(of, self.fill[kept], np.array(plain, np.int64), statistics, scores)
        own = [name in names if name is not None else text for name in self.sources]
        return part, np.flatnonzero(own).tolist()

    @property
    def digest(self) -> str | None:
        """The same for all that make the same matrix of the same rows; None where texts are scored."""
        if self.text is not None:
            return None
        content = [json.dumps(self.to_json()).encode(), *(array.tobytes() for array in self.arrays().values())]
        return hashlib.sha256(b"\0".join(content)).hexdigest()

    def matrix(self, features: Table) -> Floats:
        """The matrix, float64 (n, columns), C order."""
        if features.height == 1 and not self.statistics and self.text is None:
            return self._row(features)
        X = self.inputs.encode(features)
        parts = [one.of(X[:, one.input]) for one in self.statistics]
        return self.assembled(X, parts, self.text.raw(features) if self.text else None)

    def _row(self, features: Table) -> Floats:
        """The matrix of one row of plain columns, without array work until it is made."""
        row = self.inputs.one(features, self._gaps)
        return one_row(row if self._every else [row[j] for j in self.plain.tolist()])

    def assembled(self, X: Floats, statistics: list[Floats], text: Floats | None) -> Floats:
        """The matrix from encoded inputs and the other columns."""
        filled = np.where(np.isnan(X), self.fill, X)
        if len(self.plain) < X.shape[1]:
            filled = filled[:, self.plain]
        parts = [filled, *statistics, *([] if text is None else [text])]
        return np.ascontiguousarray(np.concatenate(parts, axis=1) if len(parts) > 1 else filled)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file; arrays are stored apart, the text model in its own folder."""
        return {"inputs": self.inputs.to_json(), "statistics": [one.input for one in self.statistics]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays for an `.npz` file."""
        statistics = {f"statistic{i}": one.values for i, one in enumerate(self.statistics)}
        return {"fill": self.fill, "plain": self.plain, **statistics}

    @classmethod
    def restored(
        cls, content: dict[str, Any], arrays: dict[str, NDArray[Any]], text: LinearModel | None
    ) -> TreesColumns:
        """What `to_json` and `arrays` gave."""
        statistics = tuple(Statistic(j, arrays[f"statistic{i}"]) for i, j in enumerate(content["statistics"]))
        return cls(Inputs.from_json(content["inputs"]), arrays["fill"], arrays["plain"], statistics, text)
