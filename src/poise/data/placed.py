"""Where in the journal the rows of one source stand, by the hash of their identity: 20 bytes a row.

Hashes come in small groups and are asked for rarely, so that groups are kept as they came, sorted and merged by size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.data.id_hash import Hashes

LARGEST = 1_000_000
"""Rows of a part that is merged no further: so that what was pruned can be dropped in parts."""
_TAIL = 4_096
_Part = tuple[Hashes, NDArray[np.int64], NDArray[np.int32]]


class Placed:
    """Hash of identity -> the record (its first position) and the row's place in it; of equal ones the newest.

    >>> placed = Placed()
    >>> placed.add(np.array([5, 6], np.uint64), 101, np.array([0, 1]))
    >>> placed.find(np.array([6, 7], np.uint64))
    [(101, 1), None]
    """

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._tail: list[_Part] = []
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting + sum(len(part[0]) for part in self._parts)

    def add(self, keys: Hashes, first: int, places: NDArray[np.int64]) -> None:
        """Rows of the record that begins at position `first`, which is after all that were added before."""
        self._tail.append((keys, np.full(len(keys), first, np.int64), places.astype(np.int32)))
        self._waiting += len(keys)
        if self._waiting >= _TAIL:
            self._seal()

    def find(self, keys: Hashes) -> list[tuple[int, int] | None]:
        """Where the newest row of each key stands, or None."""
        self._seal()
        found: list[tuple[int, int] | None] = [None] * len(keys)
        for hashes, firsts, places in self._parts:  # the newest last
            at = np.searchsorted(hashes, keys, side="right") - 1
            for row in np.flatnonzero((at >= 0) & (hashes[at] == keys)).tolist():
                found[row] = int(firsts[at[row]]), int(places[at[row]])
        return found

    def prune(self, below: int) -> None:
        """Forget rows of records that begin at or before `below`."""
        self._seal()
        kept = [(part, part[1] > below) for part in self._parts]
        self._parts = [(p[0][left], p[1][left], p[2][left]) for p, left in kept if left.any()]

    def _seal(self) -> None:
        """Make a part of what waits, and merge parts until each is at least twice as large as the next."""
        if not self._tail:
            return
        self._parts.append(_sorted(self._tail))
        self._tail, self._waiting = [], 0
        while len(self._parts) > 1 and len(self._parts[-2][0]) < min(2 * len(self._parts[-1][0]), LARGEST):
            self._parts[-2:] = [_sorted(self._parts[-2:])]


def _sorted(parts: list[_Part]) -> _Part:
    """One part of several, the later of equal hashes behind the earlier."""
    hashes, firsts, places = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(hashes, kind="stable")
    return hashes[order], firsts[order], places[order]
