"""Scores of candidates whose columns are known in stages: of the request once, of an item once per item, mixed now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models import mask_kernel
from poise.models.base import Floats
from poise.models.mask_tables import MaskTables

NO_ROWS = np.empty(0, np.int64)


class MaskSplit:
    """The kernel with the columns parted in three: of the request, of an item, and mixed, which depend on both.

    An item's *state* is one row of `words` words: the leaves that its columns leave reachable. It depends on those
    columns only, so that it may be kept for as long as its values hold. The AND of states is the same in any order:
    scores are those of whole rows, bit for bit.

    request, item, mixed: columns of the scorer's matrix, in the order in which they are given here.
    """

    def __init__(self, tables: MaskTables, request: Sequence[int], item: Sequence[int]) -> None:
        self.tables = tables
        self.request, self.item = tuple(request), tuple(item)
        taken = {*self.request, *self.item}
        self.mixed = tuple(j for j in range(tables.features) if j not in taken)
        self.width, self.words, self.word = len(tables.ends) - 1, tables.table.shape[1], tables.table.dtype
        arrays = tables.edges, tables.level_rows, tables.table
        asked, mixed = _of_side(tables, self.request), _of_side(tables, self.mixed)
        self._item = (*_of_side(tables, self.item), *arrays)
        self._asked = asked
        self._mixed = (*mixed, *arrays, tables.leaves, tables.ends)
        most = max(len(asked[0]), len(mixed[0]))
        self._spare = mask_kernel.spare_rows(most, self.words, self.word.itemsize, self.width)

    @property
    def bytes_per_row(self) -> int:
        """What one kept state takes."""
        return int(self.words * self.word.itemsize)

    def state(self, X: Floats) -> NDArray[Any]:
        """States (n, words) of items, from their columns X, float64 (n, columns) in C order."""
        out = np.empty((len(X), self.words), self.word)
        mask_kernel.states(X, *self._item, out)
        return out

    def raw(self, request: Floats, items: NDArray[Any], mixed: Floats, rows: NDArray[np.int64] | None = None) -> Floats:
        """Scores (n, k) of n candidates, equal to those of whole rows bit for bit.

        request: float64 (1, columns) of the request, in C order. items: (m, words) states of items; candidate i is item
        `rows[i]`, or without `rows` item i. mixed: float64 (n, mixed columns) in C order.
        """
        n = len(mixed)
        out = np.empty((n + self._spare, self.width))
        mask_kernel.scores(request, *self._asked, mixed, *self._mixed, items, NO_ROWS if rows is None else rows, out)
        return out[:n]


Columns = tuple[NDArray[np.int32], int]


def _of_side(tables: MaskTables, side: Sequence[int]) -> Columns:
    """The tables' columns that a side has, their places counted within the side, and how many are numbers."""
    place = {column: at for at, column in enumerate(side)}
    kept = [at for at, column in enumerate(tables.columns[:, 0].tolist()) if column in place]
    columns = tables.columns[kept].copy()
    columns[:, 0] = [place[column] for column in columns[:, 0].tolist()]
    return columns, sum(at < tables.numbers for at in kept)
