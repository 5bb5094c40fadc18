"""The loss that fitting and calibration minimise, per row: log loss for probabilities, squared error for values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats, Problem

SURE = 1e-15
"""Probabilities are kept this far from 0 and 1, so that one wrong certainty does not make the loss infinite."""


def losses(problem: Problem, predicted: Floats, target: NDArray[Any]) -> Floats:
    """Loss of each row, (n,); multi-label: the mean over labels.

    >>> losses(Problem("binary"), np.array([0.5, 1.0]), np.array([1, 1])).round(3).tolist()
    [0.693, 0.0]
    """
    if problem.type == "regression":
        with np.errstate(over="ignore"):  # an absurd prediction has an infinite loss
            return np.asarray((predicted - target) ** 2, np.float64)
    sure = np.clip(predicted, SURE, 1 - SURE)
    if problem.type == "multi-class":
        return np.asarray(-np.log(sure[np.arange(len(target)), target.astype(np.int64)]))
    each = np.asarray(-np.log(np.where(target > 0, sure, 1 - sure)))
    return each if each.ndim == 1 else np.asarray(each.mean(axis=1))


def mean_loss(problem: Problem, predicted: Floats, target: NDArray[Any], weight: Floats | None = None) -> float:
    """Weighted mean of `losses`."""
    return float(np.average(losses(problem, predicted, target), weights=weight))
