"""Entries of unequal numbers per key in flat arrays: a block for each slot in one arena, no object per entry.

An entry has a tile (an instant divided by the size of a tile), some integers and some floats. A block that is full
moves to twice the room at the end of the arena and leaves a hole; an arena that is full is packed again without holes
and without entries older than any window, and with room for as many again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled_locked, compiled_part


class Blocks:
    """The arena, and where each slot's block stands in it."""

    def __init__(self, ints: int, floats: int) -> None:
        self.start = np.zeros(16, np.int64)
        self.used = np.zeros(16, np.int32)
        self.room = np.zeros(16, np.int32)
        self.top = np.zeros(1, np.int64)
        self.tile = np.zeros(64, np.int32)
        self.ints = np.zeros((64, ints), np.int32)
        self.floats = np.zeros((64, floats), np.float64)

    def state(self) -> tuple[NDArray[Any], ...]:
        """What the compiled functions of this file take."""
        return self.start, self.used, self.room, self.top, self.tile, self.ints, self.floats

    def reserve(self, slots: int) -> None:
        """Room for this many slots."""
        size = len(self.start)
        if slots > size:
            more = max(slots, 2 * size) - size
            self.start = np.concatenate([self.start, np.zeros(more, np.int64)])
            self.used = np.concatenate([self.used, np.zeros(more, np.int32)])
            self.room = np.concatenate([self.room, np.zeros(more, np.int32)])

    def pack(self, oldest: int, more: int = 0) -> None:
        """Drop entries of tiles before `oldest`, close all holes, and leave room for as many again, for the longest
        block to double, and for `more`."""
        kept, moved = np.empty(int(self.used.sum()), np.int64), np.empty(int(self.used.sum()), np.int64)
        count = _packed(*self.state(), oldest, kept, moved)
        kept, moved = kept[:count], moved[:count]
        size = 64 + more + 2 * int(self.top[0]) + 4 * int(self.used.max())
        self.tile = _moved(self.tile, kept, moved, size)
        self.ints = _moved(self.ints, kept, moved, size)
        self.floats = _moved(self.floats, kept, moved, size)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, packed, for a snapshot."""
        kept = np.repeat(self.start - np.cumsum(self.used) + self.used, self.used) + np.arange(self.used.sum())
        return {"used": self.used, "tile": self.tile[kept], "ints": self.ints[kept], "floats": self.floats[kept]}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The opposite of `arrays`."""
        self.used = arrays["used"].copy()
        self.room = self.used.copy()
        self.start = np.cumsum(self.used, dtype=np.int64) - self.used
        self.tile, self.ints, self.floats = arrays["tile"].copy(), arrays["ints"].copy(), arrays["floats"].copy()
        self.top[0] = len(self.tile)


def _moved(array: NDArray[Any], kept: NDArray[np.int64], moved: NDArray[np.int64], size: int) -> NDArray[Any]:
    out = np.zeros((size, *array.shape[1:]), array.dtype)
    out[moved] = array[kept]
    return out


@compiled_locked
def _packed(start, used, room, top, tile, ints, floats, oldest, kept, moved):  # type: ignore[no-untyped-def]
    """How many entries to keep, which, and where each moves to. A block that grew once keeps room to grow by half."""
    count, free = 0, 0
    for slot in range(len(start)):
        begin = free
        for entry in range(start[slot], start[slot] + used[slot]):
            if tile[entry] >= oldest:
                kept[count], moved[count] = entry, free
                count += 1
                free += 1
        start[slot], used[slot] = begin, free - begin
        room[slot] = used[slot] + used[slot] // 2
        free = begin + room[slot]
    top[0] = free
    return count


@compiled_part
def move_entry(tile, ints, floats, source, target):  # type: ignore[no-untyped-def]
    """Copy an entry within the arena."""
    tile[target] = tile[source]
    for lane in range(ints.shape[1]):
        ints[target, lane] = ints[source, lane]
    for lane in range(floats.shape[1]):
        floats[target, lane] = floats[source, lane]


@compiled_part
def make_room(slot, oldest, start, used, room, top, tile, ints, floats):  # type: ignore[no-untyped-def]
    """Room for one more entry in the slot's block: by dropping what is older than any window, else by moving to a block
    of twice the size. False where the arena has no room for that."""
    kept = 0
    for entry in range(used[slot]):
        if tile[start[slot] + entry] >= oldest:
            if kept < entry:
                move_entry(tile, ints, floats, start[slot] + entry, start[slot] + kept)
            kept += 1
    used[slot] = kept
    if kept < room[slot]:
        return True
    size = max(1, 2 * room[slot])
    if top[0] + size > len(tile):
        return False
    for entry in range(kept):
        move_entry(tile, ints, floats, start[slot] + entry, top[0] + entry)
    start[slot], room[slot] = top[0], size
    top[0] += size
    return True
