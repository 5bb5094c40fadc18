"""What an item alone says, kept from one request to the next: exactly as long as it would be read the same again.

An item has a row in some arrays. A step of the plan is stale in a row once the store has told that a key it was read by
has changed, or once T has moved a window's far edge into the next tile; what is made of it is stale too. Stale steps
are made anew for the rows that are asked for, by the very code that makes them where nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.features.item_rows import CLEAN, UNKNOWN, ItemRows
from poise.features.kept_column import KeptColumn, Rows
from poise.features.sides import Step, makes, reads
from poise.jit import compiled
from poise.stores.base import Declaration, OnlineStore
from poise.table import Column, Requests, Table

Places = NDArray[np.int32]
_FIRST = 256
_NEVER = -(2**62)


class _AnotherKind(Exception):
    """A column came of another kind than before, or with too many words: everything is made anew."""


class KeptItems:
    """Columns of the last `most` items or so that were asked for, read from one store; for one thread at a time.

    steps: those of a plan that say something of the item alone, in order; item: the request's column that names it.
    """

    def __init__(self, steps: Sequence[Step], item: str, store: OnlineStore, most: int) -> None:
        self.store = store
        self.most = most
        self.version = np.zeros(0, np.int64)
        """Per row when it was made: whoever makes more of it sees by this whether that still holds."""
        self.made = 0
        """How often any row was made: the version of the last ones."""
        self._steps = tuple(steps)
        self._item = item
        self._after = _dependents(self._steps)
        self._number = {
            name: number for number, name in enumerate(name for step in self._steps for name in makes(step))
        }
        self._reset()

    def rows(self, column: Column, items: list[Any], instant: int) -> Rows:
        """Where the values of these different items stand, (n,), made anew where they were stale; n <= `most`.

        column: the items as the request's typed column.
        """
        try:
            return self._fresh(column, items, instant)
        except _AnotherKind:
            self._reset()
            return self._fresh(column, items, instant)

    def take(self, name: str, rows: Rows) -> Column:
        """One column's values of these rows."""
        return self._columns[name].take(rows)

    def listed(self, rows: Rows) -> dict[str, list[Any]]:
        """The columns as Python values, None or NaN for missing, for a few rows."""
        found: dict[str, list[Any]] = dict(zip(self._number, self._numbers.take(rows, axis=0).T.tolist(), strict=True))
        for name in self._others:
            found[name] = self._columns[name].listed(rows)
        return found

    def missing(self, columns: Iterable[tuple[str, str]], rows: Rows) -> dict[str, int]:
        """Of some columns (new name, name) that lack a value in some of these rows, in how many of them."""
        counts = np.zeros(len(self._number), np.int64)
        _count(self._gone, rows, counts)
        found, number = counts.tolist(), self._number
        return {new: count for new, name in columns if (count := found[number[name]])}

    def _reset(self) -> None:
        """Know nothing."""
        size = min(_FIRST, self.most)
        self._row_of = ItemRows(size)
        self._items: list[Any] = []
        self._next = 0
        self._columns: dict[str, KeptColumn] = {}
        self._others: list[str] = []
        """Those of them that hold no numbers."""
        self._numbers = np.full((size, len(self._number)), np.nan)  # an item's side by side: they come from one place
        self._gone = np.zeros((size, -(-len(self._number) // 64)), np.uint64)  # a bit for each of an item's columns
        self._stale = np.ones((len(self._steps), size), np.bool_)
        self._dirty = np.ones(size, np.bool_)
        self.version = np.zeros(size, np.int64)
        self._places: list[dict[Declaration, Places]] = [{} for _ in self._steps]
        self._highest: dict[Declaration, int] = {}
        self._seen = self.store.changes() or 0
        self._from, self._until = 0, _NEVER
        self._edges: list[tuple[int, ...]] = [()] * len(self._steps)

    def _fresh(self, column: Column, items: list[Any], instant: int) -> Rows:
        if not self._from <= instant < self._until:
            self._pass_edges(instant)
        if self.store.changes() != self._seen:
            self._learn_changes()
        rows, state = self._row_of.find(items, self._dirty)
        if state == UNKNOWN:
            self._add(rows, items)
        if state != CLEAN:
            self._make(rows, column, instant)
        return rows

    def _pass_edges(self, instant: int) -> None:
        """What T makes stale, and between which instants nothing more of that kind happens."""
        self._from, self._until = _NEVER, -_NEVER
        for number, step in enumerate(self._steps):
            edges = tuple((instant - window) // tile for window, tile in step.holds() or ())
            if edges != self._edges[number]:
                self._edges[number] = edges
                self._spoil(number, np.arange(len(self._dirty)))
            for edge, (window, tile) in zip(edges, step.holds() or (), strict=True):
                self._from = max(self._from, edge * tile + window)
                self._until = min(self._until, (edge + 1) * tile + window)

    def _learn_changes(self) -> None:
        """What the store makes stale. A key that it did not know may be any of those that it knows now."""
        since, self._seen = self._seen, self.store.changes() or 0
        told: dict[Declaration, Places | None] = {}
        for number, places in enumerate(self._places):
            for declaration, place in places.items():
                if declaration not in told:
                    told[declaration] = self.store.changed(declaration, since)
                changed = told[declaration]
                if changed is None:
                    self._spoil(number, np.arange(len(self._dirty)))
                elif len(changed):
                    size = int(place.max()) + 1
                    mark = np.zeros(size + 1, np.bool_)
                    mark[changed[changed < size]] = True
                    mark[size] = changed[-1] > self._highest.get(declaration, -1)  # new keys; where -1 points
                    self._spoil(number, np.flatnonzero(mark[place]))
        for declaration, changed in told.items():
            if changed is not None and len(changed):
                self._highest[declaration] = max(self._highest.get(declaration, -1), int(changed[-1]))

    def _spoil(self, number: int, rows: Rows) -> None:
        """A step and all that is made of it are stale in these rows."""
        for stale in self._after[number]:
            self._stale[stale, rows] = True
        self._dirty[rows] = True

    def _add(self, rows: Rows, items: list[Any]) -> None:
        """Give rows to new items: free ones, else in turn those of others that are not asked for now."""
        used = set(rows.tolist())
        for place in np.flatnonzero(rows < 0).tolist():
            if len(self._items) < self.most:
                row = len(self._items)
                self._items.append(items[place])
                if row == len(self._dirty):
                    self._grow()
            else:
                while self._next in used:
                    self._next = (self._next + 1) % self.most
                row, self._next = self._next, (self._next + 1) % self.most
                self._row_of.forget(self._items[row])
                self._items[row] = items[place]
            used.add(row)
            rows[place] = row
            self._row_of.put(items[place], row)
            self._stale[:, row] = self._dirty[row] = True

    def _grow(self) -> None:
        """Room for twice as many."""
        old, size = len(self._dirty), min(2 * len(self._dirty), self.most)
        self._row_of.grow(size)
        self._stale = np.concatenate([self._stale, np.ones((len(self._steps), size - old), np.bool_)], axis=1)
        self._gone = np.concatenate([self._gone, np.zeros((size - old, self._gone.shape[1]), np.uint64)])
        self._numbers = np.concatenate([self._numbers, np.full((size - old, len(self._number)), np.nan)])
        self._dirty = np.concatenate([self._dirty, np.ones(size - old, np.bool_)])
        self.version = np.concatenate([self.version, np.zeros(size - old, np.int64)])
        for name, column in self._columns.items():
            column.grow(size, self._numbers[:, self._number[name]] if column.kind == "number" else None)
        for places in self._places:
            for declaration, place in places.items():
                places[declaration] = np.concatenate([place, np.full(size - old, -1, np.int32)])

    def _make(self, rows: Rows, column: Column, instant: int) -> None:
        """Make what is stale in these rows."""
        last = np.empty(0, np.intp)
        requests = Requests(Table({}), np.empty(0, np.int64))
        for number, step in enumerate(self._steps):
            stale = self._stale[number, rows]
            if not stale.any():
                continue
            at = rows[stale]
            if not np.array_equal(at, last):  # mostly the same ones for many steps: their keys are looked up but once
                last = at
                asked = column if len(at) == len(rows) else column.take(np.flatnonzero(stale))
                requests = Requests(Table({self._item: asked}), np.full(len(at), instant, np.int64))
            made = {n: requests.rows[n] if n == self._item else self.take(n, at) for n in reads(step)}
            for name, values in step.online(requests, self.store, made).items():
                self._put(name, at, values)
            for declaration, keys in step.asks(requests, made):
                held = self._places[number].get(declaration)
                if held is None:
                    held = self._places[number][declaration] = np.full(len(self._dirty), -1, np.int32)
                held[at] = self.store.places(declaration, keys)
            self._stale[number, at] = False
        changed = rows[self._dirty[rows]]
        self.made += 1
        self.version[changed] = self.made
        self._dirty[changed] = False

    def _put(self, name: str, rows: Rows, values: Column) -> None:
        held = self._columns.get(name)
        if held is None:
            own = self._numbers[:, self._number[name]] if values.kind == "number" else None
            held = self._columns[name] = KeptColumn(values.kind, len(self._dirty), own)
            if own is None:
                self._others.append(name)
        if held.kind != values.kind or not held.put(rows, values):
            raise _AnotherKind
        word, bit = divmod(self._number[name], 64)
        gone = values.missing().astype(np.uint64) << np.uint64(bit)
        self._gone[rows, word] = self._gone[rows, word] & ~np.uint64(1 << bit) | gone


@compiled
def _count(gone: NDArray[np.uint64], rows: Rows, counts: NDArray[np.int64]) -> None:
    """In how many of some rows the bit of each column is set."""
    for row in rows:
        for word in range(gone.shape[1]):
            left, column = gone[row, word], 64 * word
            while left != 0:
                counts[column] += np.int64(left & np.uint64(1))
                left >>= np.uint64(1)
                column += 1


def _dependents(steps: Sequence[Step]) -> list[list[int]]:
    """Per step itself and all that are made of it, near or far."""
    found: list[list[int]] = []
    for number, step in enumerate(steps):
        names, after = set(makes(step)), [number]
        for later in range(number + 1, len(steps)):
            if names & set(reads(steps[later])):
                after.append(later)
                names |= set(makes(steps[later]))
        found.append(after)
    return found
