"""The nearest change of one input that would have changed a choice, within the values that occurred in training.

One input of the models is changed and all others stay, also those that are computed from it. It says how near the
choice was to another one; it does not say that anybody can make this change, nor what else would change with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models.reference import Levels, Numbers
from poise.table import Column, Table

Changed = Callable[[Table], NDArray[np.bool_]]
"""Whether the choice is another one for each of n rows."""


@dataclass(frozen=True, slots=True)
class Change:
    """One input that is another: `distance` is the share of rows whose value lies between the two, for a category the
    share of the rows that have another level than the new one."""

    input: str
    came: Any
    becomes: Any
    distance: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"input": self.input, "from": self.came, "to": self.becomes, "distance": self.distance}


def nearest_change(row: Table, observed: Mapping[str, Numbers | Levels], changed: Changed) -> Change | None:
    """The nearest change of one input of `row` (one row) after which `changed`; None where no observed value does it.

    >>> row = Table({"x": Column.numbers([2.0]), "y": Column.numbers([0.0])})
    >>> seen = {"x": Numbers((0.0, 1.0, 2.0, 3.0, 4.0)), "y": Numbers((0.0, 0.0, 0.0, 0.0, 9.0))}
    >>> nearest_change(row, seen, lambda rows: (rows["x"].values + rows["y"].values) > 3.5).to_dict()
    {'input': 'y', 'from': 0.0, 'to': 9.0, 'distance': 0.25}
    """
    tried = [one for name, values in observed.items() if name in row for one in changes_of(name, row[name], values)]
    if not tried:
        return None
    rows = row.take(np.zeros(len(tried), np.int64))
    for name in dict.fromkeys(one.input for one in tried):
        at = [i for i, one in enumerate(tried) if one.input == name]
        rows = rows.with_columns({name: _with(row[name], len(tried), at, [tried[i].becomes for i in at])})
    there = np.flatnonzero(changed(rows))
    return min((tried[i] for i in there.tolist()), key=lambda one: one.distance, default=None)


def changes_of(name: str, column: Column, observed: Numbers | Levels) -> list[Change]:
    """Every change of one input, from the value in `column` (one row) to another one that occurred."""
    (came,) = column.to_list()
    if isinstance(observed, Levels):
        if column.kind != "string":
            return []
        pairs = zip(observed.values, observed.shares, strict=True)
        return [Change(name, came, level, 1 - share) for level, share in pairs if level != came]
    if column.kind != "number":
        return []
    return [
        Change(name, came, value, 1.0 if came is None else observed.distance(came, value))
        for value in dict.fromkeys(observed.values)
        if value != came
    ]


def with_values(column: Column, values: list[Any]) -> Column:
    """Other values in a column of the kind of `column`."""
    return Column.strings(values) if column.kind == "string" else Column.numbers(values)


def _with(column: Column, height: int, at: list[int], values: list[Any]) -> Column:
    """`column` (one row) for `height` rows, with other values at some."""
    if column.kind == "string":
        words: list[Any] = column.to_list() * height
        for i, value in zip(at, values, strict=True):
            words[i] = value
        return Column.strings(words)
    numbers = np.full(height, column.values[0], np.float64)
    numbers[at] = values
    return Column.numbers(numbers)
