"""What a memory store keeps for the windows over one source by one key."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from poise.features.distinct import places
from poise.stores.base import JoinedKey, WindowDeclaration
from poise.stores.changes import Changes
from poise.stores.codes import Arrays, Codes, Ints, as_column, as_floats, part_of, prefixed
from poise.stores.key_slots import KeySlots, Slots
from poise.stores.pending import Rows
from poise.stores.sketches import Sketches
from poise.stores.tiles import Lasts, Tiles
from poise.stores.words import Words
from poise.table import MISSING_TIME, Column, Kind

Found = dict[tuple[str, str | None], NDArray[np.float64]]


class KeyedWindows:
    """All window declarations over one source by one key."""

    def __init__(self, by: tuple[str | JoinedKey, ...], forgotten: int = 0) -> None:
        self.by = by
        self.slots = KeySlots(len(by))
        self.tiles: dict[WindowDeclaration, Tiles] = {}
        self.lasts: dict[WindowDeclaration, Lasts] = {}
        self.sketches: dict[tuple[WindowDeclaration, str], Sketches] = {}
        self.changes = Changes(forgotten)

    def declare(self, declaration: WindowDeclaration) -> None:
        """Keep what this needs."""
        names = {name for name, _ in declaration.take}
        if names & {"count", "sum", "mean", "min", "max"}:
            self.tiles[declaration] = Tiles(declaration)
        if names & {"last", "since_last"}:
            self.lasts[declaration] = Lasts(declaration)
        for name, column in declaration.take:
            if name == "distinct" and column is not None:
                over = np.array(declaration.over, np.int64)
                self.sketches[declaration, column] = Sketches(declaration.tile, over)

    def add(self, codes: Codes, rows: Rows, words: Words, newest: int, count: int) -> None:
        """Count rows in, as the change that is counted as `count`; requests come with T > `newest` from now on."""
        slots = self.slots.add(*codes)
        self.changes.note(count, slots)
        for kept in (*(t.blocks for t in self.tiles.values()), *(s.blocks for s in self.sketches.values())):
            kept.reserve(self.slots.size)
        wanted = {column for tiles in self.tiles.values() for column in tiles.columns}
        wanted |= {column for lasts in self.lasts.values() for column in lasts.columns if column is not None}
        numbers = {name: as_floats(rows.columns[name]) for name in wanted}
        for declaration, tiles in self.tiles.items():
            tiles.add(slots, rows.tau, numbers, _oldest(declaration, newest))
        for lasts in self.lasts.values():
            lasts.reserve(self.slots.size)
            lasts.add(slots, rows.tau, rows.arrival, numbers)
        for (declaration, column), sketches in self.sketches.items():
            hashed = places(as_column(rows.columns[column], words))
            sketches.add(slots, rows.tau, *hashed, _oldest(declaration, newest))

    def read(
        self, declaration: WindowDeclaration, slots: Slots, time: Ints, words: Words, kinds: Mapping[str, Kind | None]
    ) -> dict[tuple[str, str | None, int], Column]:
        """The answer to a read of one declaration. A missing or unknown key, slot -1, gives missing."""
        found = self._found(declaration, slots, time)
        out: dict[tuple[str, str | None, int], Column] = {}
        for name, column in declaration.take:
            kind = kinds[column] if name == "last" and column else "number"
            for values, window in zip(found[name, column], declaration.over, strict=True):
                out[name, column, window] = _as_kind(values, kind or "number", words)
        return out

    def _found(self, declaration: WindowDeclaration, slots: Slots, time: Ints) -> Found:
        """Every aggregate per window and slot, shape (windows, n); words as their numbers. Slot -1 gives NaN."""
        tiles = self.tiles.get(declaration)
        found: Found = {} if tiles is None else tiles.read(slots, time)
        if self.lasts and declaration in self.lasts:
            found |= _lasts(declaration, self.lasts[declaration], slots, time)
        for (of, column), sketches in self.sketches.items():
            if of == declaration:
                found["distinct", column] = sketches.read(slots, time)
        return found

    def arrays(self) -> Arrays:
        """Everything, for a snapshot."""
        out = prefixed("slots", self.slots.arrays())
        for number, tiles in enumerate(self.tiles.values()):
            out |= prefixed(f"tiles{number}", tiles.blocks.arrays())
        for number, lasts in enumerate(self.lasts.values()):
            out |= prefixed(f"lasts{number}", lasts.arrays())
        for number, sketches in enumerate(self.sketches.values()):
            out |= prefixed(f"sketches{number}", sketches.blocks.arrays())
        return out

    def restore(self, arrays: Arrays) -> None:
        """The opposite of `arrays`, for the same declarations."""
        self.slots.restore(part_of("slots", arrays))
        for number, tiles in enumerate(self.tiles.values()):
            tiles.blocks.restore(part_of(f"tiles{number}", arrays))
        for number, lasts in enumerate(self.lasts.values()):
            lasts.restore(part_of(f"lasts{number}", arrays))
        for number, sketches in enumerate(self.sketches.values()):
            sketches.blocks.restore(part_of(f"sketches{number}", arrays))


def _oldest(declaration: WindowDeclaration, newest: int) -> int:
    """The oldest tile that a request with T > `newest` can still see."""
    return (newest + 1 - declaration.over[-1]) // declaration.tile


def _lasts(declaration: WindowDeclaration, lasts: Lasts, slots: Slots, time: Ints) -> Found:
    """What is left in each window of the slots' last values."""
    edges = (time - np.array(declaration.over, np.int64)[:, None]) // declaration.tile * declaration.tile
    found: Found = {}
    for name, column in declaration.take:
        if name in ("last", "since_last"):
            lane = lasts.columns.index(column)
            tau = lasts.tau[slots, lane]
            inside = (tau >= edges) & (slots >= 0)
            value = lasts.value[slots, lane] if name == "last" else (time - tau) / 1e6
            found[name, column] = np.where(inside, value, np.nan)
    return found


def _as_kind(values: NDArray[np.float64], kind: Kind, words: Words) -> Column:
    """Floats as a column of the kind that they stand for."""
    if kind == "number":
        return Column("number", values)
    gone = np.isnan(values)
    if kind == "string":
        return words.column(np.where(gone, -1, values).astype(np.int32))
    return Column("time", np.where(gone, MISSING_TIME, np.where(gone, 0, values).astype(np.int64)))
