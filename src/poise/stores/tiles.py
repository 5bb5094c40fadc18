"""Counts, sums, least and greatest values per key and tile, and each key's last values: what windows are read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled_locked, compiled_part
from poise.stores.base import WindowDeclaration
from poise.stores.blocks import Blocks, make_room, move_entry

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Tiles:
    """Tiles of one window declaration. A slot's entries stand in the order of their tiles.

    Integers of an entry: how many rows, then per column how many values. Floats: per summed column the sum and what
    rounding left of it (Neumaier), then the least of each value times its sign (-1 for greatest values).
    """

    def __init__(self, declaration: WindowDeclaration) -> None:
        numeric = [(name, column) for name, column in declaration.take if name in ("sum", "mean", "min", "max")]
        self.columns = sorted({str(column) for _, column in numeric})
        self.summed = sorted({str(column) for name, column in numeric if name in ("sum", "mean")})
        self.extreme = sorted({(name, str(column)) for name, column in numeric if name in ("min", "max")})
        self.tile = declaration.tile
        self.over = np.array(declaration.over, np.int64)
        self._sum_of = np.array([self.columns.index(column) for column in self.summed], np.int64)
        self._extreme_of = np.array([self.columns.index(column) for _, column in self.extreme], np.int64)
        self._sign = np.array([1.0 if name == "min" else -1.0 for name, _ in self.extreme])
        of_sums = [(name, column) for name in ("sum", "mean") for column in self.summed]
        self.answers: list[tuple[str, str | None]] = [("count", None), *of_sums, *self.extreme]
        self.blocks = Blocks(1 + len(self.columns), 2 * len(self.summed) + len(self.extreme))
        self._lanes = (self._sum_of, self._extreme_of, self._sign)
        self._sums = (np.empty(self.blocks.ints.shape[1]), np.empty(self.blocks.floats.shape[1]))

    def add(self, slots: NDArray[np.int32], tau: Ints, values: Mapping[str, Floats], oldest: int) -> None:
        """Count rows in; those of tiles before `oldest` are in no window any more."""
        table = np.empty((len(self.columns), len(slots)))
        for lane, column in enumerate(self.columns):
            table[lane] = values[column]
        done = 0
        while True:
            done = _add(slots, tau // self.tile, table, *self._lanes, oldest, done, *self.blocks.state())
            if done == len(slots):
                return
            self.blocks.pack(oldest, len(slots) - done)

    def read(self, slots: NDArray[np.int32], time: Ints) -> dict[tuple[str, str | None], Floats]:
        """The aggregates that come from tiles, per window and slot; shape (windows, n). Slot -1 gives NaN."""
        values = np.empty((len(self.answers), len(self.over), len(slots)))
        values.fill(np.nan)
        _read(slots, time, self.over, self.tile, *self._lanes, *self.blocks.state(), *self._sums, values)
        return dict(zip(self.answers, values, strict=True))


class Lasts:
    """Each slot's newest value of some columns, by (τ, arrival); column None is the row itself."""

    def __init__(self, declaration: WindowDeclaration) -> None:
        wanted = {column for name, column in declaration.take if name in ("last", "since_last")}
        self.columns = sorted(wanted, key=str)
        self.tau = np.full((16, len(self.columns)), np.iinfo(np.int64).min, np.int64)
        self.arrival = np.full((16, len(self.columns)), -1, np.int64)
        self.value = np.full((16, len(self.columns)), np.nan)

    def reserve(self, slots: int) -> None:
        """Room for this many slots."""
        if slots > len(self.tau):
            more = max(slots, 2 * len(self.tau)) - len(self.tau)
            shape = (more, len(self.columns))
            self.tau = np.concatenate([self.tau, np.full(shape, np.iinfo(np.int64).min, np.int64)])
            self.arrival = np.concatenate([self.arrival, np.full(shape, -1, np.int64)])
            self.value = np.concatenate([self.value, np.full(shape, np.nan)])

    def add(self, slots: NDArray[np.int32], tau: Ints, arrival: Ints, values: Mapping[str, Floats]) -> None:
        """Take rows in; NaN is no value."""
        for lane, column in enumerate(self.columns):
            row_values = np.zeros(len(slots)) if column is None else values[column]
            _newest(slots, tau, arrival, row_values, lane, self.tau, self.arrival, self.value)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, for a snapshot."""
        return {"tau": self.tau, "arrival": self.arrival, "value": self.value}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The opposite of `arrays`."""
        self.tau, self.arrival, self.value = (arrays[name].copy() for name in ("tau", "arrival", "value"))


