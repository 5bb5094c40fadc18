"""Features of the candidates of one list: each side made once, put together only where somebody reads them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import RequestError
from poise.features.kept_column import Rows
from poise.features.kept_items import KeptItems
from poise.features.sides import Side, Sides, Step, makes, sides_of
from poise.features.stopwatch import Groups, Stamps
from poise.stores.base import OnlineStore
from poise.table import MISSING_TIME, Column, Requests, Same, Table

MOST_FORMS = 4
"""So many ways in which callers spread their columns over a request are answered with what is of the request alone made
once; in others it is made for each candidate."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What was made for n candidates: `request` holds columns of one row, `both` of n; the item's stand in `rows` of
    `kept`, or where nothing is kept among those of `both`."""

    request: Mapping[str, Column]
    both: Mapping[str, Column]
    kept: KeptItems | None
    rows: Rows


class Listed(Table):
    """A table of n candidates, whose columns are put together when they are asked for.

    names: column -> the key under which its values were made.
    """

    __slots__ = ("_made", "_names", "seen", "sides")

    def __init__(self, names: Mapping[str, str], sides: Sides, made: Made, height: int) -> None:
        self._columns, self._row, self.height = {}, None, height
        self._names = names
        self._made = made
        self.sides = sides
        """Of the keys; the same object for all requests of one form."""
        self.seen: dict[str, NDArray[np.float64]] = {}
        """What models make of the request's columns, by a digest of how, so that others need not make it again."""

    def __getitem__(self, name: str) -> Column:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._column(self._names[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

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
        return {name: self.sides.of[key] for name, key in self._names.items()}

    def of_request(self, names: Iterable[str]) -> Table:
        """Columns that the request alone says, in one row."""
        return Table.of({name: self._made.request[self._names[name]] for name in names}, 1)

    def of_both(self, names: Iterable[str]) -> Table:
        """Columns that each candidate says."""
        return Table.of({name: self._made.both[self._names[name]] for name in names}, self.height)

    def of_items(self, names: Iterable[str], rows: Rows) -> Table:
        """Columns of what is kept of items."""
        assert self._made.kept is not None
        return Table({name: self._made.kept.take(self._names[name], rows) for name in names}, len(rows))

    def select(self, names: Iterable[str]) -> Table:
        """These columns, in this order."""
        return Table.of({name: self[name] for name in names}, self.height)

    def with_columns(self, columns: Mapping[str, Column]) -> Table:
        """All columns, with more (or replaced) ones."""
        return Table({**{name: self[name] for name in self}, **columns}, self.height)

    def take(self, index: NDArray[np.generic]) -> Table:
        """The rows at `index` (positions or a boolean mask): nothing is put together for the others."""
        at = np.flatnonzero(index) if index.dtype == np.bool_ else np.asarray(index, np.intp)
        return Table({name: self._taken(name, at) for name in self._names}, len(at))

    def listed(self, index: NDArray[np.intp]) -> dict[str, list[Any]]:
        """The rows at these positions as lists of Python values, None or NaN for missing: null in JSON."""
        made, count = self._made, len(index)
        own = [key for key in self._names.values() if key not in made.request and key not in made.both]
        of_items = {} if made.kept is None else made.kept.listed(own, made.rows[index])
        found: dict[str, list[Any]] = {}
        for name, key in self._names.items():
            once = made.request.get(key)
            if once is not None:
                found[name] = [once.only] * count
            else:
                found[name] = of_items[key] if key in of_items else made.both[key].listed(index)
        return found

    def missing(self, names: Iterable[str]) -> dict[str, int]:
        """In how many rows each of these columns has no value; those without any such row are left out."""
        made, found = self._made, {}
        of_items = {} if made.kept is None else made.kept.missing(made.rows)
        for name in names:
            key = self._names[name]
            once = made.request.get(key)
            if once is not None:
                if once.only is None:
                    found[name] = self.height
            elif key in of_items:
                found[name] = of_items[key]
            elif key in made.both and (count := made.both[key].gone()):
                found[name] = count
        return found

    def _column(self, key: str) -> Column:
        made = self._made
        if key in made.both:
            return made.both[key]
        if key in made.request:
            return Same.of(made.request[key]).repeated(self.height)
        assert made.kept is not None
        return made.kept.take(key, made.rows)

    def _taken(self, name: str, at: Rows) -> Column:
        made, key = self._made, self._names[name]
        if key in made.both:
            return made.both[key].take(at)
        if key in made.request:
            return Same.of(made.request[key]).repeated(len(at))
        assert made.kept is not None
        return made.kept.take(key, made.rows[at])


def listed(
    names: Mapping[str, str],
    sides: Sides,
    requests: Requests,
    store: OnlineStore,
    item: str,
    items: list[Any],
    kept: KeptItems | None,
    stamps: Stamps | None = None,
) -> Listed:
    """The columns `names` (column -> key) of the candidates of one list, all at one T.

    sides: of the request's columns and of the steps; item: the column that names the items, which differ; items: the
    same as they were sent, by which they are kept. Without `kept`, or for more than it holds, all is made anew. stamps:
    takes when each group of steps was done, as `Listed.groups` has them.
    """
    stamps, now = [] if stamps is None else stamps, time.perf_counter
    rows, height = requests.rows, requests.height
    once = {name: _first(rows[name]) for name in rows if sides.of[name] == "request"}
    both = {name: rows[name] for name in rows if sides.of[name] != "request"}
    request = dict(once)
    asked = Requests(Table.of(once, 1), requests.time[:1])
    for step in sides.request:
        request |= step.online(asked, store, request)
        stamps.append(now())
    instant = int(requests.time[0])
    at = np.empty(0, np.intp)
    if kept is None or instant == MISSING_TIME or height > kept.most:
        kept = None
        for step in sides.item:
            both |= step.online(requests, store, both)
            stamps.append(now())
    else:
        at = kept.rows(rows[item], items, instant)
        stamps.append(now())
    if sides.both:
        needed = Listed({key: key for key in sides.of}, sides, Made(request, both, kept, at), height)
        for step in sides.both:
            both |= step.online(requests, store, needed)
            stamps.append(now())
    return Listed(names, sides, Made(request, both, kept, at), height)


def _first(column: Column) -> Column:
    if isinstance(column, Same):
        return column.repeated(1)
    return Column(column.kind, column.values[:1], column.levels)


class ListPlan:
    """A plan's online form for lists: which steps are whose is settled once for each set of columns that callers send
    once for all candidates."""

    def __init__(self, steps: Sequence[Step], names: Mapping[str, str], request: Sequence[str], item: str) -> None:
        self._steps = tuple(steps)
        self._names = names
        self._request = tuple(request)
        self._item = item
        self.most = 0
        """Items that are kept from one list to the next."""
        self._sides: dict[tuple[frozenset[str], frozenset[str]], Sides] = {}
        self._kept: KeptItems | None = None

    def sides(self, columns: frozenset[str], once: frozenset[str]) -> Sides:
        """The sides where requests come with these columns, `once` of them the same for all candidates."""
        found = self._sides.get((columns, once))
        if found is None:
            if once and len(self._sides) >= MOST_FORMS:
                return self.sides(columns, frozenset())
            found = self._sides[columns, once] = sides_of(self._steps, columns, once, self._item)
        return found

    @property
    def item(self) -> frozenset[str]:
        """The columns that items alone say."""
        sides = sides_of(self._steps, self._request, (), self._item)
        return frozenset(name for name, key in self._names.items() if sides.of[key] == "item")

    @property
    def bytes_per_item(self) -> int:
        """About what is kept of an item: its values, what is stale, its places in the store, its name."""
        sides = sides_of(self._steps, self._request, (), self._item)
        made = sum(len(makes(step)) for step in sides.item)
        return 13 * made + 9 * len(sides.item) + 260

    def online(
        self,
        requests: Requests,
        once: frozenset[str],
        items: list[Any],
        store: OnlineStore,
        stamps: Stamps | None = None,
    ) -> Listed:
        """The columns for n candidates at one T, from a store that has been advanced to it.

        items: those of the item's column as they were sent, all different; stamps: takes when each of
        the `groups` of what is returned was done.
        """
        for name in self._request:
            if name not in requests.rows:
                raise RequestError("this column is required", field=name)
        sides = self.sides(frozenset(requests.rows), once)
        kept = self._kept_of(sides, store) if self.most else None
        return listed(self._names, sides, requests, store, self._item, items, kept, stamps)

    def _kept_of(self, sides: Sides, store: OnlineStore) -> KeptItems | None:
        """What is kept of this store's items; the steps of the item are the same whatever else a request says."""
        if store.changes() is None:
            return None
        if self._kept is None or self._kept.store is not store:
            self._kept = KeptItems(sides.item, self._item, store, self.most)
        return self._kept
