"""Brier score: the squared distance between probabilities and what came true."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from poise.evaluation.base import Array, Floats, MeanLoss, one_vs_rest
from poise.spec.objective import ProblemType


class Brier(MeanLoss):
    """The mean squared distance of probability and truth (Brier 1950); classes are summed, labels averaged.

    >>> round(Brier().score(np.array([1, 0]), np.array([0.8, 0.4])), 2)
    0.1
    """

    name = "brier"
    bigger_is_better = False
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"binary", "multi-class", "multi-label"})
    bounds = (0.0, 2.0)

    def losses(self, target: Array, prediction: Array) -> Floats:
        """The squared distance per row, shape (n,)."""
        truth, p = one_vs_rest(target, prediction)
        square = (p - truth) ** 2
        return np.asarray(square.sum(axis=1) if target.ndim == 1 else square.mean(axis=1))
