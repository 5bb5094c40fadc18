"""Scores by mask tables: of whole rows, or of candidates whose columns are known in stages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poise.models import mask_kernel
from poise.models.base import Floats
from poise.models.forest_text import NotServed
from poise.models.mask_split import NO_ROWS, MaskSplit
from poise.models.mask_tables import MaskTables
from poise.models.proof import Proof, same_bits


class MaskScorer:
    """Scores by mask tables, one allocation per call.

    proof: rows with LightGBM's scores, on which every form that is used shows that it gives the same bits.
    """

    engine = "masks"

    def __init__(self, tables: MaskTables, proof: Proof) -> None:
        t = self.tables = tables
        self.proof = proof
        self.bytes = tables.bytes
        self._width, words = len(t.ends) - 1, t.table.shape[1]
        self._spare = mask_kernel.spare_rows(len(t.columns), words, t.table.itemsize, self._width)
        self._nothing = np.empty((1, 0)), t.columns[:0], 0
        self._arrays = t.columns, t.numbers, t.edges, t.level_rows, t.table, t.leaves, t.ends
        self._no_items = np.empty((0, words), t.table.dtype), NO_ROWS

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k) of rows X, float64 (n, features) in C order."""
        n = len(X)
        out = np.empty((n + self._spare, self._width))
        mask_kernel.scores(*self._nothing, X, *self._arrays, *self._no_items, out)
        return out[:n]

    def sides(self, request: Sequence[int], item: Sequence[int]) -> MaskSplit:
        """The same scores from columns known in stages. Raises `NotServed` where that does not give the same bits.

        request, item: columns of the matrix; the others are mixed.
        """
        split = MaskSplit(self.tables, request, item)

        def one_by_one(X: Floats) -> Floats:
            request, item, mixed = (np.ascontiguousarray(X[:, of]) for of in (split.request, split.item, split.mixed))
            kept, rows = split.state(item), np.arange(len(X))
            one = [slice(i, i + 1) for i in rows]
            return np.concatenate([split.raw(request[i], kept, mixed[i], rows[i]) for i in one])

        def together(X: Floats) -> Floats:  # candidates of one request: the first row's
            kept = split.state(np.ascontiguousarray(X[:, split.item]))
            return split.raw(X[:1, split.request].copy(), kept, np.ascontiguousarray(X[:, split.mixed]))

        rows = self.proof.rows.copy()
        rows[:, split.request] = rows[:1, split.request]
        alone = same_bits(one_by_one(self.proof.rows), self.proof.scores)
        proved = alone and Proof(rows, self.raw(rows)).holds(together)
        if not proved:
            raise NotServed("split in request and item, its scores of the probe rows differ from LightGBM's")
        return split
