"""What a score will be, before any label has come: its expectation, if the probabilities are right.

Confidence-based performance estimation (CBPE): Kivimäki, Białek, Nurminen & Kuberski, "Confidence-based estimators for
predictive performance in model monitoring", Journal of Artificial Intelligence Research 82, 2025; as NannyML has it. A
row that is positive with probability p is counted as a positive of weight p and a negative of weight 1 - p, in whatever
metric takes weights.

It holds where probabilities are calibrated on the rows that are scored: under a shift of the inputs, and not where the
same inputs have come to mean something else. No label-free estimate can see the latter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Metric
from poise.evaluation.calibration_error import CalibrationError
from poise.spec.objective import ProblemType

Floats = NDArray[np.float64]
TYPES: tuple[ProblemType, ...] = ("binary", "multi-class")
"""Problems of which each row has one truth, of known probability. Labels of multi-label depend on one another."""


def expected_score(metric: Metric, prediction: Array, probability: Array) -> float:
    """The score of `prediction` where the truth is drawn by `probability`; NaN where it is not defined.

    Both (n,) of binary, (n, k) of multi-class; they differ where predictions are not what is thought to be right.

    >>> from poise.evaluation.accuracy import Accuracy
    >>> p = np.array([0.9, 0.2, 0.6])
    >>> round(expected_score(Accuracy(), p, p), 4)
    0.7667
    >>> from poise.evaluation.auc import Auc
    >>> rng = np.random.default_rng(0); p = rng.random(20_000); y = rng.random(20_000) < p
    >>> abs(expected_score(Auc(), p, p) - Auc().score(y * 1.0, p)) < 0.01
    True
    """
    target, predicted, weight = _drawn(prediction, probability)
    if metric.name == "auc" and prediction.ndim == 1:
        return _auc(prediction, probability)
    return metric.score(target, predicted, weight)


def estimable(metric: Metric, problem: ProblemType) -> bool:
    """Whether an expectation of this metric means anything: calibration is what it assumes."""
    return problem in TYPES and not isinstance(metric, CalibrationError)


def _drawn(prediction: Array, probability: Array) -> tuple[Array, Array, Floats]:
    """Each row once for each truth that it may have, with its probability as weight."""
    if prediction.ndim == 1:
        n = len(prediction)
        target = np.concatenate([np.ones(n), np.zeros(n)])
        return target, np.concatenate([prediction, prediction]), np.concatenate([probability, 1 - probability])
    n, k = prediction.shape
    return np.repeat(np.arange(k), n), np.tile(prediction, (k, 1)), probability.T.ravel()


def _auc(prediction: Floats, probability: Floats) -> float:
    """The area under the ROC curve from one sort: pairs of a positive above a negative, ties counting half."""
    order = np.argsort(prediction)
    ones, zeros = probability[order], 1 - probability[order]
    ends = np.flatnonzero(np.append(np.diff(prediction[order]) != 0, True))
    up, down = np.cumsum(ones)[ends], np.cumsum(zeros)[ends]
    if not len(ends) or not up[-1] > 0 or not down[-1] > 0:
        return float("nan")
    step_up, step_down = np.diff(up, prepend=0.0), np.diff(down, prepend=0.0)
    return float((step_up * (down - step_down / 2)).sum() / (up[-1] * down[-1]))
