"""Who drifts away slowly: one actor's labels, summed up over time, against what was expected of them and of others.

Each day the actor's labels are set against what a model of the history expected of the very rows, moved as those of
all others moved that day: storms and seasons are nobody's. What is left is summed over all that is new, its newer half
and its newest quarter (cumulative sums: Page, Biometrika, 1954), so that many days of little count as one of much. How
far such sums go by themselves is told by those of all actors in the history, each around its own mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from poise.clock import DAY
from poise.evaluation.base import ratio
from poise.monitoring.discovery import RATE, discoveries
from poise.updating.guard_expected import Expected
from poise.updating.guard_groups import Grouping
from poise.updating.guard_tests import Departure

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

LEAST_ROWS = 50
"""An actor with fewer new rows is not summed up: how a few fall is chance."""
LEAST_CHANGE = 0.05
"""Labels that came less than five points more or less often than was expected are no departure."""
MOST_ACTORS = 500
"""Of more, those with most new rows."""
NEWEST = (1.0, 0.5, 0.25)
"""Parts of the new rows that are summed up, from the newest back."""


def slow(expected: Expected, target: Floats, time: Ints, groups: Sequence[Grouping], held: Flags) -> list[Departure]:
    """Who stands for somebody and whose labels drift away from what was expected, after the control of false
    discoveries; target: (n,) of 0 and 1, time: T (n,) in microseconds."""
    tested: list[tuple[Departure, float]] = []
    for group in groups:
        if group.declared:
            tested += _summed(expected, target, time, group, held)
    real = discoveries(np.array([p for _, p in tested], np.float64), RATE)
    return [
        one
        for (one, _), is_real in zip(tested, real, strict=True)
        if is_real and abs(one.value - one.usual) >= LEAST_CHANGE
    ]


def _summed(
    expected: Expected, target: Floats, time: Ints, group: Grouping, held: Flags
) -> list[tuple[Departure, float]]:
    new = expected.new(held) & (group.codes >= 0)
    counts = np.bincount(group.codes[new], minlength=len(group.levels))
    actors = np.argsort(-counts)[:MOST_ACTORS]
    actors = actors[counts[actors] >= LEAST_ROWS]
    if len(actors) < 2:
        return []
    place = np.full(len(group.levels) + 1, len(actors))
    place[actors] = np.arange(len(actors))
    who = place[group.codes]
    sums = _Sums(expected, target, time, who, len(actors))
    windows = [sums.of((expected.window == at) & ~held) for at in range(expected.windows)]
    own, drift, freedom = _history(windows)
    rows = np.flatnonzero(new)
    found: dict[str, tuple[Departure, float]] = {}
    for part in NEWEST:
        inside = np.zeros(len(new), np.bool_)
        inside[rows[int(len(rows) * (1 - part)) :]] = True
        gone, sure = sums.of(inside)
        away = gone / np.maximum(sure, 1e-9) - own[0]
        error = np.sqrt(1 / np.maximum(sure, 1e-9) + own[1] + drift)
        p = 2 * student.sf(np.abs(away) / error, freedom)
        for at in range(len(actors)):
            mine = inside & (who == at)
            one = _departure(group, int(actors[at]), mine, target, float(gone[at]), float(p[at]))
            if one is not None and (one.level not in found or one.p < found[one.level][0].p):
                found[one.level] = one, min(1.0, len(NEWEST) * one.p)
    return list(found.values())


def _departure(group: Grouping, level: int, rows: Flags, target: Floats, gone: float, p: float) -> Departure | None:
    count = int(rows.sum())
    if count < LEAST_ROWS / 2:
        return None
    share = float(target[rows].mean())
    usual = float(np.clip(share - gone / count, 0, 1))
    return Departure(group.source, group.column, group.levels[level], "drift", "yes", count, share, usual, p)


class _Sums:
    """What came beyond what was expected, by actor and day; actors that are not looked at are the last of them."""

    def __init__(self, expected: Expected, target: Floats, time: Ints, who: Ints, actors: int) -> None:
        self.actors, self.who = actors, who
        self.day = np.unique(time // DAY, return_inverse=True)[1]
        self.beyond = np.nan_to_num(target - expected.likely)
        self.spread = np.nan_to_num(expected.likely * (1 - expected.likely))

    def of(self, rows: Flags) -> tuple[Floats, Floats]:
        """Of each actor what came beyond what was expected and beyond the others, and how sure that makes its odds
        (Fisher's information), (actors,) each, summed over the days of some rows."""
        days = int(self.day.max()) + 1
        cell = self.who[rows] * days + self.day[rows]
        shape = (self.actors + 1, days)
        beyond, spread = (
            np.bincount(cell, values[rows], shape[0] * days).reshape(shape) for values in (self.beyond, self.spread)
        )
        # By how much the odds of all others moved that day: one step of Newton's method.
        others = ratio((beyond.sum(axis=0) - beyond).ravel(), (spread.sum(axis=0) - spread).ravel(), 0.0).reshape(shape)
        return (beyond - spread * others)[:-1].sum(axis=1), spread[:-1].sum(axis=1)


def _history(windows: Sequence[tuple[Floats, Floats]]) -> tuple[tuple[Floats, Floats], float, float]:
    """Of each actor the mean move of its odds over the windows and its variance, how much a window varies around it by
    more than chance, and the degrees of freedom of that."""
    gone, sure = np.array([one for one, _ in windows]), np.array([one for _, one in windows])
    there = sure > 1
    moves = ratio(gone.ravel(), sure.ravel(), 0.0).reshape(gone.shape)
    total = np.where(there, sure, 0).sum(axis=0)
    mean = ratio((np.where(there, sure, 0) * moves).sum(axis=0), total, 0.0)
    count = there.sum(axis=0)
    freedom = float(max((count - 1).clip(0).sum(), 4))
    weight = np.where(there & (count > 1), np.minimum(sure, 100), 0)
    bias = np.where(count > 1, ratio(count.astype(np.float64), np.maximum(count - 1.0, 1.0), 1.0), 0.0)
    extra = weight * ((moves - mean) ** 2 * bias - 1 / np.maximum(sure, 1e-9))
    drift = max(0.0, float(extra.sum() / max(weight.sum(), 1e-9)))
    between = 1 / np.maximum(total, 1e-9) + drift / np.maximum(count, 1)
    unknown = count == 0  # who has no history may differ as actors do
    apart = max(drift, float(np.average(mean[~unknown] ** 2)) if (~unknown).any() else 1.0)
    return (np.where(unknown, 0.0, mean), np.where(unknown, apart, between)), drift, freedom
