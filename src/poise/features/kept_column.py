"""One column of what is kept of items: an array with a row for each, and for strings the words that it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.table import MISSING_TIME, Column, Kind

Rows = NDArray[np.intp]
_EMPTY: dict[Kind, Any] = {"number": np.nan, "time": MISSING_TIME, "string": -1}
_TYPES: dict[Kind, Any] = {"number": np.float64, "time": np.int64, "string": np.int32}
_FEW = 64
"""Columns of so many different words are handed out with all of them, others with those that occur."""


class KeptColumn:
    """Values by row, of one kind.

    >>> kept = KeptColumn("string", 4)
    >>> kept.put(np.array([2, 0]), Column.strings(["b", "a"]))
    True
    >>> kept.take(np.array([0, 1, 2])).to_list()
    ['a', None, 'b']
    """

    def __init__(self, kind: Kind, size: int, values: NDArray[Any] | None = None) -> None:
        """values: where they are kept, (size,), all missing; else in an array of its own."""
        self.kind = kind
        self._values = np.full(size, _EMPTY[kind], _TYPES[kind]) if values is None else values
        self._levels: NDArray[Any] = np.empty(0, object)
        self._number: dict[str, int] = {}

    def put(self, rows: Rows, column: Column) -> bool:
        """Set these rows; False, with nothing set, where the words would be more than twice as many as the rows."""
        if self.kind != "string":
            self._values[rows] = column.values
            return True
        assert column.levels is not None
        table = np.full(len(column.levels) + 1, -1, np.int32)  # the last is where the code of a missing value points
        used = np.unique(column.values)
        used = used[used >= 0]
        words = column.levels[used].tolist()
        if len(self._number.keys() | words) > 2 * len(self._values):
            return False
        table[used] = [self._number.setdefault(word, len(self._number)) for word in words]
        if len(self._number) > len(self._levels):
            self._levels = np.empty(len(self._number), object)
            self._levels[:] = list(self._number)
        self._values[rows] = table[column.values]
        return True

    def take(self, rows: Rows) -> Column:
        """The values of these rows."""
        values = self._values.take(rows)
        if self.kind != "string":
            return Column(self.kind, values)
        if len(self._levels) <= _FEW:
            return Column("string", values, self._levels)
        used, codes = np.unique(values, return_inverse=True)
        gone = int(len(used) > 0 and used[0] < 0)
        return Column("string", (codes - gone).astype(np.int32), self._levels[used[gone:]])

    def listed(self, rows: Rows) -> list[Any]:
        """The values of a few rows as Python values, None for missing."""
        values = self._values[rows].tolist()
        if self.kind == "number":
            return [None if value != value else value for value in values]
        if self.kind == "time":
            return [None if value == MISSING_TIME else value for value in values]
        return [None if code < 0 else self._levels[code] for code in values]

    def grow(self, size: int, values: NDArray[Any] | None = None) -> None:
        """Room for so many rows, or other `values` that hold them all."""
        if values is None:
            more = np.full(size - len(self._values), _EMPTY[self.kind], _TYPES[self.kind])
            values = np.concatenate([self._values, more])
        self._values = values
