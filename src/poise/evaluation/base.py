"""What a metric promises: a score, its direction, the problem types it fits, and what it would be without each block.

The problem type shows in the shapes: binary and regression have targets (n,) and predictions (n,); multi-class has
integer codes (n,) and probabilities (n, k); multi-label has 0/1 (n, k) and probabilities (n, k).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.errors import PoiseError
from poise.evaluation.spread import Spread
from poise.spec.objective import ProblemType

Array = NDArray[Any]
Floats = NDArray[np.float64]

_LARGEST_SHARE = 2.0  # the Brier score of classes reaches 2


class Metric(ABC):
    """One way to score predictions against what came true.

    A metric that is the mean of a loss per row gives `losses`, and everything else follows from sums; another metric
    gives `mean_score` and, where that pays, a faster `without_blocks`. Both live on a scale on which blocks add up
    (nearly); `of_mean` takes that scale to the score, e.g. from a mean square to its root.
    """

    name: ClassVar[str]
    """As the user writes it after the dot: `late.log_loss`."""
    bigger_is_better: ClassVar[bool]
    works_with: ClassVar[frozenset[ProblemType]]
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)
    """Smallest and largest possible score."""

    @classmethod
    def is_share(cls, problem: ProblemType) -> bool:
        """Whether bounds may be percentages: the score cannot go far beyond 1, so 5% can only mean 0.05."""
        return cls.bounds[1] <= _LARGEST_SHARE

    def score(self, target: Array, prediction: Array, weight: Array | None = None) -> float:
        """The score over all rows, each with its weight; NaN where it is not defined (`reason` says why)."""
        if self.reason(target, prediction) is not None:
            return float("nan")
        return self.of_mean(self.mean_score(target, prediction, weight))

    def losses(self, target: Array, prediction: Array) -> Floats | None:
        """A value per row, shape (n,), whose weighted mean is the score before `of_mean`; None where none exists."""
        return None

    def mean_score(self, target: Array, prediction: Array, weight: Array | None = None) -> float:
        """The score before `of_mean`; by default the weighted mean of `losses`.

        Raises `PoiseError`, which names the class, where a metric has neither.
        """
        losses = self.losses(target, prediction)
        if losses is None:
            own = f"{type(self).__module__}.{type(self).__qualname__}"
            hint = "a metric defines one of the two; poise.evaluation.base says which"
            raise PoiseError(f"the metric '{self.name}' ({own}) gives neither losses nor mean_score", hint=hint)
        return float(np.average(losses, weights=weight))

    def of_mean(self, mean: float) -> float:
        """The score from the value on the scale of `mean_score`; never decreasing."""
        return mean

    def to_mean(self, score: float) -> float:
        """The inverse of `of_mean`: bounds on scores are compared on the scale on which blocks add up."""
        return score

    def slope(self, mean: float) -> float:
        """The derivative of `of_mean`."""
        return 1.0

    def without_blocks(self, target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Floats:
        """The value of `mean_score` with each block left out, shape (count,). `codes` (n,) says each row's block."""
        losses = self.losses(target, prediction)
        sizes = np.bincount(codes, minlength=count).astype(np.float64)
        if losses is not None:
            sums = np.bincount(codes, losses, count)
            return ratio(sums.sum() - sums, sizes.sum() - sizes)
        whole = self.mean_score(target, prediction)
        out = np.full(count, whole)
        for block in np.flatnonzero(sizes):
            kept = codes != block
            value = float("nan")
            if self.reason(target[kept], prediction[kept]) is None:
                value = self.mean_score(target[kept], prediction[kept])
            out[block] = value if np.isfinite(value) else whole
        return out

    def spread(self, target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Spread | None:
        """How sure `mean_score` is, for a metric for which draws of blocks do not tell; None where they do."""
        return None

    def reason(self, target: Array, prediction: Array) -> str | None:
        """Why there is no score for these rows, as a sentence; None where there is one."""
        if not len(target):
            return "there are no rows"
        gone = ~np.isfinite(np.asarray(prediction, np.float64))
        if gone.any():
            rows = int(gone.reshape(len(prediction), -1).any(axis=1).sum())
            return f"the prediction is missing or infinite in {rows:,} of {len(prediction):,} rows"
        return self.undefined(target, prediction)

    def undefined(self, target: Array, prediction: Array) -> str | None:
        """Why this metric is not defined for rows with finite predictions; by default it always is."""
        return None

    def better(self, one: float, other: float) -> bool:
        """Whether score `one` is better than score `other`; NaN is never better."""
        return one > other if self.bigger_is_better else one < other


class MeanLoss(Metric):
    """A metric that is a function of the mean of a loss per row."""

    @abstractmethod
    def losses(self, target: Array, prediction: Array) -> Floats:
        """The loss of each row, shape (n,)."""


def ratio(numerator: Array, denominator: Array, otherwise: float = np.nan) -> Floats:
    """`numerator / denominator` with `otherwise` where the denominator is 0.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]), 0.0).tolist()
    [0.5, 0.0]
    """
    top, bottom = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    out: Floats = np.full(top.shape, otherwise)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


def weights(target: Array, weight: Array | None) -> Floats:
    """The weights of the rows, shape (n,); ones by default."""
    return np.ones(len(target)) if weight is None else np.asarray(weight, np.float64)


def one_vs_rest(target: Array, prediction: Array) -> tuple[NDArray[np.bool_], Floats]:
    """Truth and probability of each class or label as columns, both (n, k); a binary problem has the one column.

    >>> one_vs_rest(np.array([0, 2]), np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]))[0].tolist()
    [[True, False, False], [False, False, True]]
    """
    if prediction.ndim == 1:
        return np.asarray(target[:, None] > 0.5), np.asarray(prediction[:, None], np.float64)
    if target.ndim == 1:
        truth = target.astype(np.int64)[:, None] == np.arange(prediction.shape[1])
        return truth, np.asarray(prediction, np.float64)
    return np.asarray(target > 0.5), np.asarray(prediction, np.float64)


def decided(target: Array, prediction: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Truth and decision of each class or label as columns, both (n, k). Binary: the classes 0 and 1.

    A probability of at least 0.5 decides for a label; of classes, the most probable wins (the first among equals).
    """
    if prediction.ndim == 1:
        truth, said = target > 0.5, prediction >= 0.5
        return np.stack([~truth, truth], axis=1), np.stack([~said, said], axis=1)
    if target.ndim == 1:
        classes = np.arange(prediction.shape[1])
        return target.astype(np.int64)[:, None] == classes, prediction.argmax(axis=1)[:, None] == classes
    return target > 0.5, prediction >= 0.5
