"""Features of the candidates of one list: each side made once, put together only where somebody reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.features.kept_column import Rows
from poise.features.kept_items import KeptItems
from poise.features.sides import Side, Sides, makes
from poise.features.stopwatch import Groups
from poise.one_row import OneRow, repeated
from poise.table import Column, Same, Table

Named = tuple[tuple[str, str], ...]
"""Columns, and the key under which the values of each were made."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Where the columns of a table stand: `names`, column -> the key under which its values were made, by side. What
    names the item is not kept, and stands with what is of both."""

    names: Mapping[str, str]
    sides: Sides
    request: Named
    item: Named
    both: Named
    once: tuple[str, ...]
    """The request's columns."""
    alike: bool
    """Whether they are called like their keys."""

    @classmethod
    def of(cls, names: Mapping[str, str], sides: Sides) -> Parts:
        """sides: of the keys; the same object for all requests of one form."""
        parts: dict[Side, list[tuple[str, str]]] = {"request": [], "item": [], "both": []}
        of_items = {key for step in sides.item for key in makes(step)}
        for name, key in names.items():
            side = sides.of[key]
            parts["both" if side == "item" and key not in of_items else side].append((name, key))
        request, item, both = map(tuple, parts.values())
        once, alike = tuple(name for name, _ in request), all(name == key for name, key in request)
        return cls(names, sides, request, item, both, once, alike)


class Made(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What was made for n candidates: `request` holds what is of the request, `both` columns of n; the item's stand in
    `rows` of `kept`, or where nothing is kept among those of `both`."""

    request: OneRow
    both: Mapping[str, Column]
    kept: KeptItems | None
    rows: Rows


class Listed(Table):
    """A table of n candidates, whose columns are put together when they are asked for."""

    __slots__ = ("_made", "_parts", "seen")

    def __init__(self, parts: Parts, made: Made, height: int) -> None:
        self._columns, self._row, self.height = {}, None, height
        self._parts = parts
        self._made = made
        self.seen: dict[str, NDArray[np.float64]] = {}
        """What models make of the request's columns, by a digest of how, so that others need not make it again."""

    def __getitem__(self, name: str) -> Column:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._column(self._parts.names[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts.names)

    def __len__(self) -> int:
        return len(self._parts.names)

    @property
    def sides(self) -> Sides:
        """The side of each key; the same object for all requests of one form."""
        return self._parts.sides

    @property
    def kept(self) -> KeptItems | None:
        """Where the items' columns are kept."""
        return self._made.kept

    @property
    def rows(self) -> Rows:
        """Their rows there."""
        return self._made.rows

    @property
    def groups(self) -> Groups:
        """The steps in the order in which they were made; those that are kept of the items together."""
        sides = self.sides
        items = [(step,) for step in sides.item] if self._made.kept is None else [sides.item]
        return [*((step,) for step in sides.request), *items, *((step,) for step in sides.both)]

    def side_of(self) -> dict[str, Side]:
        """The side of each column."""
        return {name: self.sides.of[key] for name, key in self._parts.names.items()}

    @property
    def of_request(self) -> OneRow:
        """All columns that the request alone says, and perhaps others, in one row."""
        parts, request = self._parts, self._made.request
        return request if parts.alike else request.select_as(parts.request)

    def of_items(self, names: Iterable[str], rows: Rows) -> Table:
        """Columns of what is kept of items."""
        assert self._made.kept is not None
        return Table({name: self._made.kept.take(self._parts.names[name], rows) for name in names}, len(rows))

    def select(self, names: Iterable[str]) -> Table:
        """These columns, in this order."""
        return Table.of({name: self[name] for name in names}, self.height)

    def with_columns(self, columns: Mapping[str, Column]) -> Table:
        """All columns, with more (or replaced) ones."""
        return Table({**{name: self[name] for name in self}, **columns}, self.height)

    def take(self, index: NDArray[np.generic]) -> Table:
        """The rows at `index` (positions or a boolean mask): nothing is put together for the others."""
        at = np.flatnonzero(index) if index.dtype == np.bool_ else np.asarray(index, np.intp)
        return Table({name: self._taken(name, at) for name in self._parts.names}, len(at))

    def listed(self, index: NDArray[np.intp]) -> dict[str, Any]:
        """The rows at these positions as lists of what goes into JSON, None or NaN for missing."""
        made, parts, count = self._made, self._parts, len(index)
        found: dict[str, Any] = dict.fromkeys(parts.names)
        values = made.request.row
        for name, key in parts.request:
            found[name] = repeated(values[key], count)
        if made.kept is not None:
            items = made.kept.listed(made.rows[index])
            for name, key in parts.item:
                found[name] = items[key]
        for name, key in self._anew:
            found[name] = made.both[key].listed(index)
        return found

    def missing(self, names: Iterable[str]) -> dict[str, int]:
        """In how many rows each of these columns has no value; those without any such row are left out."""
        made, parts, found = self._made, self._parts, dict[str, int]()
        values = self.of_request.picked(parts.once)
        if None in values:
            found = {name: self.height for name, value in zip(parts.once, values, strict=True) if value is None}
        if made.kept is not None:
            found |= made.kept.missing(parts.item, made.rows)
        for name, key in self._anew:
            if count := made.both[key].gone():
                found[name] = count
        return {name: found[name] for name in names if name in found} if found else found

    @property
    def _anew(self) -> Named:
        """What was made for each candidate now."""
        parts = self._parts
        return parts.both if self._made.kept is not None else (*parts.item, *parts.both)

    def _column(self, key: str) -> Column:
        made = self._made
        if key in made.both:
            return made.both[key]
        if key in made.request:
            return Same.of(made.request[key]).repeated(self.height)
        assert made.kept is not None
        return made.kept.take(key, made.rows)

    def _taken(self, name: str, at: Rows) -> Column:
        made, key = self._made, self._parts.names[name]
        if key in made.both:
            return made.both[key].take(at)
        if key in made.request:
            return Same.of(made.request[key]).repeated(len(at))
        assert made.kept is not None
        return made.kept.take(key, made.rows[at])
