"""Micro F1: F1 of all decisions on all classes together."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Floats, Metric
from poise.evaluation.f1 import counts, counts_by_block, f1
from poise.spec.objective import ProblemType


class MicroF1(Metric):
    """F1 over all pairs of row and class; where each row has one class this is accuracy.

    >>> MicroF1().score(np.array([[1, 0], [1, 1]]), np.array([[0.9, 0.8], [0.1, 0.7]]))
    0.6666666666666666
    """

    name = "micro_f1"
    bigger_is_better = True
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"binary", "multi-class", "multi-label"})
    bounds = (0.0, 1.0)

    def mean_score(self, target: Array, prediction: Array, weight: Array | None = None) -> float:
        """F1 of the summed counts."""
        return float(f1(counts(target, prediction, weight).sum(axis=1)))

    def without_blocks(self, target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Floats:
        """From the counts of each block."""
        by_block = counts_by_block(target, prediction, codes, count).sum(axis=1)
        whole = by_block.sum(axis=1, keepdims=True)
        left = f1(whole - by_block)
        return np.where(np.isnan(left), f1(whole), left)

    def undefined(self, target: Array, prediction: Array) -> str | None:
        """Some label must occur or be predicted."""
        return None if counts(target, prediction).any() else "no label occurs and none is predicted"
