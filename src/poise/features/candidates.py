"""The rows of a list request: what each candidate says of itself, and what the request says once for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.one_row import OneRow, repeated
from poise.table import Column, Same, Table


class Candidates(Table):
    """n rows, of which some columns are the same in all: those are values until somebody asks for the column.

    own: columns of n; shared: the values of the others; names: of all of them, in order. Nobody changes them.

    >>> from poise.one_row import RowForm
    >>> shared = OneRow(RowForm({"user": "string", "price": "number"}), ["u1", None])
    >>> two = Candidates({"dish": Column.strings(["pho", "udon"])}, shared, ("user", "dish", "price"), 2)
    >>> two["user"].to_list(), two.listed(np.array([1])), two.take(np.array([1]))["price"].to_list()
    (['u1', 'u1'], {'user': ['u1'], 'dish': ['udon'], 'price': [None]}, [None])
    """

    __slots__ = ("_names", "_own", "shared")

    def __init__(self, own: Mapping[str, Column], shared: OneRow, names: tuple[str, ...], height: int) -> None:
        self._columns, self._row, self.height = {}, None, height
        self._own = own
        self._names = names
        self.shared = shared

    def __getitem__(self, name: str) -> Column:
        found = self._own.get(name)
        if found is None:
            found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = Same.of(self.shared[name]).repeated(self.height)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def select(self, names: Iterable[str]) -> Table:
        """These columns, in this order."""
        return Table.of({name: self[name] for name in names}, self.height)

    def with_columns(self, columns: Mapping[str, Column]) -> Table:
        """All columns, with more (or replaced) ones."""
        return Table({**{name: self[name] for name in self}, **columns}, self.height)

    def take(self, index: NDArray[Any]) -> Candidates:
        """The rows at `index` (positions or a boolean mask)."""
        height = int(index.sum()) if index.dtype == np.bool_ else len(index)
        own = {name: column.take(index) for name, column in self._own.items()}
        return Candidates(own, self.shared, self._names, height)

    def listed(self, index: NDArray[np.intp]) -> dict[str, Any]:
        """The rows at these positions as lists of what goes into JSON, None for missing."""
        own, values, count = self._own, self.shared.row, len(index)
        return {n: own[n].listed(index) if n in own else repeated(values[n], count) for n in self._names}
