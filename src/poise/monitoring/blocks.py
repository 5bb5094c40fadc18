"""The window in the blocks of the profile: which rows stand in which, and the shares of columns in them over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import ratio
from poise.monitoring.base import Watched
from poise.monitoring.breaks import SEASONS, Break, find_break
from poise.releases.profile import Profile
from poise.releases.profile_column import ColumnProfile, Tally
from poise.table import Column

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NEARLY = 0.05
"""So much of a block may be left of it where it counts as over: rows of a week rarely end with its last second."""


def over(until: int, start: int, step: int) -> int:
    """How many blocks from `start` on are over by `until`, or nearly so.

    >>> over(197, 0, 100), over(190, 0, 100)
    (2, 1)
    """
    return int((until - start + NEARLY * step) // step)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Rows after the profile in its blocks, those alone that are over: a day of which half is in is not like days.

    rows: positions of the rows of the window, in the order of T; starts: where each block begins among them, (w,);
    first: the number of the first block. Where rows have no time, all are one block.
    """

    profile: Profile
    rows: slice
    starts: Ints
    first: int
    gap: int
    """Blocks between the profile and the window."""

    @property
    def height(self) -> int:
        """How many rows."""
        return int(self.rows.stop - self.rows.start)

    def time(self, block: int) -> int | None:
        """When a block of the window begins, in microseconds; None without time."""
        return self.profile.start + (self.first + block) * self.profile.step if self.profile.step else None

    @property
    def times(self) -> list[int]:
        """When each block begins."""
        return [self.profile.start + (self.first + at) * self.profile.step for at in range(len(self.starts))]

    def tally(self, usual: ColumnProfile, column: Column) -> Tally:
        """The window's rows of a column, counted as the profile counts."""
        return usual.tally(Column(column.kind, column.values[self.rows], column.levels), self.starts)

    def gaps(self, usual: ColumnProfile, column: Column) -> Tally:
        """What the window's rows of a column miss, and how many are of levels that the profile does not name."""
        return usual.gaps(Column(column.kind, column.values[self.rows], column.levels), self.starts)

    def find(self, usual: Floats, now: Floats, usual_rows: Ints, now_rows: Ints) -> Break | None:
        """The break in shares (w, k) of this window after those of the profile (m, k)."""
        season = SEASONS.get(self.profile.unit, 0)
        return find_break(usual, now, usual_rows.astype(float), now_rows.astype(float), season, apart=self.gap > 1)


def window_of(watched: Watched, per: str) -> Window | None:
    """The rows of `per` after the profile; None without a profile or where no block is over."""
    profile, rows = watched.profile, watched.rows.get(per)
    if profile is None or rows is None or not rows.height or not profile.columns.get(per):
        return None
    if not profile.step:
        return Window(profile, slice(0, rows.height), np.zeros(1, np.int64), 0, 0)
    known = (profile.end - profile.start) // profile.step
    block = profile.block(rows.time)
    done = over(watched.until, profile.start, profile.step)
    begin, end = int(np.searchsorted(block, known)), int(np.searchsorted(block, done))
    if begin >= end:
        return None
    first, last = int(block[begin]), int(max(block[end - 1], done - 1))
    starts = np.searchsorted(block[begin:end], np.arange(first, last + 1)).astype(np.int64)
    return Window(profile, slice(begin, end), starts, first, first - known)


def usual_shares(usual: ColumnProfile) -> tuple[Floats, Ints]:
    """Per block of the profile the shares at its edges, (m, k), and the rows that they are of.

    Of categories the last share is of levels that did not occur in the first half; it is not known of that half.
    """
    here = usual.blocks[:, 0] - usual.blocks[:, 1]
    shares = ratio(usual.blocks[:, 2:], here[:, None], 0.0)
    if usual.kind == "category" and len(shares):
        shares[: (len(shares) + 1) // 2, -1] = np.nan
    return shares, here


def shares_now(usual: ColumnProfile, tally: Tally) -> tuple[Floats, Ints]:
    """The same of the window's blocks, (w, k)."""
    here = tally.rows - tally.missing
    counts = tally.counts[:, usual.edges]
    if tally.unseen is not None:
        counts = np.column_stack([counts, tally.unseen])
    return ratio(counts, here[:, None], 0.0), here
