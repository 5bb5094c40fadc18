"""Accuracy: the share of rows that were decided right."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from poise.evaluation.base import Array, Floats, MeanLoss, decided
from poise.spec.objective import ProblemType


class Accuracy(MeanLoss):
    """The share of rows whose class was right; multi-label: whose labels were all right.

    >>> Accuracy().score(np.array([1, 0, 0, 1]), np.array([0.8, 0.4, 0.6, 0.5]))
    0.75
    """

    name = "accuracy"
    bigger_is_better = True
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"binary", "multi-class", "multi-label"})
    bounds = (0.0, 1.0)

    def losses(self, target: Array, prediction: Array) -> Floats:
        """1 where the row was right, else 0, shape (n,)."""
        truth, said = decided(target, prediction)
        return np.asarray((truth == said).all(axis=1), np.float64)
