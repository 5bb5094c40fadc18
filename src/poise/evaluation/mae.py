"""Mean absolute error."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from poise.evaluation.base import Array, Floats, MeanLoss
from poise.spec.objective import ProblemType


class MeanAbsoluteError(MeanLoss):
    """The mean distance of prediction and truth, in the unit of the target.

    >>> MeanAbsoluteError().score(np.array([1.0, 3.0]), np.array([2.0, 1.0]))
    1.5
    """

    name = "mae"
    bigger_is_better = False
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"regression"})

    def losses(self, target: Array, prediction: Array) -> Floats:
        """The distance per row, shape (n,)."""
        return np.asarray(np.abs(target - prediction), np.float64)
