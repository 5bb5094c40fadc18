"""From when answers saw the rows of files that were taken in beside their server, as the history tells it.

The lake has one κ for all rows of an ingest: when that began. The server takes them up after they are written, source
by source and part by part, so answers between saw some of them and not the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from poise.data.taking_up import TAKE_UP
from poise.stores.state_base import HistoryRow

Ints = NDArray[np.int64]
Seen = Mapping[str, Sequence[tuple[int, int, int]]]
"""Source -> (after, upto, instant): answers saw rows whose `_seq` is in (after, upto] from this instant on."""
UNTOLD = -1
"""Stands for the instant of rows that nobody told of."""


def seen_from(history: Iterable[HistoryRow]) -> dict[str, list[tuple[int, int, int]]]:
    """What the drains of servers noted."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for line in history:
        if line.act == TAKE_UP:
            rows = found.setdefault(line.details["source"], [])
            rows += [(after, upto, instant) for after, upto, instant in line.details["rows"]]
    return found


def instants(seen: Sequence[tuple[int, int, int]], seqs: Ints) -> Ints:
    """From when answers saw the rows with these `_seq`, `UNTOLD` where that was not noted; shape (n,).

    >>> instants([(9, 11, 700), (20, 21, 900)], np.array([9, 10, 11, 15, 21, 22])).tolist()
    [-1, 700, 700, -1, 900, -1]
    """
    if not seen:
        return np.full(len(seqs), UNTOLD)
    after, upto, instant = np.array(sorted(seen, key=lambda one: one[1]), np.int64).T
    at = np.minimum(np.searchsorted(upto, seqs), len(upto) - 1)
    return np.where((seqs > after[at]) & (seqs <= upto[at]), instant[at], UNTOLD)
