"""What macro F1 and micro F1 share: counts of hits, false alarms and misses per class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Floats, decided, ratio, weights


def counts(target: Array, prediction: Array, weight: Array | None = None) -> Floats:
    """Hits, false alarms and misses of each class, weighted, shape (3, k).

    >>> counts(np.array([1, 0, 1]), np.array([0.9, 0.8, 0.1])).tolist()
    [[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    w = weights(target, weight)[:, None]
    truth, said = decided(target, prediction)
    return np.stack([(w * (truth & said)).sum(0), (w * (~truth & said)).sum(0), (w * (truth & ~said)).sum(0)])


def counts_by_block(target: Array, prediction: Array, codes: NDArray[np.int64], count: int) -> Floats:
    """The counts of each block, shape (3, k, count)."""
    truth, said = decided(target, prediction)
    kinds = (truth & said, ~truth & said, truth & ~said)
    return np.array([[np.bincount(codes, column, count) for column in kind.T] for kind in kinds])


def f1(found: Floats) -> Floats:
    """F1 from counts whose first axis is (hits, false alarms, misses); NaN for a class that never occurs."""
    hits, alarms, misses = found
    return ratio(2 * hits, 2 * hits + alarms + misses)
