"""A table of one row as Python values: most requests bring one row, and its columns cost more than what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.table import MISSING_TIME, Column, Kind, Same, Table

_NONE: Mapping[Kind, Any] = {"number": np.nan, "time": MISSING_TIME, "string": None}


class OneRow(Table):
    """One row, whose columns are made where somebody asks for them.

    values: name -> a float, microseconds or a string, None where missing; kinds: the kind of each of these, and perhaps
    of others. Nobody changes them.

    >>> one = OneRow({"price": 1.5, "city": None}, {"price": "number", "city": "string"})
    >>> one.row["price"], one["price"].values.tolist(), one["city"].to_list(), one.height, list(one)
    (1.5, [1.5], [None], 1, ['price', 'city'])
    """

    __slots__ = ("_kinds", "_values", "seen")

    def __init__(self, values: dict[str, Any], kinds: Mapping[str, Kind]) -> None:
        self._values = self._row = values
        self._kinds = kinds
        self._columns, self.height = {}, 1
        self.seen: dict[str, NDArray[np.float64]] = {}
        """What models make of the row, by a digest of how, so that others need not make it again."""

    def __getitem__(self, name: str) -> Column:
        found = self._columns.get(name)
        if found is None:
            value, kind = self._values[name], self._kinds[name]
            found = self._columns[name] = Same(kind, _NONE[kind] if value is None else value)
        return found

    def put(self, columns: Mapping[str, Column]) -> None:
        """Hold these columns too, while the row is still being made."""
        for name, column in columns.items():
            self._columns[name], self._values[name] = column, column.only

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def missing(self, names: Iterable[str]) -> dict[str, int]:
        """Which of these columns have no value."""
        values = self._values
        return {name: 1 for name in names if values[name] is None} if None in values.values() else {}

    def select(self, names: Iterable[str]) -> OneRow:
        """These columns, in this order."""
        return OneRow({name: self._values[name] for name in names}, self._kinds)

    def select_as(self, names: Iterable[tuple[str, str]]) -> OneRow:
        """Columns under other names: (new name, name)."""
        kinds = self._kinds
        pairs = tuple(names)
        return OneRow({new: self._values[name] for new, name in pairs}, {new: kinds[name] for new, name in pairs})

    def with_columns(self, columns: Mapping[str, Column]) -> Table:
        """This table with more (or replaced) columns."""
        return Table({**{name: self[name] for name in self}, **columns}, 1)

    def take(self, index: NDArray[Any]) -> Table:
        """The row as often as it is asked for (positions or a boolean mask)."""
        height = int(index.sum()) if index.dtype == np.bool_ else len(index)
        return Table({name: self[name].take(index) for name in self}, height)

    def listed(self, index: NDArray[np.intp]) -> dict[str, list[Any]]:
        """The row once for each position, as lists of Python values."""
        return {name: [value] * len(index) for name, value in self._values.items()}


def taken(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Takes the values of these names, in order.

    >>> taken(("b", "a"))({"a": 1, "b": 2}), taken(("a",))({"a": 1}), taken(())({})
    ((2, 1), [1], [])
    """
    return itemgetter(*names) if len(names) > 1 else lambda row: [row[name] for name in names]
