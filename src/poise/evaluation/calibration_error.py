"""Calibration error: how far predictions are from what came true among rows that were predicted alike."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Floats, Metric, one_vs_rest, ratio, weights
from poise.evaluation.calibration_spread import square_spread
from poise.evaluation.spread import Spread
from poise.spec.objective import ProblemType

BINS = 15
ROWS_PER_BIN = 20
"""With fewer rows there are fewer bins: the spread within a bin must be estimated from it."""
LEAST_ROWS = 2 * ROWS_PER_BIN


class CalibrationError(Metric):
    """The root mean square distance, over bins of equally many rows, of the mean prediction and the mean truth.

    Chance alone puts a perfect model's bins off the mark. That part (the variance of each bin's mean) is subtracted,
    as in Bröcker, "Estimating reliability and resolution of probability forecasts through decomposition of the
    empirical score" (Climate Dynamics, 2012) and Kumar, Liang & Ma, "Verified Uncertainty Calibration" (NeurIPS
    2019); what is left below 0 counts as 0. Multi-class and multi-label: the root of the mean of the squares over
    classes (one against the rest). Regression: in the unit of the target.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(20_000)
    >>> CalibrationError().score((rng.random(20_000) < p) * 1, p) < 0.01
    True
    >>> round(CalibrationError().score((rng.random(20_000) < p) * 1, p * 0.5), 2)
    0.29
    """

    name = "calibration_error"
    bigger_is_better = False
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"binary", "regression", "multi-class", "multi-label"})

    @classmethod
    def is_share(cls, problem: ProblemType) -> bool:
        """A gap between probabilities is a share; a regression's is in the unit of its target."""
        return problem != "regression"

    def mean_score(self, target: Array, prediction: Array, weight: Array | None = None) -> float:
        """The debiased mean square, which may be below 0."""
        none = np.zeros(len(target), np.int64)
        w = weights(target, weight)
        return float(np.mean([_square(_sums(*column, w, none, 1)[..., 0]) for column in _columns(target, prediction)]))

    def of_mean(self, mean: float) -> float:
        """The root; 0 for a mean square below 0."""
        return sqrt(max(mean, 0.0))

    def to_mean(self, score: float) -> float:
        """The square; no root is below 0."""
        return score * score if score >= 0 else -np.inf

    def slope(self, mean: float) -> float:
        """The derivative of the root; 0 where there is nothing left to explain."""
        return 0.5 / sqrt(mean) if mean > 0 else 0.0

    def without_blocks(self, target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Floats:
        """From the sums of each bin in each block; the bins stay where they are."""
        w = np.ones(len(target))
        total = np.zeros(count)
        columns = _columns(target, prediction)
        for column in columns:
            sums = _sums(*column, w, codes, count)
            total += _square(sums.sum(axis=2, keepdims=True) - sums)
        return total / len(columns)

    def spread(self, target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Spread:
        """From the covariance of the bins, by blocks (see `calibration_spread`)."""
        w = np.ones(len(target))
        sums = [_sums(*column, w, codes, count) for column in _columns(target, prediction)]
        value = float(np.mean([_square(one.sum(axis=2)) for one in sums]))
        return square_spread(sums, value)

    def undefined(self, target: Array, prediction: Array) -> str | None:
        """There must be two bins of rows."""
        few = len(target) < LEAST_ROWS
        return f"{len(target):,} rows are fewer than the {LEAST_ROWS} that two bins need" if few else None


def equal_bins(prediction: Floats, bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each row, shape (n,): about equally many rows each, equal predictions always in one bin.

    >>> equal_bins(np.array([0.1, 0.2, 0.2, 0.2, 0.3, 0.4]), bins=3).tolist()
    [0, 1, 1, 1, 2, 2]
    """
    order = np.sort(prediction)
    edges = np.unique(order[(np.arange(1, bins) * len(order)) // bins])
    return np.unique(np.searchsorted(edges, prediction, side="right"), return_inverse=True)[1]


def _columns(target: Array, prediction: Array) -> list[tuple[Floats, Floats]]:
    if prediction.ndim == 1:
        return [(np.asarray(target, np.float64), np.asarray(prediction, np.float64))]
    truth, p = one_vs_rest(target, prediction)
    return [(truth[:, j].astype(np.float64), p[:, j]) for j in range(p.shape[1])]


def _sums(truth: Floats, p: Floats, w: Floats, codes: NDArray[np.int64], count: int) -> Floats:
    """Sums of weight, weighted residual and its square, and squared weight, by bin and block: (4, bins, count)."""
    bins = equal_bins(p, min(BINS, len(p) // ROWS_PER_BIN))
    cells, size = bins * count + codes, int(bins.max()) + 1
    rest = truth - p
    columns = (w, w * rest, w * rest * rest, w * w)
    return np.stack([np.bincount(cells, column, size * count).reshape(size, count) for column in columns])


def _square(sums: Floats) -> Floats:
    """The debiased mean square over bins; `sums` is (4, bins, …).

    A bin's mean residual r has variance s² / n, with n = (sum of weights)² / sum of squared weights.
    """
    w, wr, wrr, ww = sums
    mean = ratio(wr, w, 0.0)
    n = ratio(w * w, ww, 0.0)
    variance = ratio(np.maximum(ratio(wrr, w, 0.0) - mean**2, 0.0), n - 1, 0.0)
    return np.asarray(ratio((w * (mean**2 - variance)).sum(axis=0), w.sum(axis=0)))
