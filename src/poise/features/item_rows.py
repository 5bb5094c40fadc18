"""Which row each item has that is kept: of strings found in one compiled call, without a look at Python's own strings.

A dictionary's strings and numbers lie scattered in memory, and to wait for each of a hundred takes longer than all else
that a list needs of its items. Here the bytes of an item stand beside those of its neighbours, and several are waited
for at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.features.kept_column import Rows
from poise.jit import compiled, compiled_part

WORDS = 5
"""Items of up to 40 bytes are found by these, as 8 bytes to a word; of others the dictionary tells."""
_LONGEST = 8 * WORDS
_BETWEEN = "\0"
"""Stands between two items, and in none of those that are found by their bytes."""
CLEAN, MARKED, UNKNOWN = 0, 1, 2


class ItemRows:
    """The row of each of some items, numbered from 0 and below `size`.

    >>> known = ItemRows(4)
    >>> known.put("pho", 2)
    >>> known.put(7.0, 0)
    >>> marks = np.array([True, False, False, False])
    >>> [(rows.tolist(), state) for rows, state in (known.find(["pho"], marks), known.find([7.0, "pho"], marks))]
    [([2], 0), ([0, 2], 1)]
    >>> known.forget("pho")
    >>> rows, state = known.find(["pho"], marks)
    >>> rows.tolist(), state == UNKNOWN
    ([-1], True)
    """

    def __init__(self, size: int) -> None:
        self._row_of: dict[Any, int] = {}
        self._seed = np.uint64(secrets.randbits(64))  # so that nobody can choose items that end up in one place
        self._names = np.zeros((0, WORDS), np.uint64)
        self._table = np.empty(0, np.int32)
        self.grow(size)
        self.put("", 0)
        self.forget("")  # compiled now, not once room has run out and a list waits

    def find(self, items: Sequence[Any], marks: NDArray[np.bool_]) -> tuple[Rows, int]:
        """The rows of n items, -1 for those without one; and whether any has none (`UNKNOWN`), or else any row is
        marked (`MARKED`), or neither (`CLEAN`)."""
        rows = np.empty(len(items), np.intp)
        try:
            text = np.frombuffer(_BETWEEN.join(items).encode(), np.uint8)
        except (TypeError, UnicodeEncodeError):
            state = UNKNOWN
        else:
            state = _find(text, self._seed, self._names, self._table, marks, rows)
        if state != UNKNOWN:
            return rows, state
        found = list(map(self._row_of.get, items, repeat(-1)))
        rows[:] = found
        return rows, UNKNOWN if -1 in found else MARKED if marks[rows].any() else CLEAN

    def put(self, item: Any, row: int) -> None:
        """Give a row that no other item has to one that has none."""
        self._row_of[item] = row
        name = _words(item)
        if name is not None:
            self._names[row] = name
            _put(row, self._seed, self._names, self._table)

    def forget(self, item: Any) -> None:
        """Take its row from an item."""
        row = self._row_of.pop(item)
        if _words(item) is not None:
            _forget(row, self._seed, self._names, self._table)

    def grow(self, size: int) -> None:
        """Rows below `size`, which is no less than before."""
        old = self._names
        self._names = np.zeros((size, WORDS), np.uint64)
        self._names[: len(old)] = old
        self._table = np.full(1 << (2 * size - 1).bit_length(), -1, np.int32)
        for item, row in self._row_of.items():
            if _words(item) is not None:
                _put(row, self._seed, self._names, self._table)


def _words(item: Any) -> NDArray[np.uint64] | None:
    """The bytes of an item that is found by them, filled up with zeros."""
    if type(item) is not str or _BETWEEN in item:
        return None
    try:
        name = item.encode()
    except UnicodeEncodeError:
        return None
    return np.frombuffer(name.ljust(_LONGEST, b"\0"), "<u8") if len(name) <= _LONGEST else None


@compiled_part
def _mix(mixed, word):  # type: ignore[no-untyped-def]
    """One more word of a name, by splitmix64."""
    mixed = (mixed ^ word) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@compiled_part
def _home(mixed, table):  # type: ignore[no-untyped-def]
    """Where the search for a name begins."""
    return np.int64(mixed & np.uint64(len(table) - 1))


@compiled_part
def _mixed(row, seed, names):  # type: ignore[no-untyped-def]
    """All words of the name in a row."""
    mixed = seed
    for word in range(WORDS):
        if names[row, word] != 0:
            mixed = _mix(mixed, names[row, word])
    return mixed


@compiled_part
def _place(row, seed, names, table):  # type: ignore[no-untyped-def]
    """The place in `table` that holds a row, or the free one where it would stand."""
    place = _home(_mixed(row, seed, names), table)
    while table[place] >= 0 and table[place] != row:
        place = (place + 1) & (len(table) - 1)
    return place


@compiled_part
def _read(text, seed, table, asked, places):  # type: ignore[no-untyped-def]
    """The words of each item in `text`, filled up with zeros, and where the search for it begins; whether these are as
    many as there are `places`, and none too long."""
    end = 0
    for at in range(len(places)):
        mixed, words = seed, 0
        while end < len(text) and text[end] != 0:  # a word, of which the last may be shorter
            if words == WORDS:
                return False
            word, shift = np.uint64(0), np.uint64(0)
            while shift < np.uint64(64) and end < len(text) and text[end] != 0:
                word |= np.uint64(text[end]) << shift
                shift += np.uint64(8)
                end += 1
            asked[at, words] = word
            mixed = _mix(mixed, word)
            words += 1
        for rest in range(words, WORDS):
            asked[at, rest] = 0
        places[at] = _home(mixed, table)
        end += 1
    return end == len(text) + 1


@compiled
def _find(text, seed, names, table, marks, rows):  # type: ignore[no-untyped-def]
    """The rows of the items whose bytes stand in `text` with a zero between two of them; `UNKNOWN` where one has none,
    and where they are not as many as `rows`."""
    asked, places = np.empty((len(rows), WORDS), np.uint64), np.empty(len(rows), np.int64)
    if not _read(text, seed, table, asked, places):
        return UNKNOWN
    for at in range(
        len(rows)
    ):  # mostly it is the first one: so little is done for each that many are waited for at once
        row = table[places[at]]
        rows[at] = row if names[max(row, 0), 0] == asked[at, 0] else -1
    state = CLEAN
    for at in range(len(rows)):
        place, row = places[at], rows[at]
        while row < 0 or not _same(names, row, asked, at):
            row = table[place]
            if row < 0:
                return UNKNOWN
            place = (place + 1) & (len(table) - 1)
        rows[at] = row
        if marks[row]:
            state = MARKED
    return state


@compiled_part
def _same(names, row, asked, at):  # type: ignore[no-untyped-def]
    same = True
    for word in range(WORDS):
        same &= names[row, word] == asked[at, word]
    return same


@compiled
def _put(row, seed, names, table):  # type: ignore[no-untyped-def]
    table[_place(row, seed, names, table)] = row


@compiled
def _forget(row, seed, names, table):  # type: ignore[no-untyped-def]
    """Free a row's place, and move there what was put behind it for want of room (Knuth, volume 3, section 6.4, R)."""
    free = _place(row, seed, names, table)
    place = free
    while True:
        place = (place + 1) & (len(table) - 1)
        if table[place] < 0:
            break
        behind = (place - _home(_mixed(table[place], seed, names), table)) & (len(table) - 1)
        if behind >= (place - free) & (len(table) - 1):
            table[free] = table[place]
            free = place
    table[free] = -1
