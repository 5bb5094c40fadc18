"""Which rows of its key each request's windows hold, and what they add up to: the batch form of windows.

Rows are grouped by key in the order of (τ, arrival), requests by key in the order of T; both are walked once, together.
Aggregates come from a tree over the rows of a key in which only those rows stand that are visible at T. So late rows
need no case of their own, nothing is ever subtracted (no precision is lost on long histories), and a hot key costs the
logarithm of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from poise.features.asof import visible_from
from poise.features.keys import Codes
from poise.jit import compiled, compiled_part
from poise.table import MISSING_TIME, History

Ints = NDArray[np.int64]
Places = NDArray[np.int32]
"""Positions; a history of more than 2^31 rows does not fit the memory of one machine anyway."""
Floats = NDArray[np.float64]
A = TypeVar("A", bound=np.generic)
SUM, MIN, MAX = 0, 1, 2
"""What a tree combines by."""
_NEUTRAL = (0.0, np.inf, -np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Rows and requests grouped by key. Positions are those within the grouped rows unless said otherwise."""

    row_starts: Places
    """Where the rows of each key begin; shape (keys + 1,)."""
    rows: Places
    """The grouped rows as positions in the history."""
    arrivals: Places
    """The positions of each key's rows in the order in which they become visible."""
    request_starts: Places
    requests: Places
    """The grouped requests as positions in the table of requests."""
    first: Places
    """The first row with τ at or after the far edge; per grouped request and window."""
    passed: Places
    """Where in `arrivals` the rows begin that are not yet visible, per grouped request."""
    newest: Places
    """The visible row with the greatest (τ, arrival), or -1, per grouped request."""
    height: int
    """How many requests."""
    on_time: bool
    """Whether every row was known at its τ."""

    def known(self) -> NDArray[np.bool_]:
        """Whether a row of the request's key was ever visible before T; shape (n,)."""
        return self._spread(self.newest >= 0, fill=0)

    def newest_rows(self) -> Places:
        """The newest visible row as a position in the history, or -1, per request and window; shape (n, windows)."""
        inside = (self.newest[:, None] >= self.first) & (self.newest >= 0)[:, None]
        rows = self.rows[self.newest] if len(self.rows) else self.newest
        return self._spread(np.where(inside, rows[:, None], -1), fill=-1)

    def count(self) -> Floats:
        """How many visible rows, per request and window; shape (n, windows)."""
        if self.on_time:
            return self._spread((self.passed[:, None] - self.first).astype(np.float64), fill=0)
        return self._combine(np.ones(len(self.rows)), SUM)

    def combine(self, values: Floats, by: int) -> Floats:
        """The visible rows' values (one per row of the history) combined by SUM, MIN or MAX; shape (n, windows)."""
        return self._combine(values[self.rows], by)

    def _combine(self, grouped: Floats, by: int) -> Floats:
        starts = (self.row_starts, self.request_starts)
        answers = np.empty(self.first.shape)
        tree = np.empty(2 * int(np.diff(self.row_starts).max(initial=0)))
        _in_tree(grouped, self.arrivals, *starts, self.first, self.passed, by, _NEUTRAL[by], tree, answers)
        return self._spread(answers, fill=_NEUTRAL[by])

    def _spread(self, grouped: NDArray[A], fill: float) -> NDArray[A]:
        """Grouped answers in the order of the requests; requests without a key get `fill`."""
        out = np.full((self.height, *grouped.shape[1:]), fill, grouped.dtype)
        out[self.requests] = grouped
        return out


