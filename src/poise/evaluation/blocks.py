"""Blocks: what intervals resample, so that rows of one day or one customer do not pass for independent evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY, HOUR
from poise.table import MISSING_TIME

Unit = Literal["week", "day", "6 hours", "hour", "run", "entity", "row"]

WANTED = 30
"""The unit of time is the longest that gives so many blocks …"""
ENOUGH = 20
"""… or at least so many. Fewer than this are insufficient evidence for a gate."""
MOST = 200
"""More entities or rows than this are put together into so many blocks at random: 199 degrees of freedom lose under
1 % of an interval's width, and no metric then takes long."""

_MONDAY = 3 * DAY
"""The epoch was a Thursday: weeks start three days before."""
_SPANS: tuple[tuple[Unit, int, int], ...] = (
    ("week", 7 * DAY, _MONDAY),
    ("day", DAY, 0),
    ("6 hours", 6 * HOUR, 0),
    ("hour", HOUR, 0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The block of each row: `codes` (n,) from 0 to `count` - 1, and what a block is."""

    codes: NDArray[np.int64]
    unit: Unit
    count: int

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Blocks:
        """The blocks of these rows; codes and `count` stay, so that blocks without rows remain possible."""
        return Blocks(self.codes[index], self.unit, self.count)


def blocks_of(time: NDArray[np.int64], groups: NDArray[np.int64] | None = None, seed: int = 0) -> Blocks:
    """The blocks of rows at `time` (T, int64 microseconds, (n,)); without time by `groups` (n,), or single rows.

    In time: the longest of week, day, 6 hours and hour (UTC) with at least 30 blocks, else with at least 20, else 30
    runs of consecutive rows. Without time: entities, or rows; above 200 of them, 200 random sets of whole ones.

    >>> blocks_of(np.arange(60) * DAY).unit, blocks_of(np.arange(300) * DAY).unit
    ('day', 'week')
    """
    if len(time) and (time != MISSING_TIME).all():
        return _by_time(time)
    if groups is None:
        return _by_groups(np.arange(len(time), dtype=np.int64), "row", seed)
    return _by_groups(groups, "entity", seed)


def _by_time(time: NDArray[np.int64]) -> Blocks:
    for least in (WANTED, ENOUGH):
        for unit, span, shift in _SPANS:
            if (time.max() - time.min()) // span + 2 < least:
                continue
            blocks = _coded((time + shift) // span, unit)
            if blocks.count >= least:
                return blocks
    place = np.empty(len(time), np.int64)
    place[np.argsort(time, kind="stable")] = np.arange(len(time))
    return _coded(place * min(WANTED, len(time)) // len(time), "run")


def _by_groups(groups: NDArray[np.int64], unit: Unit, seed: int) -> Blocks:
    blocks = _coded(groups, unit)
    if blocks.count <= MOST:
        return blocks
    places = np.random.default_rng(seed).permutation(blocks.count) % MOST
    return _coded(places[blocks.codes], unit)


def _coded(values: NDArray[np.int64], unit: Unit) -> Blocks:
    levels, codes = np.unique(values, return_inverse=True)
    return Blocks(codes.astype(np.int64, copy=False), unit, len(levels))
