"""What the rows that a model was learned from were like: where contributions begin, and which values occur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Examples, Floats, Model
from poise.models.contributions_raw import Averages, NotExplained, raw_explainer
from poise.models.stored import read_json, write_json
from poise.table import Column

FILE = "reference.json"
ROWS = 5_000
"""So many rows, evenly taken, say what is usual."""
STEPS = 32
"""Of a number so many steps between its smallest and largest value are kept, of a category so many levels."""


def some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `ROWS` of these rows, evenly taken."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(np.int64))]


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Observed values of a number: at each of the same number of rows further on, ascending."""

    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """A usual value: the median."""
        return self.values[len(self.values) // 2]

    def distance(self, a: float, b: float) -> float:
        """The share of the rows whose value lies between two values.

        >>> Numbers((0.0, 1.0, 2.0, 3.0, 100.0)).distance(1.0, 3.0)
        0.5
        """
        ends = np.interp([a, b], self.values, np.linspace(0, 1, len(self.values)))
        return float(abs(ends[1] - ends[0]))


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The most frequent levels of a category, with their shares of the rows."""

    values: tuple[str, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """averages: input -> what it adds to the raw scores on average, (k,); empty where the model knows that itself
    (trees) or cannot be taken apart. observed: input -> its values; none of texts and of what was always missing."""

    averages: Averages = field(default_factory=dict)
    observed: Mapping[str, Numbers | Levels] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, examples: Examples) -> Reference:
        """Of rows that `model` was learned from; some thousands (see `some`) say it well enough."""
        rows = examples.features
        observed: dict[str, Numbers | Levels] = {}
        for name in model.inputs:
            found = None if examples.types.get(name) == "text" else _observed(rows[name])
            if found is not None:
                observed[name] = found
        averages: dict[str, Floats] = {}
        if model.kind in ("linear", "rule"):
            try:
                found_adds = raw_explainer(model).of(rows)
            except NotExplained:
                return cls({}, observed)
            shift = (
                found_adds.base if model.kind == "rule" else 0.0
            )  # a rule without averages counts from a missing value
            averages = {name: values.mean(axis=0) + shift for name, values in found_adds.adds.items()}
        return cls(averages, observed)

    def save(self, folder: Path) -> None:
        """Write `reference.json`."""
        observed: dict[str, Any] = {}
        for name, found in self.observed.items():
            values = {"values": list(found.values)}
            observed[name] = {**values, "shares": list(found.shares)} if isinstance(found, Levels) else values
        averages = {name: values.tolist() for name, values in self.averages.items()}
        write_json(folder / FILE, {"averages": averages, "observed": observed})

    @classmethod
    def load(cls, folder: Path) -> Reference:
        """What `save` wrote; empty for a release that was made before there was such a file."""
        if not (folder / FILE).is_file():
            return cls()
        content = read_json(folder / FILE)
        observed: dict[str, Numbers | Levels] = {
            name: Levels(tuple(one["values"]), tuple(one["shares"]))
            if "shares" in one
            else Numbers(tuple(one["values"]))
            for name, one in content["observed"].items()
        }
        averages = {name: np.array(values, np.float64) for name, values in content["averages"].items()}
        return cls(averages, observed)


def _observed(column: Column) -> Numbers | Levels | None:
    there = ~column.missing()
    values = column.values[there]
    if not len(values):
        return None
    if column.levels is not None:
        counts = np.bincount(values, minlength=len(column.levels))
        most = np.argsort(-counts, kind="stable")[:STEPS]
        most = most[counts[most] > 0]
        return Levels(tuple(column.levels[most].tolist()), tuple((counts[most] / len(values)).tolist()))
    ordered = np.sort(values.astype(np.float64))
    ordered = ordered[np.isfinite(ordered)]
    if not len(ordered):
        return None
    at = np.round(np.linspace(0, len(ordered) - 1, STEPS + 1)).astype(np.int64)
    return Numbers(tuple(ordered[at].tolist()))
