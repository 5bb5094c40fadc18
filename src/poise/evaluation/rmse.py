"""Root mean squared error."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

import numpy as np

from poise.evaluation.base import Array, Floats, MeanLoss
from poise.spec.objective import ProblemType


class RootMeanSquaredError(MeanLoss):
    """The root of the mean squared distance of prediction and truth, in the unit of the target.

    >>> RootMeanSquaredError().score(np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    1.0
    """

    name = "rmse"
    bigger_is_better = False
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"regression"})

    def losses(self, target: Array, prediction: Array) -> Floats:
        """The squared distance per row, shape (n,)."""
        return np.asarray(np.square(target - prediction), np.float64)

    def of_mean(self, mean: float) -> float:
        """The root of the mean square."""
        return sqrt(max(mean, 0.0))

    def to_mean(self, score: float) -> float:
        """The square; no root is below 0."""
        return score * score if score >= 0 else -np.inf

    def slope(self, mean: float) -> float:
        """The derivative of the root; 0 where the mean square is 0."""
        return 0.5 / sqrt(mean) if mean > 0 else 0.0
