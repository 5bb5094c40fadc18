"""Shifting: can a model tell earlier rows from later ones (adversarial validation), and by which columns?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case, Index
from poise.assessment.probing import binned, by_bin, columns_of, evenly, matrix, probe, ranks
from poise.evaluation.auc import Auc
from poise.evaluation.base import Floats

ROWS = 20_000
PAIRS = 6
"""The rows in the order of time, in so many blocks of each half. A block of each half is told apart by what the other
blocks teach, so that knowing single days by heart, as random folds would allow, helps nothing."""
LEAST_PER_BLOCK = 15
TIME_LIKE = 0.9
"""A column that says so much of the place in time (share of the variance of its rank) is a clock, and left out."""
T95, T99 = 2.015, 3.365
"""Student's t with PAIRS - 1 degrees of freedom."""
CLEAR = 0.6
"""Earlier and later rows differ to the eye from such an AUC on; below it a difference moves few predictions."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How well earlier and later rows are told apart (AUC, 0.5 is not at all), and how much each column differs."""

    auc: float
    low: float
    high: float
    sure: bool
    columns: dict[str, float]
    """AUC of single columns, 0.5 to 1, the largest first."""
    clocks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "auc": self.auc, "low": self.low, "high": self.high, "sure": self.sure, "columns": self.columns,
            "clocks": list(self.clocks),
        }  # fmt: skip


def shift(case: Case) -> Shift | None:
    """Whether the first and the second half of the time differ; None with too few rows or instants to tell."""
    order = np.argsort(case.time, kind="stable")
    rows = evenly(order, ROWS)
    blocks = blocks_in_time(case.time[rows], 2 * PAIRS)
    if blocks is None or np.bincount(blocks).min() < LEAST_PER_BLOCK:
        return None
    place = ranks(case.time[rows].astype(np.float64))
    names = columns_of(case, rows)
    clocks = tuple(name for name in names if is_clock(case, name, rows, place))
    names = tuple(name for name in names if name not in clocks)
    if not names:
        return None
    X, late = matrix(case, names, rows), (blocks >= PAIRS).astype(np.float64)
    areas = np.array([_pair(X, late, blocks, pair) for pair in range(PAIRS)])
    value, error = float(areas.mean()), float(areas.std(ddof=1)) / np.sqrt(PAIRS)
    single = {case.column_of(n): _single(X[:, i], late) for i, n in enumerate(names)}
    ranked = dict(sorted(single.items(), key=lambda one: -one[1])[:10])
    low, high = max(0.0, value - T95 * error), min(1.0, value + T95 * error)
    sure = value - T99 * error > 0.5 and value >= CLEAR
    return Shift(value, low, high, sure, ranked, tuple(case.column_of(n) for n in clocks))


def blocks_in_time(time: NDArray[np.int64], count: int) -> NDArray[np.int64] | None:
    """A block of time for each row, (n,), of about equally many rows; rows of one instant share theirs.

    None where there are fewer instants than blocks.
    """
    instants, codes = np.unique(time, return_inverse=True)
    if len(instants) < count:
        return None
    sizes = np.bincount(codes)
    middle = np.cumsum(sizes) - sizes / 2
    block = np.minimum((middle * count / len(time)).astype(np.int64), count - 1)
    return None if len(np.unique(block)) < count else np.asarray(block[codes])


def is_clock(case: Case, name: str, rows: Index, place: Floats) -> bool:
    """Whether an input tells little but the time itself: a counter, a year, a version, the month in one year."""
    column = case.columns.get(case.column_of(name))
    if column is not None and column.kind == "time" and name.endswith((": days since 1970", ": month")):
        return True
    folds = np.arange(len(rows)) % 2
    guessed = by_bin(binned(case.table[name].take(rows)), place[:, None], folds)[:, 0]
    return float(1 - ((place - guessed) ** 2).mean() / max(float(place.var()), 1e-12)) >= TIME_LIKE


def _pair(X: Floats, late: Floats, blocks: NDArray[np.int64], pair: int) -> float:
    held = (blocks == pair) | (blocks == PAIRS + pair)
    made = probe("binary", X[~held], late[~held], X[held])
    return float(Auc().score(late[held], made))


def _single(x: Floats, late: Floats) -> float:
    """How far one column alone tells both halves apart, 0.5 to 1; missing counts as the smallest."""
    filled = np.where(np.isfinite(x), x, -np.inf)
    area = float(Auc().score(late, filled)) if np.ptp(late) else 0.5
    return max(area, 1 - area)
