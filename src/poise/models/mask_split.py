"""Scores of candidates whose columns are known in stages: of the request once, of an item once per item, mixed now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.models import mask_kernel
from poise.models.base import Floats
from poise.models.mask_tables import MaskTables

Side = Literal["request", "item"]
NO_ROWS = np.empty(0, np.int64)


class MaskSplit:
    """The kernel with the columns parted in three: of the request, of an item, and mixed, which depend on both.

    A *state* is one row of `words` words: the leaves that the columns of a side leave reachable. It depends on those
    columns only, so that an item's may be kept for as long as its values hold. The AND of states is the same in any
    order: scores are those of whole rows, bit for bit.

    request, item, mixed: columns of the scorer's matrix, in the order in which they are given here.
    """

    def __init__(self, tables: MaskTables, request: Sequence[int], item: Sequence[int]) -> None:
        self.tables = tables
        self.request, self.item = tuple(request), tuple(item)
        taken = {*self.request, *self.item}
        self.mixed = tuple(j for j in range(tables.features) if j not in taken)
        self.width, self.words, self.word = len(tables.ends) - 1, tables.table.shape[1], tables.table.dtype
        self._sides = {side: _of_side(tables, of) for side, of in (("request", self.request), ("item", self.item))}
        self._mixed = (*_of_side(tables, self.mixed), tables.leaves, tables.ends)
        self._spare = mask_kernel.spare_rows(len(self._mixed[0]), self.words, self.word.itemsize, self.width)

    @property
    def bytes_per_row(self) -> int:
        """What one kept state takes."""
        return int(self.words * self.word.itemsize)

    def state(self, side: Side, X: Floats) -> NDArray[Any]:
        """States (n, words) of rows X, float64 (n, columns of that side) in C order."""
        out = np.empty((len(X), self.words), self.word)
        mask_kernel.states(X, *self._sides[side], out)
        return out

    def raw(
        self, request: NDArray[Any], items: NDArray[Any], mixed: Floats, rows: NDArray[np.int64] | None = None
    ) -> Floats:
        """Scores (n, k) of n candidates, equal to those of whole rows bit for bit.

        request: (words,) the state of the request's side. items: (m, words) states of items; candidate i is item
        `rows[i]`, or without `rows` item i. mixed: float64 (n, mixed columns) in C order.
        """
        n = len(mixed)
        out = np.empty((n + self._spare, self.width))
        mask_kernel.scores(mixed, *self._mixed, request, items, NO_ROWS if rows is None else rows, out)
        return out[:n]


Columns = tuple[NDArray[np.int32], int, Floats, NDArray[np.int32], NDArray[Any]]


def _of_side(tables: MaskTables, side: Sequence[int]) -> Columns:
    """The tables' columns that a side has, their places counted within the side."""
    place = {column: at for at, column in enumerate(side)}
    kept = [at for at, column in enumerate(tables.columns[:, 0].tolist()) if column in place]
    columns = tables.columns[kept].copy()
    columns[:, 0] = [place[column] for column in columns[:, 0].tolist()]
    numbers = sum(at < tables.numbers for at in kept)
    return columns, numbers, tables.edges, tables.level_rows, tables.table
