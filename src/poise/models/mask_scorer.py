"""Scores by mask tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models import mask_kernel
from poise.models.base import Floats
from poise.models.mask_tables import MaskTables

NO_ROWS = np.empty(0, np.int64)


class MaskScorer:
    """Scores of whole rows by mask tables: one allocation per call."""

    engine = "masks"

    def __init__(self, tables: MaskTables) -> None:
        t = self.tables = tables
        self._width, words = len(t.ends) - 1, t.table.shape[1]
        self._none: NDArray[Any] = np.empty((0, words), t.table.dtype)
        picked, state = (len(t.columns) + 3) // 4 * 2, -(-mask_kernel.TOGETHER * words * t.table.itemsize // 8)
        self._spare = -(-(picked + state) // self._width)
        self._arrays = t.columns, t.numbers, t.edges, t.level_rows, t.table, t.leaves, t.ends
        self._start = t.table[0], self._none, NO_ROWS

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k) of rows X, float64 (n, features) in C order."""
        n = len(X)
        out = np.empty((n + self._spare, self._width))
        mask_kernel.scores(X, *self._arrays, *self._start, out)
        return out[:n]
