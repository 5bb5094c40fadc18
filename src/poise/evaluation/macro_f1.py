"""Macro F1: F1 of each class, every class counting the same."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Floats, Metric
from poise.evaluation.f1 import counts, counts_by_block, f1
from poise.spec.objective import ProblemType


class MacroF1(Metric):
    """The mean over classes of F1, the harmonic mean of precision and recall.

    A class that neither occurs nor is predicted has no F1 and is left out. Binary: the mean over both classes.

    >>> round(MacroF1().score(np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.1, 0.3])), 4)
    0.7333
    """

    name = "macro_f1"
    bigger_is_better = True
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"binary", "multi-class", "multi-label"})
    bounds = (0.0, 1.0)

    def mean_score(self, target: Array, prediction: Array, weight: Array | None = None) -> float:
        """The mean of the F1s that exist."""
        found = f1(counts(target, prediction, weight))
        return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")

    def without_blocks(self, target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Floats:
        """From the counts of each block; a class that is absent without a block keeps its value."""
        by_block = counts_by_block(target, prediction, codes, count)
        whole = by_block.sum(axis=2, keepdims=True)
        left, all_ = f1(whole - by_block), f1(whole)
        return np.asarray(np.nanmean(np.where(np.isnan(left), all_, left), axis=0))

    def undefined(self, target: Array, prediction: Array) -> str | None:
        """Some label must occur or be predicted."""
        return None if counts(target, prediction).any() else "no label occurs and none is predicted"
