"""The newest row of a source that was known at a request's T, in batch, for all requests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.features.keys import Codes
from poise.jit import compiled
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

    One walk through rows and requests in the order of time, whatever the number of rows per key.

    >>> from poise.table import Table
    >>> t = np.array([10, 20, 30])
    >>> h = History("prices", "history", t, t, Table({}, 3))
    >>> newest(np.array([0, 0, 1, 0]), np.array([20, 21, 31, 5]), np.array([0, 0, 1]), h).tolist()
    [0, 1, 2, -1]
    """
    if not history.height or not len(codes):
        return np.full(len(codes), -1, np.int64)
    seen = visible_from(history)
    at = np.where(time == MISSING_TIME, _END, time)
    size = int(max(codes.max(), row_codes.max())) + 1
    found = np.full(len(codes), -1, np.int64)
    _walk(codes, at, _order(at), row_codes, seen, _order(seen), np.full(size, -1, np.int64), found)
    return found


def _order(time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions in the order of time; a sort only where they are not in order already."""
    if bool((time[1:] >= time[:-1]).all()):
        return np.arange(len(time))
    return np.argsort(time, kind="stable")


@compiled
def _walk(codes, at, requests, row_codes, seen, rows, last, out):  # type: ignore[no-untyped-def]
    """The newest row of each key, kept while time passes. Rows stand in the order of (τ, arrival), so the greatest
    position among those that are visible is the newest, also where some became known late."""
    passed = 0
    for request in requests:
        while passed < len(rows) and seen[rows[passed]] < at[request]:
            row = rows[passed]
            code = row_codes[row]
            if code >= 0 and row > last[code]:
                last[code] = row
            passed += 1
        if codes[request] >= 0:
            out[request] = last[codes[request]]
