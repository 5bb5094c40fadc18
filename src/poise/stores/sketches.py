"""How many different values per key and window: sketches whose ranks grow old (Chabchoub, Hébrail: Sliding HyperLogLog,
2010).

An entry is a (tile, register, rank); one is kept only if no other of its register has both a rank and a tile that are
not less, so that a slot holds at most a few entries per register however many rows it sees.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.features.distinct import RANKS, REGISTERS, estimate
from poise.jit import compiled_locked
from poise.stores.blocks import Blocks, make_room, move_entry


class Sketches:
    """The sketches of one column of one window declaration."""

    def __init__(self, tile: int, over: NDArray[np.int64]) -> None:
        self.tile = tile
        self.over = over
        self.blocks = Blocks(2, 0)

    def add(
        self,
        slots: NDArray[np.int32],
        tau: NDArray[np.int64],
        registers: NDArray[np.int32],
        ranks: NDArray[Any],
        oldest: int,
    ) -> None:
        """Take values in; rank 0 is no value."""
        done = 0
        while True:
            done = _add(slots, tau // self.tile, registers, ranks, oldest, done, *self.blocks.state())
            if done == len(slots):
                return
            self.blocks.pack(oldest, len(slots) - done)

    def read(self, slots: NDArray[np.int32], time: NDArray[np.int64]) -> NDArray[np.float64]:
        """The estimates per window and slot, shape (windows, n); slot -1 gives NaN."""
        found: NDArray[np.float64] = _read(slots, time, self.over, self.tile, *self.blocks.state())
        return found


@compiled_locked
def _add(slots, tiles, registers, ranks, oldest, begin, start, used, room, top, tile, ints, floats):  # type: ignore[no-untyped-def]
    """Take rows in from `begin` on, until all are or the arena is full; where it stopped."""
    for row in range(begin, len(slots)):
        slot = slots[row]
        if slot < 0 or tiles[row] < oldest or ranks[row] == 0:
            continue
        needless = False
        entry = start[slot]
        while entry < start[slot] + used[slot]:
            if ints[entry, 0] == registers[row]:
                if tile[entry] >= tiles[row] and ints[entry, 1] >= ranks[row]:
                    needless = True
                    break
                if tile[entry] <= tiles[row] and ints[entry, 1] <= ranks[row]:
                    used[slot] -= 1
                    move_entry(tile, ints, floats, start[slot] + used[slot], entry)
                    continue
            entry += 1
        if needless:
            continue
        if used[slot] == room[slot] and not make_room(slot, oldest, start, used, room, top, tile, ints, floats):
            return row
        entry = start[slot] + used[slot]
        tile[entry], ints[entry, 0], ints[entry, 1] = tiles[row], registers[row], ranks[row]
        used[slot] += 1
    return len(slots)


@compiled_locked
def _read(slots, time, over, size, start, used, room, top, tile, ints, floats):  # type: ignore[no-untyped-def]
    out = np.empty((len(over), len(slots)), np.float64)
    ranks, histogram = np.zeros(REGISTERS, np.int64), np.zeros(RANKS, np.int64)
    for row in range(len(slots)):
        slot = slots[row]
        for window in range(len(over)):
            if slot < 0:
                out[window, row] = np.nan
                continue
            edge = (time[row] - over[window]) // size
            ranks[:] = 0
            histogram[:] = 0
            for entry in range(start[slot], start[slot] + used[slot]):
                if tile[entry] >= edge:
                    register = ints[entry, 0]
                    ranks[register] = max(ranks[register], ints[entry, 1])
            for register in range(REGISTERS):
                histogram[ranks[register]] += 1
            out[window, row] = estimate(histogram)
    return out
