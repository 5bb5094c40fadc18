"""From raw scores to predictions, as LightGBM and scikit-learn define them."""

from __future__ import annotations

import numpy as np

from poise.models.base import Floats
from poise.spec.objective import ProblemType

MOST = 700.0
"""Log-odds of this size and below keep exp within what a float64 holds."""


def sigmoid(raw: Floats) -> Floats:
    """Probability of a log-odds, 1 / (1 + exp(-raw)); exact 0 and 1 only where float64 has nothing between.

    >>> sigmoid(np.array([0.0, -800.0])).tolist()
    [0.5, 0.0]
    """
    if len(raw) == 1 and raw.ndim == 1 and -MOST < raw[0] < MOST:
        return np.asarray(1.0 / (1.0 + np.exp(-raw)))  # one row: asking NumPy not to warn costs as much as the rest
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-raw)))


def softmax(raw: Floats) -> Floats:
    """Shares of k classes, (n, k): exp of the distance to the largest score, over their sum in order.

    >>> softmax(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    with np.errstate(under="ignore"):
        weights = np.exp(raw - raw.max(axis=1, keepdims=True))
    total = np.add.accumulate(weights, axis=1)[:, -1:]  # in order, as LightGBM sums
    return np.asarray(weights / total)


def logit(probability: Floats) -> Floats:
    """Log-odds of probabilities, which are kept within 1e-15 of 0 and 1."""
    p = np.minimum(np.maximum(probability, 1e-15), 1 - 1e-15)
    return np.asarray(np.log(p) - np.log1p(-p))


def predictions(type: ProblemType, raw: Floats) -> Floats:
    """Predictions from raw scores (n, k): (n,) for binary and regression, else (n, k)."""
    if type == "multi-class":
        return softmax(raw)
    if type == "multi-label":
        return sigmoid(raw)
    one = np.ascontiguousarray(raw[:, 0])
    return sigmoid(one) if type == "binary" else one
