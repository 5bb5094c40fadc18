"""The newest row of a source that was known at a request's T, in batch, for all requests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.features.keys import Codes
from poise.table import MISSING_TIME, History

_ALWAYS = np.iinfo(np.int64).min
_END = np.iinfo(np.int64).max


def visible_from(history: History) -> NDArray[np.int64]:
    """The instant of each row after which requests see it: T must be greater than this; shape (n,), microseconds.

    That is max(τ, κ); the first version of a table's key holds for all earlier T.
    """
    seen = np.maximum(history.time, history.known)
    if history.kind == "table" and history.first is not None:
        seen = np.where(history.first, _ALWAYS, seen)
    return seen


def newest(codes: Codes, time: NDArray[np.int64], row_codes: Codes, history: History) -> NDArray[np.int64]:
    """The position in `history` of each request's newest visible row of the same key, or -1; shape (n,).

    `codes` (n,) and `row_codes` (history.height,) come from `keys.joint_codes`; `time` holds T. A row is visible if
    τ < T and κ < T, strictly; among visible ones the greatest τ wins, at equal τ the one that arrived later. Where T is
    `MISSING_TIME` (a system without time) all rows are visible.

    One sort of the rows and two binary searches per request, whatever the number of rows per key.

    >>> from poise.table import Table
    >>> t = np.array([10, 20, 30])
    >>> h = History("prices", "history", t, t, Table({}, 3))
    >>> newest(np.array([0, 0, 1, 0]), np.array([20, 21, 31, 5]), np.array([0, 0, 1]), h).tolist()
    [0, 1, 2, -1]
    """
    height = history.height
    if not height or not len(codes):
        return np.full(len(codes), -1, np.int64)
    seen = visible_from(history)
    order = None if bool((seen[1:] >= seen[:-1]).all()) else np.argsort(seen, kind="stable")
    if order is not None:
        seen, row_codes = seen[order], row_codes[order]
    # How many rows of any key are visible to each request, then the rows by key: `place` is (key, rank in time) as one
    # integer, so that one search finds the last visible row of the request's key.
    rank = np.searchsorted(seen, np.where(time == MISSING_TIME, _END, time), side="left")
    by_key = np.argsort(row_codes, kind="stable")
    step = np.int64(height + 1)
    place = row_codes[by_key] * step + by_key
    found = np.searchsorted(place, codes * step + rank, side="left") - 1
    hit = (found >= 0) & (codes >= 0)
    hit[hit] = row_codes[by_key[found[hit]]] == codes[hit]
    # Rows that became known late are not in the order of τ: the newest of those seen so far is a running maximum.
    position = by_key if order is None else order[by_key]
    best = position if order is None else np.maximum.accumulate(row_codes[by_key] * step + position) % step
    out = np.full(len(codes), -1, np.int64)
    out[hit] = best[found[hit]]
    return out