@compiled_locked
def _add(  # type: ignore[no-untyped-def]
    slots, tiles, values, sum_of, extreme_of, sign, oldest, begin, start, used, room, top, tile, ints, floats
):
    """Count rows in from `begin` on, until all are or the arena is full; where it stopped."""
    for row in range(begin, len(slots)):
        slot = slots[row]
        if slot < 0 or tiles[row] < oldest:
            continue
        place = used[slot]  # after the entries of this tile and earlier ones: nearly always the end
        while place > 0 and tile[start[slot] + place - 1] > tiles[row]:
            place -= 1
        if place == 0 or tile[start[slot] + place - 1] < tiles[row]:
            if used[slot] == room[slot]:
                before = used[slot]
                if not make_room(slot, oldest, start, used, room, top, tile, ints, floats):
                    return row
                place -= before - used[slot]  # what was dropped stood in front
            for entry in range(used[slot], place, -1):
                move_entry(tile, ints, floats, start[slot] + entry - 1, start[slot] + entry)
            used[slot] += 1
            place += 1
            fresh = start[slot] + place - 1
            tile[fresh] = tiles[row]
            for lane in range(ints.shape[1]):
                ints[fresh, lane] = 0
            for lane in range(floats.shape[1]):
                floats[fresh, lane] = 0.0 if lane < 2 * len(sum_of) else np.inf
        _count(row, start[slot] + place - 1, values, sum_of, extreme_of, sign, ints, floats)
    return len(slots)


@compiled_part
def _count(row, entry, values, sum_of, extreme_of, sign, ints, floats):  # type: ignore[no-untyped-def]
    """Count one row into one entry."""
    ints[entry, 0] += 1
    for lane in range(values.shape[0]):
        if not np.isnan(values[lane, row]):
            ints[entry, 1 + lane] += 1
    for lane in range(len(sum_of)):
        value, old = values[sum_of[lane], row], floats[entry, 2 * lane]
        if not np.isnan(value):
            new = old + value
            floats[entry, 2 * lane] = new
            if np.isfinite(new):
                rest = (old - new) + value if abs(old) >= abs(value) else (value - new) + old
                floats[entry, 2 * lane + 1] += rest
    first = 2 * len(sum_of)
    for lane in range(len(extreme_of)):
        value = sign[lane] * values[extreme_of[lane], row]
        if value < floats[entry, first + lane]:
            floats[entry, first + lane] = value


@compiled_locked
def _read(  # type: ignore[no-untyped-def]
    slots, time, over, size, sum_of, extreme_of, sign, start, used, room, top, tile, ints, floats, count, value, out
):
    """Per slot, from its newest tile backwards: each window, shortest first, goes on where the one before stopped.
    Answers are counts, sums, means, then least and greatest values; shape (answers, windows, n)."""
    sums = len(sum_of)
    for row in range(len(slots)):
        slot = slots[row]
        if slot < 0:
            continue
        for lane in range(len(count)):
            count[lane] = 0.0
        for lane in range(len(value)):
            value[lane] = 0.0 if lane < 2 * sums else np.inf
        entry = start[slot] + used[slot] - 1
        for window in range(len(over)):
            edge = (time[row] - over[window]) // size
            while entry >= start[slot] and tile[entry] >= edge:
                for lane in range(len(count)):
                    count[lane] += ints[entry, lane]
                for lane in range(2 * sums):
                    value[lane] += floats[entry, lane]
                for lane in range(2 * sums, len(value)):
                    value[lane] = min(value[lane], floats[entry, lane])
                entry -= 1
            out[0, window, row] = count[0]
            for lane in range(sums):
                total, values = value[2 * lane] + value[2 * lane + 1], count[1 + sum_of[lane]]
                out[1 + lane, window, row] = total
                if values > 0:
                    out[1 + sums + lane, window, row] = total / values
            for lane in range(len(extreme_of)):
                if count[1 + extreme_of[lane]] > 0:
                    out[1 + 2 * sums + lane, window, row] = sign[lane] * value[2 * sums + lane]


@compiled_locked
def _newest(slots, tau, arrival, values, lane, last_tau, last_arrival, last):  # type: ignore[no-untyped-def]
    """Keep the newest value of each slot in one lane."""
    for row in range(len(slots)):
        slot = slots[row]
        if slot < 0 or np.isnan(values[row]):
            continue
        newest = last_tau[slot, lane]
        if tau[row] > newest or (tau[row] == newest and arrival[row] > last_arrival[slot, lane]):
            last_tau[slot, lane], last_arrival[slot, lane] = tau[row], arrival[row]
            last[slot, lane] = values[row]
