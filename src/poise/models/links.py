"""From raw scores to predictions, as LightGBM and scikit-learn define them.

Powers and logarithms are NumPy's, whose bits a compiled `exp` would not give; what stands between them is compiled for
many rows, and Python's for one: an answer waits longer for a call of NumPy than for what it does with a hundred rows.
"""

from __future__ import annotations

import numpy as np

from poise.jit import compiled
from poise.models.base import Floats
from poise.spec.objective import ProblemType

MOST = 700.0
"""Log-odds of this size and below keep exp within what a float64 holds."""
LEAST = 1e-15
"""Probabilities are kept so far from 0 and 1 where their log-odds are taken."""


def sigmoid(raw: Floats) -> Floats:
    """Probability of a log-odds, 1 / (1 + exp(-raw)); exact 0 and 1 only where float64 has nothing between.

    >>> sigmoid(np.array([0.0, -800.0])).tolist()
    [0.5, 0.0]
    """
    if raw.size == 1:
        return np.full(raw.shape, sigmoid_of(raw.item()))
    return _sigmoid(raw)


def sigmoid_of(raw: float) -> float:
    """The same of one number: the bits that it has among others."""
    if -MOST < raw < MOST:
        return 1.0 / (1.0 + float(np.exp(-raw)))
    return float(_sigmoid(np.array([raw])).item())


def _sigmoid(raw: Floats) -> Floats:
    odds = np.empty(raw.size)
    if _opposite(raw.ravel(), odds):
        np.exp(odds, out=odds)
    else:
        with np.errstate(over="ignore", under="ignore"):
            np.exp(odds, out=odds)
    _to_shares(odds)
    return odds if raw.ndim == 1 else odds.reshape(raw.shape)


def softmax(raw: Floats) -> Floats:
    """Shares of k classes, (n, k): exp of the distance to the largest score, over their sum in order.

    >>> softmax(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    with np.errstate(under="ignore"):
        weights = np.exp(raw - raw.max(axis=1, keepdims=True))
    total = np.add.accumulate(weights, axis=1)[:, -1:]  # in order, as LightGBM sums
    return np.asarray(weights / total)


def logit(probability: Floats, intercept: float = 0.0, slope: float = 1.0) -> Floats:
    """Log-odds of probabilities, which are kept within 1e-15 of 0 and 1; or a line of these.

    >>> logit(np.array([0.5, 0.75]), intercept=1.0).round(4).tolist()
    [1.0, 2.0986]
    """
    if probability.size == 1:
        return np.full(probability.shape, logit_of(probability.item(), intercept, slope))
    odds, opposite = np.empty(probability.size), np.empty(probability.size)
    _kept_within(probability.ravel(), odds, opposite)
    _to_lines(np.log(odds, out=odds), np.log1p(opposite, out=opposite), intercept, slope)
    return odds if probability.ndim == 1 else odds.reshape(probability.shape)


def logit_of(probability: float, intercept: float = 0.0, slope: float = 1.0) -> float:
    """The same of one number: the bits that it has among others."""
    p = min(max(probability, LEAST), 1 - LEAST)
    return intercept + slope * float(np.log(p) - np.log1p(-p))


def predictions(type: ProblemType, raw: Floats) -> Floats:
    """Predictions from raw scores (n, k): (n,) for binary and regression, else (n, k)."""
    if type == "multi-class":
        return softmax(raw)
    if type == "multi-label":
        return sigmoid(raw)
    one = np.ascontiguousarray(raw[:, 0])
    return sigmoid(one) if type == "binary" else one


def compile_links() -> None:
    """Compile what many rows need, before any come: a rehearsal may bring one."""
    sigmoid(logit(np.full(2, 0.5)))


@compiled
def _opposite(x: Floats, out: Floats) -> bool:
    """-x into `out`; whether exp of all of them stays within what a float64 holds."""
    fits = True
    for i in range(len(x)):
        out[i] = -x[i]
        fits &= abs(x[i]) < MOST
    return fits


@compiled
def _to_shares(odds: Floats) -> None:
    """1 / (1 + odds), in place."""
    for i in range(len(odds)):
        odds[i] = 1.0 / (1.0 + odds[i])


@compiled
def _kept_within(p: Floats, within: Floats, opposite: Floats) -> None:
    """Probabilities away from 0 and 1, and the opposite of each."""
    for i in range(len(p)):
        one = p[i]
        if one < LEAST:
            one = LEAST
        elif one > 1 - LEAST:
            one = 1 - LEAST
        within[i], opposite[i] = one, -one


@compiled
def _to_lines(log: Floats, rest: Floats, intercept: float, slope: float) -> None:
    """A line of log-odds in place of `log`, of which `rest` is the logarithm of what is left to 1."""
    for i in range(len(log)):
        log[i] = intercept + slope * (log[i] - rest[i])
