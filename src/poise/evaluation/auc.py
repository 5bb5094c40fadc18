"""AUC: how often a positive row is ranked above a negative one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Floats, Metric, one_vs_rest, ratio, weights
from poise.spec.objective import ProblemType


class Auc(Metric):
    """The chance that a positive row scores above a negative one, ties counting half (the area under the ROC curve).

    Multi-class and multi-label: the mean over the classes (one against the rest) that occur with both outcomes.

    >>> Auc().score(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """

    name = "auc"
    bigger_is_better = True
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"binary", "multi-class", "multi-label"})
    bounds = (0.0, 1.0)

    def mean_score(self, target: Array, prediction: Array, weight: Array | None = None) -> float:
        """The mean over classes of won pairs / pairs."""
        w = weights(target, weight)
        none = np.zeros(len(target), np.int64)
        areas = [
            ratio(_won(truth, p, w, none).sum(), w[truth].sum() * w[~truth].sum())
            for truth, p in _columns(target, prediction)
        ]
        return float(np.nanmean(areas)) if np.isfinite(areas).any() else float("nan")

    def without_blocks(self, target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Floats:
        """Pairs within and across blocks give every block's absence from a few sorts, however many blocks there are.

        A class that lacks one outcome without a block keeps its area: such a block says nothing about it.
        """
        w, none = np.ones(len(target)), np.zeros(len(target), np.int64)
        columns = _columns(target, prediction)
        total = np.zeros(count)
        for truth, p in columns:
            of_ones = _won(truth, p, w, none)
            of_zeros = _won(~truth, -p, w, none)
            inside = np.bincount(codes, _won(truth, p, w, codes), count)
            left = of_ones.sum() - np.bincount(codes, of_ones + of_zeros, count) + inside
            ones, zeros = np.bincount(codes[truth], minlength=count), np.bincount(codes[~truth], minlength=count)
            area = of_ones.sum() / (ones.sum() * zeros.sum())
            total += ratio(left, (ones.sum() - ones) * (zeros.sum() - zeros), area)
        return total / len(columns)

    def undefined(self, target: Array, prediction: Array) -> str | None:
        """A class must occur with both outcomes."""
        return None if _columns(target, prediction) else "there is only one class among these rows"


def _columns(target: Array, prediction: Array) -> list[tuple[NDArray[np.bool_], Floats]]:
    """The columns of one-vs-rest that hold both outcomes."""
    truth, p = one_vs_rest(target, prediction)
    return [(truth[:, j], p[:, j]) for j in range(p.shape[1]) if 0 < truth[:, j].sum() < len(truth)]


def _won(truth: NDArray[np.bool_], p: Floats, w: Floats, group: NDArray[np.int64]) -> Floats:
    """Per row the weight of the pairs of its group in which it is true, the other is not and lies below (ties: half).

    Rows that are not true win nothing. With `~truth` and `-p` the same pairs are counted from the other side.
    """
    order = np.lexsort((p, group))
    starts_group = np.r_[True, np.diff(group[order]) != 0]
    starts_tie = starts_group | np.r_[True, np.diff(p[order]) != 0]
    rivals = np.where(truth, 0.0, w)[order]
    below = np.cumsum(rivals) - rivals
    tie = np.cumsum(starts_tie) - 1
    before_tie, before_group = below[starts_tie][tie], below[starts_group][np.cumsum(starts_group) - 1]
    won = np.empty(len(p))
    won[order] = before_tie - before_group + np.bincount(tie, rivals)[tie] / 2
    return np.where(truth, w * won, 0.0)
