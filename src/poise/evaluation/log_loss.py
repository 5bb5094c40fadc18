"""Log loss: how surprising the truth was, given the predicted probabilities."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from poise.evaluation.base import Array, Floats, MeanLoss
from poise.spec.objective import ProblemType

TINY = float(np.finfo(np.float64).eps)
"""Probabilities are kept this far from 0 and 1, so that one certain mistake costs 36 and not infinity."""


class LogLoss(MeanLoss):
    """The mean of minus the logarithm of the probability that was given to the truth; multi-label: mean over labels.

    >>> round(LogLoss().score(np.array([1, 0]), np.array([0.8, 0.4])), 4)
    0.367
    """

    name = "log_loss"
    bigger_is_better = False
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"binary", "multi-class", "multi-label"})

    def losses(self, target: Array, prediction: Array) -> Floats:
        """Minus the log of the truth's probability per row, shape (n,)."""
        p = np.clip(prediction.astype(np.float64), TINY, 1 - TINY)
        if target.ndim == 1 and p.ndim == 2:
            return np.asarray(-np.log(p[np.arange(len(p)), target.astype(np.int64)]))
        loss = -np.log(np.where(target > 0.5, p, 1 - p))
        return np.asarray(loss if loss.ndim == 1 else loss.mean(axis=1))
