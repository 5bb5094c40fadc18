"""Intervals by resampling blocks: how sure a score, a mean or a gain is.

Every metric is brought to sums per block, S_b, whose total over the total weight is the score. A mean of losses is
that by itself. Of another metric, the sums say how far each block moves the score, by what it would be without the
block (the delete-a-group jackknife for unequal groups: Busing, Meijer & van der Leeden, Statistics and Computing,
1999), centred: such effects of uneven blocks do not add up to nothing as they should, and what is left over would
pass for a part of the score. A value is always the score itself; sums only say how sure it is.

Then blocks are drawn with replacement, and the studentised statistic of the draws gives both limits (bootstrap-t:
Davison & Hinkley 1997, ch. 5.2; with clusters: Cameron, Gelbach & Miller, 2008). Unlike percentiles it is right for
skewed losses and for 20 blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Floats, Metric
from poise.evaluation.blocks import Blocks
from poise.evaluation.spread import LEVEL, Spread

REPLICATES = 3_999
POWER = 0.8
"""The smallest gain that the data could have shown is the one it would have shown this often."""
_FLOOR = 0.5
"""A draw's standard error is at least this part of the sample's: draws that miss all rare blocks look too sure."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its one-sided 95 % limits, from so many rows in so many blocks (those that hold rows)."""

    value: float
    low: float
    high: float
    rows: int
    blocks: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what is not finite becomes None."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {k: v if isfinite(v) else None for k, v in ends.items()} | {"rows": self.rows, "blocks": self.blocks}


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much one prediction is better than another (positive = better), with one-sided 95 % limits.

    `smallest` is the gain above 0 that this data would have shown in 80 % of cases.
    """

    value: float
    low: float
    high: float
    smallest: float
    rows: int
    blocks: int


@dataclass(frozen=True, slots=True, eq=False)
class BlockSums:
    """Sums and weights of blocks, both (blocks,): the value is the total of the one over the total of the other.

    `span` is how far a row's value can lie from another's, where that is bounded.
    """

    sums: Floats
    sizes: Floats
    span: float | None = None

    @property
    def value(self) -> float:
        """The value over all blocks."""
        total = float(self.sizes.sum())
        return float(self.sums.sum()) / total if total else float("nan")

    @property
    def blocks(self) -> int:
        """How many blocks hold rows."""
        return int(np.count_nonzero(self.sizes))


class Resampled(Spread):
    """The distribution of a value over draws of its blocks.

    >>> sums = BlockSums(np.array([1.0, 2, 3, 2, 1, 3, 2, 2]), np.full(8, 2.0))
    >>> made = Resampled(sums)
    >>> made.value, made.low() < 1.0 < made.high()
    (1.0, True)
    """

    def __init__(self, sums: BlockSums, replicates: int = REPLICATES, seed: int = 0) -> None:
        held = sums.sizes > 0
        s, n = sums.sums[held], sums.sizes[held]
        self.value = sums.value
        self.blocks = len(s)
        self.rows = float(n.sum())
        self.error = 0.0
        self._span = sums.span
        self._t = np.zeros(0)
        if self.blocks < 2:
            return
        fair = self.blocks / (self.blocks - 1)
        self.error = float(np.sqrt(fair * np.sum((s - self.value * n) ** 2)) / n.sum())
        if self.error <= 1e-12 * float(np.abs(s).sum() / n.sum()):
            self.error = 0.0
            return
        drawn = _draws(self.blocks, replicates, seed) @ np.stack([s, n, s * s, s * n, n * n], axis=1)
        value = drawn[:, 0] / drawn[:, 1]
        square = np.maximum(drawn[:, 2] - 2 * value * drawn[:, 3] + value**2 * drawn[:, 4], 0.0)
        error = np.sqrt(fair * square) / drawn[:, 1]
        self._t = np.sort((value - self.value) / np.maximum(error, _FLOOR * self.error))

    def low(self, level: float = LEVEL) -> float:
        """The lower limit, one-sided at `level`."""
        return self._limit(level, -np.inf)

    def high(self, level: float = LEVEL) -> float:
        """The upper limit, one-sided at `level`."""
        return self._limit(1 - level, np.inf)

    def _limit(self, quantile: float, unknown: float) -> float:
        if self.blocks < 2:
            return unknown
        if not len(self._t):
            # No block differs (nothing was ever wrong): the rule of three says what so many rows could have missed.
            missed = (self._span or 0.0) * (1.0 - float(min(quantile, 1 - quantile) ** (1 / self.rows)))
            return self.value + (missed if quantile < 0.5 else -missed)
        return self.value - float(np.quantile(self._t, quantile)) * self.error

    def chance_above(self, bound: float) -> float:
        """Small where the value is clearly below `bound`."""
        return self._chance(bound, below=False)

    def chance_below(self, bound: float) -> float:
        """Small where the value is clearly above `bound`."""
        return self._chance(bound, below=True)

    def _chance(self, bound: float, below: bool) -> float:
        if self.blocks < 2 or not np.isfinite(self.value):
            return 1.0
        if not len(self._t):
            short = ((self.value - bound) if below else (bound - self.value)) / (self._span or 1e-300)
            return float((1 - min(max(short, 0.0), 1.0)) ** self.rows)
        t = (self.value - bound) / self.error
        as_far = int((self._t >= t).sum() if below else (self._t <= t).sum())
        return (1 + as_far) / (len(self._t) + 1)


def block_sums(metric: Metric, target: Array, prediction: Array, blocks: Blocks) -> BlockSums:
    """The sums of a metric by block, on the scale of its `mean_score`; all NaN where the metric is not defined.

    Their total over the number of rows is the `mean_score` of all rows, however uneven blocks are.

    >>> from poise.evaluation.auc import Auc
    >>> y, p = np.array([0, 1, 0, 1, 1, 0, 1]), np.array([0.1, 0.4, 0.2, 0.8, 0.3, 0.35, 0.6])
    >>> made = block_sums(Auc(), y, p, Blocks(np.array([0, 0, 1, 1, 1, 1, 1]), "day", 2))
    >>> round(made.value, 12) == round(Auc().score(y, p), 12)
    True
    """
    codes, count = blocks.codes, blocks.count
    sizes = np.bincount(codes, minlength=count).astype(np.float64)
    if metric.reason(target, prediction) is not None:
        return BlockSums(np.full(count, np.nan), sizes)
    low, high = metric.bounds
    span = high - low if np.isfinite(high - low) else None
    losses = metric.losses(target, prediction)
    if losses is not None:
        return BlockSums(np.asarray(np.bincount(codes, losses, count), np.float64), sizes, span)
    whole = metric.mean_score(target, prediction)
    without = metric.without_blocks(target, prediction, codes, count)
    moved = np.where(sizes > 0, (whole - without) * (sizes.sum() - sizes), 0.0)
    return BlockSums(whole * sizes + moved - sizes * (moved.sum() / sizes.sum()), sizes, span)


def spread_of(
    metric: Metric, target: Array, prediction: Array, blocks: Blocks, replicates: int = REPLICATES, seed: int = 0
) -> Spread:
    """How sure the `mean_score` of a metric is; its value is NaN where the metric is not defined."""
    defined = metric.reason(target, prediction) is None
    own = metric.spread(target, prediction, blocks.codes, blocks.count) if defined else None
    return own or Resampled(block_sums(metric, target, prediction, blocks), replicates, seed)


def interval(
    metric: Metric,
    target: Array,
    prediction: Array,
    blocks: Blocks,
    level: float = LEVEL,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Interval:
    """The score of a metric, exactly as `metric.score` has it, with limits that are each one-sided at `level`.

    A score that is not defined (one class only, no rows) gives NaN; `metric.reason` says why.
    """
    made = spread_of(metric, target, prediction, blocks, replicates, seed)
    low, high = metric.bounds
    if np.isnan(made.value):
        return Interval(float("nan"), float("nan"), float("nan"), len(target), made.blocks)
    value = metric.score(target, prediction)
    below, above = (metric.of_mean(end) if np.isfinite(end) else end for end in (made.low(level), made.high(level)))
    return Interval(value, min(max(below, low), value), max(min(above, high), value), len(target), made.blocks)


def mean_interval(
    values: Array,
    blocks: Blocks,
    level: float = LEVEL,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    seed: int = 0,
) -> Interval:
    """The mean of `values` (n,) over the rows that have one, with limits one-sided at `level`.

    bounds: the smallest and largest possible value of a row, which no limit exceeds.

    >>> from poise.evaluation.blocks import blocks_of
    >>> made = mean_interval(np.arange(100.0), blocks_of(np.full(100, -(2**63))))
    >>> made.value, made.low < 47 < 52 < made.high
    (49.5, True)
    """
    has = np.isfinite(values)
    made = Resampled(mean_sums(values, blocks, bounds), seed=seed)
    low, high = max(made.low(level), bounds[0]), min(made.high(level), bounds[1])
    return Interval(made.value, low, high, int(has.sum()), made.blocks)


def mean_sums(values: Array, blocks: Blocks, bounds: tuple[float, float] = (-np.inf, np.inf)) -> BlockSums:
    """The sums of `values` (n,) by block over the rows that have one; `bounds` as for `mean_interval`."""
    span = bounds[1] - bounds[0]
    has = np.isfinite(values)
    codes = blocks.codes[has]
    sizes = np.bincount(codes, minlength=blocks.count).astype(np.float64)
    sums = np.asarray(np.bincount(codes, values[has], blocks.count), np.float64)
    return BlockSums(sums, sizes, span if np.isfinite(span) else None)


def score_sums(metric: Metric, target: Array, prediction: Array, blocks: Blocks) -> BlockSums:
    """The sums of a metric by block, in the unit of the score."""
    return _on_the_score(metric, block_sums(metric, target, prediction, blocks))


def gain_sums(metric: Metric, target: Array, simpler: Array, other: Array, blocks: Blocks) -> BlockSums:
    """By how much `other` is better than `simpler`, by block, in the unit of the score."""
    one, two = (score_sums(metric, target, p, blocks) for p in (simpler, other))
    sign = 1.0 if metric.bigger_is_better else -1.0
    return BlockSums(sign * (two.sums - one.sums), one.sizes)


def paired_gain(
    metric: Metric,
    target: Array,
    simpler: Array,
    other: Array,
    blocks: Blocks,
    level: float = LEVEL,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Gain:
    """How much better `other` predicts than `simpler` on the same rows, in the unit of the score (positive = better).

    It is the difference of the two scores. NaN where either score is not defined.
    """
    sums = gain_sums(metric, target, simpler, other, blocks)
    made = Resampled(sums, replicates, seed)
    if np.isnan(made.value):
        nan = float("nan")
        return Gain(nan, nan, nan, nan, len(target), made.blocks)
    low = made.low(level)
    smallest = (made.value - low) + (made.value - made.low(POWER))
    return Gain(made.value, low, made.high(level), smallest, len(target), made.blocks)


def _on_the_score(metric: Metric, sums: BlockSums) -> BlockSums:
    """Sums on the scale of `mean_score` as sums whose value is the score (a straight line through it)."""
    mean = sums.value
    if np.isnan(mean):
        return sums
    rest = sums.sums - mean * sums.sizes
    return BlockSums(metric.of_mean(mean) * sums.sizes + metric.slope(mean) * rest, sums.sizes)


@lru_cache(maxsize=8)
def _draws(blocks: int, replicates: int, seed: int) -> NDArray[np.float64]:
    """How often each block is drawn in each replicate, shape (replicates, blocks). The same for every caller, so that
    differences between metrics and slices are not differences of luck."""
    drawn = np.random.default_rng(seed).integers(blocks, size=(replicates, blocks))
    cells = drawn + np.arange(replicates)[:, None] * blocks
    return np.bincount(cells.ravel(), minlength=replicates * blocks).reshape(replicates, blocks).astype(np.float64)
