"""Immature labels: outcomes that have not come true yet are in the table as if they never would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.assessment.base import Finding
from poise.assessment.case import Case
from poise.assessment.percent import percent
from poise.assessment.time_words import day_of
from poise.evaluation.base import Floats

BINS, LEAST_EVENTS = 40, 5
"""The rows in the order of time, in so many parts (fewer where a part would hold fewer events than this)."""
FEWEST_BINS = 12
LENGTHS = (1, 2, 3, 4, 6, 8)
"""Parts at the end that are compared with twice as many before them (at least 6)."""
FALLEN = 0.75
"""Suspicious: the rate at the end is at most this part of the rate before …"""
UNUSUAL = 4.0
"""… by so many standard errors of counting …"""
BEYOND = 1.5
"""… and the fall is so many times the largest that was ever seen earlier, at any place and over any length."""


@dataclass(frozen=True, slots=True)
class Fall:
    """The rate of what happens at the end, the rate before, and since when."""

    before: float
    end: float
    since: int
    rows: int
    times: float
    """How many times the largest earlier fall this one is."""


def immature(case: Case) -> tuple[list[Finding], dict[str, Any] | None]:
    """A rate that falls at the end of time as it never did before; and the course of the rate, for a plot."""
    if not case.timed or case.problem == "regression":
        return [], None
    events = _events(case)
    order = np.argsort(case.time, kind="stable")
    bins = min(BINS, int(events.sum()) // LEAST_EVENTS)
    if bins < FEWEST_BINS or events.mean() > 0.95:
        return [], None
    parts = np.arange(case.rows) * bins // case.rows
    counts, sizes = np.bincount(parts, events[order], bins), np.bincount(parts, minlength=bins).astype(np.float64)
    starts = case.time[order][np.searchsorted(parts, np.arange(bins))]
    course = {"time": [day_of(int(t)) for t in starts], "rate": (counts / sizes).tolist()}
    fall = fall_at_end(np.asarray(counts, np.float64), sizes, starts.tolist())
    if fall is None:
        return [], course
    said = (
        f"The last {fall.rows:,} rows (since {day_of(fall.since)}) have {percent(fall.end, 1)} {_named(case)}, against"
        f" {percent(fall.before, 1)} just before, a fall such as never before: their outcomes may not be known yet."
        " Leave out rows whose outcome is not final; until then figures about the latest rows mislead."
    )
    course["since"] = [day_of(fall.since)]
    return [Finding(said, "warn", (case.target_name,))], course


def _events(case: Case) -> Floats:
    """Rows with the outcome that takes time to be seen: yes; of classes all but the most frequent."""
    if case.problem == "binary":
        return np.asarray(case.target > 0, np.float64)
    codes = case.target.astype(np.int64)
    return np.asarray(codes != np.bincount(codes).argmax(), np.float64)


def _named(case: Case) -> str:
    return f"'{case.classes[1]}'" if case.problem == "binary" else "other than the most frequent class"


def fall_at_end(counts: Floats, sizes: Floats, starts: list[int]) -> Fall | None:
    """The fall at the end that stands out most from all earlier ones; None where none does. Arguments (bins,)."""
    best: Fall | None = None
    bins = len(counts)
    for length in LENGTHS:
        before = max(6, 2 * length)
        if bins < before + 2 * length:
            continue
        scores = [_score(counts, sizes, at, length, before) for at in range(before, bins - length + 1)]
        earlier = [one for at, one in enumerate(scores[:-1], before) if at + length <= bins - length]
        score, now, then = scores[-1]
        if now > FALLEN * then or score < UNUSUAL:
            continue
        largest = max((one[0] for one in earlier), default=0.0)
        times = score / max(largest, UNUSUAL / 2)
        if times >= BEYOND and (best is None or score > best.times):
            best = Fall(then, now, starts[bins - length], int(sizes[bins - length :].sum()), score)
    return best


def _score(counts: Floats, sizes: Floats, at: int, length: int, before: int) -> tuple[float, float, float]:
    """By how many standard errors the rate falls at a place, the rate after and the rate before."""
    after, then = slice(at, at + length), slice(at - before, at)
    now, past = counts[after].sum() / sizes[after].sum(), counts[then].sum() / sizes[then].sum()
    both = (counts[after].sum() + counts[then].sum()) / (sizes[after].sum() + sizes[then].sum())
    error = np.sqrt(max(both * (1 - both), 1e-12) * (1 / sizes[after].sum() + 1 / sizes[then].sum()))
    return float((past - now) / error), float(now), float(past)
