"""Since when do shares stand elsewhere? A scan for a break that is measured against how shares usually change.

Tests that take rows for independent call everything different where there are a million of them. Here the unit is the
block of time, and what is usual is what the blocks of the profile did: how far the mean of so many blocks lay from the
mean of those before. Season of the day and of the week is taken out first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import ratio

Floats = NDArray[np.float64]

SEASONS = {"hour": 24, "6 hours": 4, "day": 7}
"""Blocks after which shares may come back."""
MEMORIES = (2, 4, 8, 16)
"""How many blocks before a break it is compared with: the one of these that tells the next block best."""
LONGEST = 8
"""A break is looked for in the means of up to so many blocks after it."""
LEAST_BLOCKS = 8
"""With fewer blocks of a profile it is not told what is usual."""
HIGH = 0.75
"""The tail is fitted to what lies above this quantile of what blocks usually do, …"""
USUAL, TAIL, TAIL_WEIGHT = 2.5, 0.1, 4
"""… of which the threshold is never below 2.5 standard deviations, and whose exponent counts as if four more blocks had
shown 0.1: few blocks say little of a tail."""


@dataclass(frozen=True, slots=True)
class Break:
    """The largest change in a window of shares: at `block` of it, of `change` in component `which`.

    p: how probable so large a change is somewhere in the window, had nothing changed. holds: whether the newest block
    still stands more than halfway there.
    """

    p: float
    block: int
    change: float
    which: int
    holds: bool


def find_break(
    usual: Floats, now: Floats, usual_rows: Floats, now_rows: Floats, season: int = 0, *, apart: bool = False
) -> Break | None:
    """The break in `now` (w, k), shares of k things in the blocks of a window that follows on `usual` (m, k).

    usual_rows, now_rows: rows of each block, (m,), (w,); blocks without rows are left out. NaN in `usual` is not known.
    apart: the window does not begin where the profile ends, so that its first blocks are compared with none before it.
    None where the profile has too few blocks, or the window none that is compared.

    A scan over all blocks and lengths for the largest difference of means, each in units of its root mean square in the
    profile (binomial noise at least); the tail of the profile's own largest differences is taken as Pareto's (Hill,
    Annals of Statistics 1975), and the window pays for its blocks (Bonferroni).

    >>> rng = np.random.default_rng(0)
    >>> usual, now = rng.normal(0.5, 0.01, (40, 1)), rng.normal(0.5, 0.01, (10, 1))
    >>> now[6:] += 0.2
    >>> found = find_break(usual, now, np.full(40, 1e4), np.full(10, 1e4))
    >>> found.block, found.p < 1e-3, found.holds
    (6, True, True)
    """
    kept, there = usual_rows > 0, now_rows > 0
    if kept.sum() < LEAST_BLOCKS or not there.any() or not usual.shape[1]:
        return None
    phase = np.arange(len(usual) + len(now))
    past, new = usual[kept], now[there]
    rows = np.concatenate([usual_rows[kept], now_rows[there]])
    order = np.concatenate([phase[: len(usual)][kept], phase[len(usual) :][there]])
    series = _without_season(np.concatenate([past, new]), order, len(past), season)
    memory = _memory(series[: len(past)])
    scores, changes = _scan(series, rows, len(past), memory)
    known = scores[memory : len(past)]
    first = len(past) + memory * apart
    if first >= len(series) or not np.isfinite(scores[first:]).any():
        return None
    at = first + int(np.nanargmax(scores[first:]))
    p = min(1.0, _tail(known[np.isfinite(known)], float(scores[at])) * len(new))
    before = np.nanmean(series[max(0, at - memory) : at], axis=0)
    which = int(changes[at])
    shift = float(np.mean(series[at : at + LONGEST, which]) - before[which])
    last = float(series[-1, which] - before[which])
    place = np.flatnonzero(there)[at - len(past)]
    return Break(p, int(place), shift, which, abs(last) > abs(shift) / 2 and last * shift > 0)


def _without_season(series: Floats, order: NDArray[np.int64], past: int, season: int) -> Floats:
    """The series with the mean of each phase of the season (of the first `past` blocks) taken out."""
    if season < 2 or past < 3 * season:
        return series
    out, phase = series.copy(), order % season
    whole = np.nanmean(series[:past], axis=0)
    for one in range(season):
        mine = series[:past][phase[:past] == one]
        if len(mine):
            usual = np.where(np.isfinite(mine).any(axis=0), np.nan_to_num(mine).mean(axis=0), whole)
            out[phase == one] -= usual - whole
    return out


def _memory(past: Floats) -> int:
    """Of how many blocks the mean tells the next one best."""
    best, least = MEMORIES[0], np.inf
    for memory in MEMORIES:
        if len(past) < memory + LEAST_BLOCKS // 2:
            break
        first = max(one for one in MEMORIES if len(past) >= one + LEAST_BLOCKS // 2)
        error = np.array([past[at] - past[at - memory : at].mean(axis=0) for at in range(first, len(past))])
        size = float(np.nanmean(error**2)) if np.isfinite(error).any() else 0.0
        if size < least * 0.98:
            best, least = memory, size
    return best


def _scan(series: Floats, rows: Floats, past: int, memory: int) -> tuple[Floats, NDArray[np.int64]]:
    """For each block the largest change from it on, in units of what is usual, (n,), and in which component."""
    total = len(series)
    clean = np.nan_to_num(series)
    sums = np.concatenate([np.zeros((1, clean.shape[1])), np.cumsum(clean, axis=0)])
    counts = np.concatenate([[0.0], np.cumsum(rows)])
    scores, which = np.full(total, np.nan), np.zeros(total, np.int64)
    at = np.arange(memory, total)
    before = (sums[at] - sums[at - memory]) / memory
    behind = ratio(np.ones(len(at)), counts[at] - counts[at - memory], 1.0)
    share = np.clip(before, 0, 1)
    best = np.full((len(at), clean.shape[1]), -np.inf)
    for length in range(1, min(LONGEST, max(1, past // 4)) + 1):
        fits = at + length <= total
        end = np.minimum(at + length, total)
        change = (sums[end] - sums[at]) / length - before
        inside = (at + length <= past) & np.isfinite(series[np.maximum(at - memory, 0)]).any(axis=1)
        finite = inside[:, None] & np.isfinite(series[at - memory])
        usual = ratio((np.where(finite, change, 0.0) ** 2).sum(axis=0), finite.sum(axis=0), 0.0)
        noise = np.maximum(share * (1 - share), ratio(np.ones(len(at)), counts[end] - counts[at], 1.0)[:, None])
        noise = noise * (behind + ratio(np.ones(len(at)), counts[end] - counts[at], 1.0))[:, None]
        score = np.abs(change) / np.sqrt(np.maximum(usual, noise))
        known = np.where(at[:, None] < past, finite, True)
        best = np.maximum(best, np.where(fits[:, None] & known, score, -np.inf))
    which[at] = np.argmax(best, axis=1)
    found = best.max(axis=1)
    scores[at] = np.where(np.isfinite(found), found, np.nan)
    return scores, which


def _tail(usual: Floats, found: float) -> float:
    """How probable a score beyond `found` is for one block, by those of the profile."""
    if not np.isfinite(found):
        return 1.0
    if not len(usual):
        usual = np.array([USUAL])
    start = max(USUAL, float(np.quantile(usual, HIGH)))
    above = usual[usual > start]
    exponent = (np.log(above / start).sum() + TAIL * TAIL_WEIGHT) / (len(above) + TAIL_WEIGHT)
    return float(min(1.0, (1 - HIGH) * max(found / start, 1e-9) ** (-1 / exponent))) if found > start else 1.0
