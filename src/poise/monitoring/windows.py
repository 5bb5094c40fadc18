"""Windows: spans of one length that end at the newest row, by which what is now is compared with what was usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.releases.profile import ObjectiveProfile, Profile
from poise.table import MISSING_TIME

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST = 120
"""Windows that are looked at, the newest."""
LEAST_ROWS = 100
"""A window of fewer rows tells nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """[since, until) in microseconds (None without time), and the positions of its rows."""

    since: int | None
    until: int | None
    rows: Ints


def windows_of(time: Ints, length: int, least: int = LEAST_ROWS) -> list[Window]:
    """Windows of `length` microseconds over rows at `time`, (n,) ascending: the oldest first, the last one ends just
    after the newest row. Rows before the first whole window are left out; windows of fewer than `least` rows too.

    >>> [len(one.rows) for one in windows_of(np.arange(25), 10, least=1)]
    [10, 10]
    """
    if not len(time):
        return []
    if time[0] == MISSING_TIME:
        return [Window(None, None, np.arange(len(time)))] if len(time) >= least else []
    end, found = int(time[-1]) + 1, []
    count = min((end - int(time[0])) // length or 1, MOST)
    for back in range(count, 0, -1):
        since, until = end - back * length, end - (back - 1) * length
        first, last = np.searchsorted(time, [since, until])
        if last - first >= least:
            found.append(Window(since, until, np.arange(first, last)))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What windows of one length were like while the release was calibrated and judged: rows, score, mean prediction
    and mean truth of each of k, all (k,)."""

    rows: Floats
    score: Floats
    predicted: Floats
    came_true: Floats

    @property
    def gap(self) -> Floats:
        """Mean truth less mean prediction, (k,)."""
        return self.came_true - self.predicted


def usual(profile: Profile | None, name: str, length: int, square: bool) -> Usual:
    """The blocks of a profile put together to windows of about `length`; of none where nothing is known.

    square: scores are roots of means (`rmse`), which are averaged as squares.
    """
    made: ObjectiveProfile | None = None if profile is None else profile.objectives.get(name)
    nothing = np.empty(0)
    if profile is None or made is None or not profile.step:
        return Usual(nothing, nothing, nothing, nothing)
    blocks = made.performance
    there = np.flatnonzero(np.isfinite(blocks[:, 0]) & np.isfinite(blocks[:, 1]))
    if not len(there):
        return Usual(nothing, nothing, nothing, nothing)
    per = max(1, round(length / profile.step))
    group = (there[-1] - there) // per
    whole = [there[group == g] for g in range(int(group.max()), -1, -1)]
    parts = [blocks[rows] for rows in whole if len(rows) * 2 > per]
    return _put_together(parts, square)


def _put_together(parts: Sequence[Floats], square: bool) -> Usual:
    rows = np.array([part[:, 0].sum() for part in parts])
    score, predicted, true = (
        np.array([np.average(part[:, at] ** (2 if square and at == 1 else 1), weights=part[:, 0]) for part in parts])
        for at in (1, 2, 3)
    )
    return Usual(rows, np.sqrt(score) if square else score, predicted, true)
