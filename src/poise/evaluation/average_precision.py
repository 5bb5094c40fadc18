"""Average precision: how pure the top of the ranking is, on average over the positives."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Floats, Metric, one_vs_rest, ratio, weights
from poise.spec.objective import ProblemType


class AveragePrecision(Metric):
    """The precision at each positive's rank, averaged over positives (the area under precision and recall, in steps).

    Multi-class and multi-label: the mean over the classes (one against the rest) that occur.

    >>> round(AveragePrecision().score(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])), 4)
    0.8333
    """

    name = "average_precision"
    bigger_is_better = True
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"binary", "multi-class", "multi-label"})
    bounds = (0.0, 1.0)

    def mean_score(self, target: Array, prediction: Array, weight: Array | None = None) -> float:
        """The mean over the classes that occur."""
        w = weights(target, weight)
        found = [_area(*_descending(truth, p, w)) for truth, p in _columns(target, prediction)]
        return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")

    def without_blocks(self, target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Floats:
        """Each block's rows get weight 0 in a ranking that was sorted once; a class that is then absent keeps its
        value, as such a block says nothing about it."""
        total = np.zeros(count)
        columns = _columns(target, prediction)
        for truth, p in columns:
            order, ends = _ranking(p)
            t, c = truth[order], codes[order]
            whole = _area(t, np.ones(len(t)), ends)
            for block in range(count):
                value = _area(t, (c != block).astype(np.float64), ends)
                total[block] += value if np.isfinite(value) else whole
        return total / len(columns)

    def undefined(self, target: Array, prediction: Array) -> str | None:
        """Some class must occur."""
        return None if _columns(target, prediction) else "there is no positive row"


def _columns(target: Array, prediction: Array) -> list[tuple[NDArray[np.bool_], Floats]]:
    """The columns of one-vs-rest that hold a positive."""
    truth, p = one_vs_rest(target, prediction)
    return [(truth[:, j], p[:, j]) for j in range(p.shape[1]) if truth[:, j].any()]


def _ranking(p: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by falling score, and the last place of each run of equal scores."""
    order = np.argsort(-p, kind="stable")
    return order, np.r_[np.flatnonzero(np.diff(p[order])), len(p) - 1]


def _descending(truth: NDArray[np.bool_], p: Floats, w: Floats) -> tuple[NDArray[np.bool_], Floats, NDArray[np.int64]]:
    order, ends = _ranking(p)
    return truth[order], w[order], ends


def _area(truth: NDArray[np.bool_], w: Floats, ends: NDArray[np.int64]) -> float:
    """Average precision of rows that stand by falling score; NaN without a positive of weight."""
    hits = np.cumsum(w * truth)[ends]
    precision = ratio(hits, np.cumsum(w)[ends], 0.0)
    return float(ratio((np.diff(hits, prepend=0.0) * precision).sum(), hits[-1]))
