"""Folds for choosing within a part: contiguous in time, or shuffled with the seed where there is no time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.table import MISSING_TIME


def folds_of(time: NDArray[np.int64] | None, height: int, count: int, seed: int = 0) -> NDArray[np.int64]:
    """The fold 0 … count - 1 of each row, shape (n,). Rows of one instant stay together.

    >>> folds_of(np.array([3, 1, 2, 1]), 4, 2).tolist()
    [1, 0, 1, 0]
    """
    if time is None or not height or time[0] == MISSING_TIME:
        order = np.random.default_rng(seed).permutation(height)
        folds = np.empty(height, np.int64)
        folds[order] = np.arange(height) * count // max(height, 1)
        return folds
    ranks = np.searchsorted(np.sort(time), time, side="left")
    return np.asarray(ranks * count // height, np.int64)
