"""What a memory store keeps of tables and histories: each key's newest row, and, where events point to a column, its
earlier values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.stores.base import RowDeclaration
from poise.stores.changes import Changes
from poise.stores.codes import MISSING, Arrays, Codes, Ints, absent, as_column, encoded, part_of, prefixed
from poise.stores.key_slots import KeySlots, Slots
from poise.stores.pending import Rows
from poise.stores.rows import KINDS, NewestRows
from poise.stores.versions import Versions
from poise.stores.words import Words
from poise.table import MISSING_TIME, Column, Kind, Same


class KeyedRows:
    """The newest row per key of one source."""

    def __init__(self, key: tuple[str, ...], forgotten: int = 0) -> None:
        self.key = key
        self.slots = KeySlots(len(key))
        self.rows = NewestRows(())
        self.changes = Changes(forgotten)
        self._taken: dict[tuple[str, ...], Callable[[Sequence[Any]], Sequence[Any]]] = {}
        """Per set of columns that is declared, how they are taken from a row of all of them."""

    def declare(self, declaration: RowDeclaration) -> None:
        """Keep these columns too."""
        self.rows.columns = tuple(dict.fromkeys((*self.rows.columns, *declaration.columns)))

    def add(self, codes: Codes, rows: Rows, count: int) -> None:
        """Take rows in, as the change that the store counts as `count`."""
        slots = self.slots.add(*codes)
        self.rows.reserve(self.slots.size)
        self.rows.add(slots, rows.tau, rows.arrival, rows.columns)
        self.changes.note(count, slots)

    def read(
        self, columns: Sequence[str], slots: Slots, words: Words, kinds: Mapping[str, Kind | None]
    ) -> dict[str, Column]:
        """The columns of each key's newest row; missing for slot -1."""
        if len(slots) == 1:
            slot, values = slots.item(0), self.rows.values
            return {name: _one(values.get(name), slot, words, kinds[name]) for name in columns}
        gone = None if slots.min(initial=0) >= 0 else slots < 0
        return {name: self._column(name, slots, gone, words, kinds) for name in columns}

    def row(self, columns: tuple[str, ...], slot: int, words: Words) -> Sequence[Any]:
        """The columns of the newest row in one slot as Python values, None where missing, as all are in slot -1.

        A row's numbers come from one place, which for a few keys is what the time goes into.
        """
        rows = self.rows
        if slot < 0 or not rows.blocks:
            return [None] * len(columns)
        made: list[Any] = []
        for block, kind in zip(rows.blocks, rows.kinds, strict=True):
            values = block[slot].tolist()
            if kind == "number":
                made += [None if value != value else value for value in values]
            elif kind == "string":
                made += map(words.word, values)
            else:
                made += [None if value == MISSING_TIME else value for value in values]
        if columns == rows.order:
            return made
        taken = self._taken.get(columns)
        if taken is None:
            taken = self._taken[columns] = _taken(rows.order, columns)
        return taken(made)

    def read_with(
        self,
        columns: Sequence[str],
        codes: Codes,
        words: Words,
        kinds: Mapping[str, Kind | None],
        also: KeyedRows | None,
    ) -> dict[str, Column]:
        """The columns of each key's newest row, of `also` where that has a newer one."""
        slots = self.slots.find(*codes)
        if also is None:
            return self.read(columns, slots, words, kinds)
        others = also.slots.find(*codes)
        newer = _is_newer(also.rows, others, self.rows, slots)
        out: dict[str, Column] = {}
        for name in columns:
            values, theirs = _held(self.rows, slots, name), _held(also.rows, others, name)
            values = theirs if values is None else values if theirs is None else np.where(newer, theirs, values)
            kind = kinds[name] or "number"
            out[name] = Column.absent(kind, len(slots)) if values is None else as_column(values, words)
        return out

    def _column(
        self, name: str, slots: Slots, gone: NDArray[np.bool_] | None, words: Words, kinds: Mapping[str, Kind | None]
    ) -> Column:
        """One column by slot, missing where `gone`."""
        held = self.rows.values.get(name)
        if held is None:
            return Column.absent(kinds[name] or "number", len(slots))
        values = held[slots]
        if gone is not None:
            values[gone] = absent(held, 1)
        return as_column(values, words)

    def arrays(self) -> Arrays:
        """Everything, for a snapshot."""
        return prefixed("slots", self.slots.arrays()) | prefixed("rows", self.rows.arrays())

    def restore(self, arrays: Arrays) -> None:
        """The opposite of `arrays`, for the same declarations."""
        self.slots.restore(part_of("slots", arrays))
        self.rows.restore(part_of("rows", arrays))


class KeyedVersions:
    """The values, over time, of one column of a source that events point to."""

    def __init__(self, key: tuple[str, ...], column: str) -> None:
        self.key = key
        self.column = column
        self.slots = KeySlots(len(key))
        self.versions = Versions()

    def add(self, codes: Codes, rows: Rows) -> None:
        """Take rows in."""
        slots = self.slots.add(*codes)
        self.versions.reserve(self.slots.size)
        times = np.stack([rows.visible, rows.tau, rows.arrival], axis=1)
        self.versions.add(slots, times, *encoded(rows.columns[self.column]))

    def as_of(self, codes: Codes, time: Ints) -> Codes:
        """The column's code that each key had just before an instant, shape (n,), and where there was none."""
        return self.versions.as_of(self.slots.find(*codes), time)

    def arrays(self) -> Arrays:
        """Everything, for a snapshot."""
        return prefixed("slots", self.slots.arrays()) | prefixed("versions", self.versions.arrays())

    def restore(self, arrays: Arrays) -> None:
        """The opposite of `arrays`."""
        self.slots.restore(part_of("slots", arrays))
        self.versions.restore(part_of("versions", arrays))


def _one(held: NDArray[Any] | None, slot: int, words: Words, kind: Kind | None) -> Same:
    """One value without array work: of a request mostly one row is looked up."""
    if held is not None:
        kind = KINDS[held.dtype.char]
        if slot >= 0:
            value = held.item(slot)
            return Same(kind, words.word(value) if kind == "string" else value)
    kind = kind or "number"
    return Same(kind, None if kind == "string" else MISSING[kind])


def _taken(held: tuple[str, ...], columns: tuple[str, ...]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Takes `columns` from a row of those that are `held`."""
    at = [held.index(name) for name in columns]
    return itemgetter(*at) if len(at) > 1 else lambda row: [row[place] for place in at]


def _held(rows: NewestRows, slots: Slots, name: str) -> NDArray[Any] | None:
    """A column's values by slot, missing for slot -1; None where no row has come yet."""
    held = rows.values.get(name)
    if held is None:
        return None
    return np.where(slots >= 0, held[slots], absent(held, len(slots)))


def _is_newer(theirs: NewestRows, others: Slots, ours: NewestRows, slots: Slots) -> NDArray[np.bool_]:
    """Where the row in `theirs` is newer than that in `ours`."""
    later = theirs.tau[others] > ours.tau[slots]
    tied = (theirs.tau[others] == ours.tau[slots]) & (theirs.arrival[others] > ours.arrival[slots])
    newer: NDArray[np.bool_] = (others >= 0) & ((slots < 0) | later | tied)
    return newer