def walk(
    codes: Codes, time: Ints, row_codes: Codes, history: History, over: Sequence[int], tiles: Sequence[int]
) -> Walk:
    """Find each request's rows. `codes` (n,) and `row_codes` (history.height,) come from `keys.joint_codes`, -1 is left
    out; `time` is T; `over` and `tiles` give each window's length and the tile that its far edge is rounded down to, in
    microseconds.

    >>> from poise.table import Table
    >>> tau = np.array([0, 5, 12, 31])
    >>> history = History("orders", "log", tau, tau, Table({}, 4))
    >>> found = walk(np.array([0, 0]), np.array([31, 32]), np.zeros(4, int), history, [20], [10])
    >>> found.count().tolist()
    [[1.0], [2.0]]
    """
    codes = np.where(time == MISSING_TIME, -1, codes)
    size = int(max(codes.max(initial=-1), row_codes.max(initial=-1))) + 1
    request_starts, requests = _grouped(codes, _order(time), size)
    row_starts, rows = _grouped(row_codes, np.arange(history.height, dtype=np.int32), size)
    seen = visible_from(history)
    on_time = bool((seen <= history.time).all())
    tau, arrivals = history.time[rows], np.arange(len(rows), dtype=np.int32)
    visible = tau
    if not on_time:
        _, by_arrival = _grouped(row_codes, _order(seen), size)
        position = np.empty(history.height, np.int32)
        position[rows] = arrivals
        arrivals, visible = position[by_arrival], seen[by_arrival]
    edges = (np.array(over, np.int64), np.array(tiles, np.int64), np.empty(len(over), np.int64))
    first = np.empty((len(requests), len(over)), np.int32)
    passed, last = np.empty(len(requests), np.int32), np.empty(len(requests), np.int32)
    _locate(tau, visible, arrivals, row_starts, request_starts, time[requests], *edges, first, passed, last)
    return Walk(row_starts, rows, arrivals, request_starts, requests, first, passed, last, len(codes), on_time)


def _order(time: Ints) -> Places:
    """Positions in the order of time; a sort only where they are not in order already."""
    if bool((time[1:] >= time[:-1]).all()):
        return np.arange(len(time), dtype=np.int32)
    return np.argsort(time, kind="stable").astype(np.int32)


def _grouped(codes: Codes, order: Places, size: int) -> tuple[Places, Places]:
    """Where each code's positions begin, and the positions by code, within a code as `order` has them."""
    starts = np.zeros(size + 1, np.int32)
    starts[1:] = np.cumsum(np.bincount(codes[codes >= 0], minlength=size))
    grouped = np.empty(starts[size], np.int32)
    _group(codes, order, starts.copy(), grouped)
    return starts, grouped


@compiled
def _group(codes, order, free, grouped):  # type: ignore[no-untyped-def]
    """Put positions where their code is `free`."""
    for position in order:
        code = codes[position]
        if code >= 0:
            grouped[free[code]] = position
            free[code] += 1


@compiled
def _locate(  # type: ignore[no-untyped-def]
    tau, visible, arrivals, row_starts, request_starts, time, over, tiles, at, first, passed, newest
):
    """`first`, `passed` and `newest` of each grouped request: three pointers that only move forward within a key."""
    for code in range(len(row_starts) - 1):
        low, high = row_starts[code], row_starts[code + 1]
        for window in range(len(over)):
            at[window] = low
        gone, last = low, -1
        for request in range(request_starts[code], request_starts[code + 1]):
            while gone < high and visible[gone] < time[request]:
                last = max(last, arrivals[gone])
                gone += 1
            for window in range(len(over)):
                edge = (time[request] - over[window]) // tiles[window] * tiles[window]
                while at[window] < high and tau[at[window]] < edge:
                    at[window] += 1
                first[request, window] = at[window]
            passed[request] = gone
            newest[request] = last


@compiled
def _in_tree(  # type: ignore[no-untyped-def]
    values, arrivals, row_starts, request_starts, first, passed, by, neutral, tree, out
):
    """Combine the visible rows of each grouped request and window in one tree per key: leaf i stands at n + i, its
    parent at half of that, and a row is put in when the walk passes its arrival."""
    for code in range(len(row_starts) - 1):
        low = row_starts[code]
        size = row_starts[code + 1] - low
        for node in range(2 * size):
            tree[node] = neutral
        done = low
        for request in range(request_starts[code], request_starts[code + 1]):
            while done < passed[request]:
                node = arrivals[done] - low + size
                tree[node] = values[low + node - size]
                while node > 1:
                    node >>= 1
                    tree[node] = _join(tree[2 * node], tree[2 * node + 1], by)
                done += 1
            for window in range(first.shape[1]):
                out[request, window] = _between(tree, size, first[request, window] - low, by, neutral)


@compiled_part
def _between(tree, size, start, by, neutral):  # type: ignore[no-untyped-def]
    """Combine the leaves from `start` to the end; those not yet put in are neutral."""
    answer = neutral
    node, end = size + start, 2 * size
    while node < end:
        if node & 1:
            answer = _join(answer, tree[node], by)
            node += 1
        if end & 1:
            end -= 1
            answer = _join(answer, tree[end], by)
        node >>= 1
        end >>= 1
    return answer


@compiled_part
def _join(a, b, by):  # type: ignore[no-untyped-def]
    if by == 0:
        return a + b
    if by == 1:
        return min(a, b)
    return max(a, b)
