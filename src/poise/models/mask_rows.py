"""The rows of mask tables: one per rank of a number among its thresholds, one for levels that no split tells apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled
from poise.models.base import Floats
from poise.models.forest_text import CATEGORY, Forest, NotServed

MISSING_ZERO = 1
"""What a decision type says where 0 means missing."""
PARTS = 6


@dataclass(frozen=True, slots=True, eq=False)
class TableRows:
    """Which row of the table a value has. Row 0 belongs to no column.

    columns: (used, 6), numbers first (`numbers` of them). Of a number: its column in the matrix, its first edge, how
    many, its first row (of values up to the first edge; the next rows for each edge that is passed), the row for NaN,
    and the row for 0 where 0 means missing, else -1. Of a category: its column, its first level, how many, and the row
    of levels that no split names. edges: thresholds per number, rising. level_rows: the row of each level.
    spans: (features, 2) the rows of each column of the matrix, from the first to before the last.
    values: (rows,) a value that has this row. plain: (rows,) whether it is compared, and is neither NaN nor missing.
    """

    columns: NDArray[np.int32]
    numbers: int
    edges: Floats
    level_rows: NDArray[np.int32]
    spans: NDArray[np.int64]
    values: Floats
    plain: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One column's own rows, counted from its first."""

    place: int
    category: bool
    edges: Floats
    levels: NDArray[np.int64]
    values: Floats
    zero: bool = False

    @property
    def plain(self) -> NDArray[np.bool_]:
        return np.arange(len(self.values)) <= (-1 if self.category else len(self.edges))


def table_rows(forest: Forest) -> TableRows:
    """The rows that a forest's splits tell apart. Raises `NotServed` where a column is number and category at once."""
    found = [_column(forest, j) for j in np.unique(forest.feature).tolist()]
    columns = sorted(found, key=lambda one: one.category)
    first_row = np.cumsum([1, *(len(one.values) for one in columns)])
    first_edge = np.cumsum([0, *(len(one.edges) for one in columns)])
    first_level = np.cumsum([0, *(len(one.levels) for one in columns)])
    parts, spans = np.zeros((len(columns), PARTS), np.int32), np.zeros((forest.features, 2), np.int64)
    for at, one in enumerate(columns):
        row, count = first_row[at], len(one.edges)
        spans[one.place] = row, first_row[at + 1]
        if one.category:
            parts[at] = one.place, first_level[at], len(one.levels), row, row, -1
        else:
            parts[at] = one.place, first_edge[at], count, row, row + count + 1, row + count + 2 if one.zero else -1
    return TableRows(
        parts,
        sum(not one.category for one in columns),
        np.concatenate([np.empty(0), *(one.edges for one in columns)]),
        np.concatenate([np.empty(0), *(one.levels + first_row[at] for at, one in enumerate(columns))]).astype(np.int32),
        spans,
        np.concatenate([np.zeros(1), *(one.values for one in columns)]),
        np.concatenate([np.ones(1, np.bool_), *(one.plain for one in columns)]),
    )


def _column(forest: Forest, j: int) -> _Column:
    mine = forest.feature == j
    kinds, thresholds = forest.kind[mine], forest.threshold[mine]
    category = (kinds & CATEGORY) != 0
    if category.all():
        levels, values = _level_classes(forest, thresholds.astype(np.int64))
        return _Column(j, True, np.empty(0), levels, values)
    if category.any():
        raise NotServed(f"column {j} is a number in some trees and a category in others")
    edges = np.unique(thresholds)
    if np.isnan(edges).any():
        raise NotServed(f"column {j} is split at NaN")
    zero = bool((((kinds >> 2) & 3) == MISSING_ZERO).any())
    values = np.concatenate([edges, [np.inf, np.nan], [0.0] if zero else []])
    return _Column(j, False, edges, np.empty(0, np.int64), values, zero)


def _level_classes(forest: Forest, sets: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """Levels that are in the same bit sets share a row: the class of each level, and one level of each class.

    Class 0 is of levels in no set, for which -1 stands.
    """
    longest = int((forest.word_start[sets + 1] - forest.word_start[sets]).max()) * 32
    classes = np.zeros(longest, np.int64)
    _refine(sets, forest.word_start, forest.words, classes)
    _, first, classes = np.unique(np.append(0, classes), return_index=True, return_inverse=True)
    return classes[1:], np.where(first == 0, -1.0, first - 1.0)


@compiled
def _refine(
    sets: NDArray[np.int64], word_start: NDArray[np.int32], words: NDArray[np.uint32], classes: NDArray[np.int64]
) -> None:
    """Part the levels' classes by each bit set in turn: those inside it get a class of their own."""
    most = 1
    for at in range(len(sets)):
        for word in range(word_start[sets[at]], word_start[sets[at] + 1]):
            for bit in range(32):
                most += (words[word] >> np.uint32(bit)) & np.uint32(1)
    moved, stamp, count = np.empty(most, np.int64), np.full(most, -1, np.int64), 1
    for at in range(len(sets)):
        first = word_start[sets[at]]
        for word in range(first, word_start[sets[at] + 1]):
            for bit in range(32):
                if (words[word] >> np.uint32(bit)) & np.uint32(1):
                    level = 32 * (word - first) + bit
                    old = classes[level]
                    if stamp[old] != at:
                        stamp[old] = at
                        moved[old] = count
                        count += 1
                    classes[level] = moved[old]
