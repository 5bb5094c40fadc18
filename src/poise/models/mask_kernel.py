"""The scoring kernel over mask tables: AND one table row per column, and add the leaf of each word's lowest bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from poise.jit import compiled, compiled_part
from poise.models.base import Floats
from poise.models.fetch import LINE, fetch
from poise.models.forest_walk import ZERO

TOGETHER = 4
"""So many rows are summed in turns: one sum waits for each of its additions, four fill the wait."""

BLOCK = 4
"""After so many words of these rows some memory of the next ones is asked for: to ask for all at once is to wait."""

COUNTED = 128
"""So many edges are counted one after the other, which compares four at once and guesses no branch: 100 rows took
94 us, where halving down to one edge took 166. Positions are unsigned, or else each is tested for being negative."""


def spare_rows(columns: int, words: int, word_bytes: int, width: int) -> int:
    """How many rows (of `width` outputs) beyond its scores `scores` needs to work in: where the next items stand,
    picked rows of so many columns at most, four states, and the request's."""
    picked, states = (columns + 3) // 4 * 2, -(-(TOGETHER + 1) * words * word_bytes // 8)
    return -(-(TOGETHER + picked + states) // width)


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typing: Any, word: Any) -> Any:
    """The position of the lowest set bit; as many as the word has bits where none is set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))  # a word may be 0

    return word(word), generate


@compiled_part
def leaf(leaves: Floats, at: int, word: Any) -> float:
    """The value of the leaf that is left in a word whose leaves begin at `at`."""
    value: float = leaves[at + np.uint64(lowest_bit(word))]
    return value


@compiled_part
def pick(
    X: Floats,
    i: int,
    columns: NDArray[np.int32],
    numbers: int,
    edges: Floats,
    level_rows: NDArray[np.int32],
    picked: NDArray[np.int32],
) -> None:
    """The table row of each column of row i; `picked` is filled up with row 0, which leaves every leaf."""
    for c in range(numbers):
        x = X[i, columns[c, 0]]
        if abs(x) <= ZERO:
            x = 0.0
        at, count = np.uint64(columns[c, 1]), np.uint64(columns[c, 2])
        while count > np.uint64(COUNTED):
            half = count >> np.uint64(1)
            at += half * np.uint64(edges[at + half - np.uint64(1)] < x)
            count -= half
        below = np.int64(at) - columns[c, 1]
        for e in range(at, at + count):
            below += edges[e] < x
        row = columns[c, 3] + below
        if np.isnan(x):
            row = columns[c, 4]
        elif x == 0.0 and columns[c, 5] >= 0:
            row = columns[c, 5]
        picked[c] = row
    for c in range(numbers, len(columns)):
        x = X[i, columns[c, 0]]
        known = x > -1.0 and x < columns[c, 2]
        picked[c] = level_rows[columns[c, 1] + np.int64(x)] if known else columns[c, 3]
    for c in range(len(columns), len(picked)):
        picked[c] = 0


@compiled_part
def narrow(table: NDArray[Any], picked: NDArray[np.int32], state: NDArray[Any]) -> None:
    """AND the picked table rows, whose number divides by four, into `state`."""
    for c in range(0, len(picked), 4):
        one, two, three, four = table[picked[c]], table[picked[c + 1]], table[picked[c + 2]], table[picked[c + 3]]
        for w in range(len(state)):
            state[w] = state[w] & one[w] & two[w] & three[w] & four[w]


@compiled
def states(
    X: Floats,
    columns: NDArray[np.int32],
    numbers: int,
    edges: Floats,
    level_rows: NDArray[np.int32],
    table: NDArray[Any],
    out: NDArray[Any],
) -> None:
    """The leaves (n, words) that the columns of each row leave reachable."""
    picked = np.empty((len(columns) + 3) // 4 * 4, np.int32)
    for i in range(len(out)):
        state = out[i]
        for w in range(len(state)):
            state[w] = table[0, w]
        pick(X, i, columns, numbers, edges, level_rows, picked)
        narrow(table, picked, state)


@compiled
def scores(
    asked: Floats,
    asked_columns: NDArray[np.int32],
    asked_numbers: int,
    X: Floats,
    columns: NDArray[np.int32],
    numbers: int,
    edges: Floats,
    level_rows: NDArray[np.int32],
    table: NDArray[Any],
    leaves: Floats,
    ends: NDArray[np.int32],
    items: NDArray[Any],
    rows: NDArray[np.int64],
    out: Floats,
) -> None:
    """Scores of n rows into the first n rows of `out` (n and spare, k), whose rest is working space.

    asked: (1, columns) what is the same in all rows; asked_columns, asked_numbers: its columns in the tables. items:
    (m, words) the leaves that are reachable per item, of which row i is ANDed with `rows[i]`, or where `rows` is empty
    with i, or where both are empty with none.
    """
    width, words = len(ends) - 1, table.shape[1]
    slots = len(leaves) // words
    n = len(X)
    spare = out.reshape(-1)[n * width :]
    ahead, spare = spare[:TOGETHER].view(np.int64), spare[TOGETHER:]
    wide, asked_wide = (len(columns) + 3) // 4 * 4, (len(asked_columns) + 3) // 4 * 4
    taken = max(wide, asked_wide) // 2
    picked, asked_picked = spare[: wide // 2].view(np.int32), spare[: asked_wide // 2].view(np.int32)
    states = spare[taken:].view(table.dtype)
    four, start = states[: TOGETHER * words].reshape((TOGETHER, words)), states[TOGETHER * words :][:words]
    for w in range(words):
        start[w] = table[0, w]
    pick(asked, 0, asked_columns, asked_numbers, edges, level_rows, asked_picked)
    narrow(table, asked_picked, start)
    per_block = TOGETHER * BLOCK * table.itemsize // LINE if len(rows) > 0 else 0
    one, two, three, last = four[0], four[1], four[2], four[3]
    for first in range(0, n, TOGETHER):
        count = min(TOGETHER, n - first)
        for r in range(TOGETHER if len(rows) > 0 else 0):
            i = min(first + TOGETHER + r, n - 1)
            ahead[r] = items.ctypes.data + rows[i] * words * items.itemsize
        for r in range(count):
            i = first + r
            state = four[r]
            if len(items) > 0:
                item = items[rows[i] if len(rows) > 0 else i]
                for w in range(words):
                    state[w] = start[w] & item[w]
            else:
                for w in range(words):
                    state[w] = start[w]
            if wide > 0:
                pick(X, i, columns, numbers, edges, level_rows, picked)
                narrow(table, picked, state)
        lines = 0
        for c in range(width):
            if count == TOGETHER:
                a, b, d, e = 0.0, 0.0, 0.0, 0.0
                at = np.uint64(ends[c] * slots)
                k, end = np.uint64(ends[c]), np.uint64(ends[c + 1])
                while k + np.uint64(BLOCK) <= end:
                    for line in range(lines, lines + per_block):
                        fetch(ahead[line & (TOGETHER - 1)] + line // TOGETHER * LINE)
                    lines += per_block
                    for _ in range(BLOCK):
                        a += leaf(leaves, at, one[k])
                        b += leaf(leaves, at, two[k])
                        d += leaf(leaves, at, three[k])
                        e += leaf(leaves, at, last[k])
                        at += np.uint64(slots)
                        k += np.uint64(1)
                while k < end:
                    a += leaf(leaves, at, one[k])
                    b += leaf(leaves, at, two[k])
                    d += leaf(leaves, at, three[k])
                    e += leaf(leaves, at, last[k])
                    at += np.uint64(slots)
                    k += np.uint64(1)
                out[first, c], out[first + 1, c], out[first + 2, c], out[first + 3, c] = a, b, d, e
                continue
            for r in range(count):
                a = 0.0
                for w in range(ends[c], ends[c + 1]):
                    a += leaf(leaves, np.uint64(w * slots), four[r, w])
                out[first + r, c] = a
