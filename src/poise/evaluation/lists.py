"""Lists of rows: which rows stand together, and where an order puts each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The lists of n rows: `codes` (n,) from 0 to `count` - 1, and the `first` row of each, (count,), which speaks for
    its list."""

    codes: Ints
    first: Ints

    @classmethod
    def of(cls, codes: Ints) -> Lists:
        """The lists of rows with equal `codes` (n,), which may be any numbers; lists are in the order of those.

        >>> made = Lists.of(np.array([7, 3, 7]))
        >>> made.codes.tolist(), made.first.tolist(), made.count
        ([1, 0, 1], [1, 0], 2)
        """
        _, first, places = np.unique(codes, return_index=True, return_inverse=True)
        return cls(places.astype(np.int64, copy=False), first.astype(np.int64, copy=False))

    @property
    def count(self) -> int:
        """How many lists there are."""
        return len(self.first)


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """Rows of one list with equal scores, best first within each list; a row without a rival is a tie of one.

    of_row: (n,) the tie of each row. codes, ahead, size: (ties,) its list, how many rows of the list stand above it,
    and how many rows it holds. lists: how many lists there are, some perhaps without rows.
    """

    of_row: Ints
    codes: Ints
    ahead: Ints
    size: Ints
    lists: int

    @classmethod
    def of(cls, codes: Ints, scores: Floats, lists: int) -> Ties:
        """The ties of rows in lists `codes` (n,) from 0, by `scores` (n,): larger first, NaN last.

        >>> made = Ties.of(np.array([0, 0, 0, 1]), np.array([0.2, 0.7, 0.2, np.nan]), 2)
        >>> made.of_row.tolist(), made.ahead.tolist(), made.size.tolist()
        ([1, 0, 1, 2], [0, 1, 0], [1, 2, 1])
        """
        order, starts_list = _sorted(codes, scores)
        falling = _falling(scores)[order]
        starts = starts_list.copy()
        starts[1:] |= falling[1:] != falling[:-1]
        first = np.flatnonzero(starts)
        first_of_list = np.flatnonzero(starts_list)[np.cumsum(starts_list)[first] - 1]
        of_row = np.empty(len(codes), np.int64)
        of_row[order] = np.cumsum(starts) - 1
        size = np.diff(np.append(first, len(codes)))
        return cls(of_row, codes[order][first], first - first_of_list, size, lists)

    def sums(self, values: Floats | NDArray[np.bool_]) -> Floats:
        """The sum of `values` (n,) over the rows of each tie, (ties,)."""
        return np.bincount(self.of_row, values, len(self.size)).astype(np.float64, copy=False)

    def per_list(self, values: Floats) -> Floats:
        """The sum of `values` (ties,) over the ties of each list, (lists,)."""
        return np.bincount(self.codes, values, self.lists).astype(np.float64, copy=False)


def places(codes: Ints, scores: Floats) -> Ints:
    """The place of each row in its list, (n,) from 1, by `scores` (n,): larger first, NaN last, the earlier row first
    among equals, as when answering.

    >>> places(np.array([5, 5, 5, 9]), np.array([0.2, 0.7, 0.2, 0.1])).tolist()
    [2, 1, 3, 1]
    """
    order, starts_list = _sorted(codes, scores)
    first = np.flatnonzero(starts_list)
    out = np.empty(len(codes), np.int64)
    out[order] = np.arange(len(codes)) - first[np.cumsum(starts_list) - 1] + 1
    return out


def _sorted(codes: Ints, scores: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """Rows list by list, each best first (stable), and where in that order a list begins; both (n,)."""
    order = np.lexsort((_falling(scores), codes))
    begins = np.ones(len(codes), np.bool_)
    listed = codes[order]
    begins[1:] = listed[1:] != listed[:-1]
    return order, begins


def _falling(scores: Floats) -> Floats:
    """What rises as scores fall; NaN is last of all, behind minus infinity."""
    return -np.nan_to_num(np.asarray(scores, np.float64), nan=-np.inf, posinf=_LARGEST, neginf=-_LARGEST)
