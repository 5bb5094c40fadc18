"""A table of one row as Python values: most requests bring one row, and its columns cost more than what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.encoding import encode
from poise.table import MISSING_TIME, Column, Kind, Same, Table

_FEW = 20
"""So many values an encoder writes as fast as they are put together."""
_NONE: Mapping[Kind, Any] = {"number": np.nan, "time": MISSING_TIME, "string": None}
Take = Callable[[Sequence[Any]], Sequence[Any]]
"""Takes some of a row's values, in an order of its own."""


class RowForm:
    """What the rows of one form hold: the kind of each value by its name, in order. Settled once for all of them.

    >>> form = RowForm({"price": "number", "city": "string"})
    >>> form.take(("city", "price"))([1.5, "Oslo"])
    ('Oslo', 1.5)
    """

    __slots__ = ("_renamed", "_takes", "at", "kinds")

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds
        self.at = {name: place for place, name in enumerate(kinds)}
        """The place of each value."""
        self._takes: dict[tuple[str, ...], Take] = {}
        """One for each set of names that somebody reads: models, and what is asked of a plan."""
        self._renamed: dict[tuple[tuple[str, str], ...], tuple[RowForm, Take]] = {}

    def take(self, names: tuple[str, ...]) -> Take:
        """Takes the values of these names. Raises `KeyError` where one is not there."""
        found = self._takes.get(names)
        if found is None:
            found = self._takes[names] = taken([self.at[name] for name in names])
        return found

    def renamed(self, names: tuple[tuple[str, str], ...]) -> tuple[RowForm, Take]:
        """The form of rows that hold some of the values under other names: (new name, name); and what takes them."""
        found = self._renamed.get(names)
        if found is None:
            form = RowForm({new: self.kinds[name] for new, name in names})
            found = self._renamed[names] = form, self.take(tuple(name for _, name in names))
        return found


class OneRow(Table):
    """One row, whose columns are made where somebody asks for them.

    values: in the order of `form`, each a float, microseconds or a string, None where missing. Nobody changes them.

    >>> one = OneRow(RowForm({"price": "number", "city": "string"}), [1.5, None])
    >>> one.row["price"], one["price"].values.tolist(), one["city"].to_list(), one.height, list(one)
    (1.5, [1.5], [None], 1, ['price', 'city'])
    """

    __slots__ = ("cells", "form", "seen")

    def __init__(self, form: RowForm, values: Sequence[Any]) -> None:
        self.form = form
        self.cells = values
        self._columns, self._row, self.height = {}, None, 1
        self.seen: dict[str, NDArray[np.float64]] = {}
        """What models make of the row, by a digest of how, so that others need not make it again."""

    def __getitem__(self, name: str) -> Column:
        found = self._columns.get(name)
        if found is None:
            value, kind = self.cells[self.form.at[name]], self.form.kinds[name]
            found = self._columns[name] = Same(kind, _NONE[kind] if value is None else value)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.form.kinds)

    def __len__(self) -> int:
        return len(self.form.kinds)

    @property
    def row(self) -> Mapping[str, Any]:
        """The values by name. Made when first asked for."""
        found = self._row
        if found is None:
            found = self._row = dict(zip(self.form.kinds, self.cells, strict=True))
        return found

    def put(self, name: str, column: Column) -> None:
        """Hold a column too, while the row is still being made in a list of values."""
        assert isinstance(self.cells, list)
        self._columns[name] = column
        self.cells.append(column.only)

    def picked(self, names: tuple[str, ...]) -> Sequence[Any]:
        """The values of these names, in order. Raises `KeyError` where one is not there."""
        return self.form.take(names)(self.cells)

    def missing(self, names: Iterable[str]) -> dict[str, int]:
        """Which of these columns have no value."""
        if None not in self.cells:
            return {}
        at, cells = self.form.at, self.cells
        return {name: 1 for name in names if cells[at[name]] is None}

    def select(self, names: Iterable[str]) -> OneRow:
        """These columns, in this order."""
        return self.select_as((name, name) for name in names)

    def select_as(self, names: Iterable[tuple[str, str]]) -> OneRow:
        """Columns under other names: (new name, name)."""
        form, take = self.form.renamed(tuple(names))
        return OneRow(form, take(self.cells))

    def with_columns(self, columns: Mapping[str, Column]) -> Table:
        """This table with more (or replaced) columns."""
        return Table({**{name: self[name] for name in self}, **columns}, 1)

    def take(self, index: NDArray[Any]) -> Table:
        """The row as often as it is asked for (positions or a boolean mask)."""
        height = int(index.sum()) if index.dtype == np.bool_ else len(index)
        return Table({name: self[name].take(index) for name in self}, height)

    def listed(self, index: NDArray[np.intp]) -> dict[str, list[Any]]:
        """The row once for each position, as lists of Python values."""
        named, count = zip(self.form.kinds, self.cells, strict=True), len(index)
        return {name: [value] for name, value in named} if count == 1 else {n: [value] * count for n, value in named}


def repeated(value: Any, count: int) -> list[Any] | msgspec.Raw:
    """A value so many times over, on its way into JSON: written once where there are many, for an encoder takes longest
    over numbers.

    >>> repeated(1.5, 2), msgspec.json.encode(repeated(1.5, 30)) == msgspec.json.encode([1.5] * 30)
    ([1.5, 1.5], True)
    """
    if count <= _FEW:
        return [value] * count
    one = encode(value)
    return msgspec.Raw(b"[" + (one + b",") * (count - 1) + one + b"]")


def taken(at: Sequence[Any]) -> Take:
    """Takes the values at these places, or of these names.

    >>> taken([1, 0])("ab"), taken([1])("ab"), taken([])("ab")
    (('b', 'a'), ['b'], [])
    """
    return itemgetter(*at) if len(at) > 1 else lambda values: [values[place] for place in at]
