"""Which place in the arrays each key has: an open-addressing table over integer keys of one or more parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import StateError
from poise.jit import compiled_locked, compiled_part

Ints = NDArray[np.int64]
Slots = NDArray[np.int32]
MOST_KEYS = 50_000_000
"""A store that is to hold more keys of one kind says so instead of filling the machine."""


class KeySlots:
    """Keys are numbered from 0 in the order in which they are first added; a key is never taken out.

    >>> keys = KeySlots(parts=2)
    >>> whole = np.zeros(2, bool)
    >>> keys.add(np.array([[7, 7], [1, 2]]), whole).tolist()
    [0, 1]
    >>> keys.find(np.array([[7, 8], [2, 2]]), whole).tolist()
    [1, -1]
    """

    def __init__(self, parts: int) -> None:
        self.size = 0
        self._keys = np.zeros((parts, 16), np.int64)
        self._table = np.full(64, -1, np.int32)

    def find(self, codes: Ints, gone: NDArray[np.bool_]) -> Slots:
        """The slot of each key, shape (n,); -1 for keys never added and where `gone`. `codes` has shape (parts, n)."""
        found = np.full(len(gone), -1, np.int32)
        _find(codes, gone, self._keys, self._table, found)
        return found

    def find_words(self, numbers: NDArray[np.int32]) -> Slots:
        """The slot of each key whose parts are all words, by their numbers, shape (parts, n); -1 is a missing word.

        >>> keys = KeySlots(parts=1)
        >>> slots = keys.add(np.array([[5]]), np.zeros(1, bool))
        >>> keys.find_words(np.array([[5, -1]], np.int32)).tolist()
        [0, -1]
        """
        found = np.empty(numbers.shape[1], np.int32)
        _find_words(numbers, self._keys, self._table, found)
        return found

    def find_one(self, code: int) -> int:
        """The slot of one key of one part that is not missing, -1 for one never added.

        >>> keys = KeySlots(parts=1)
        >>> slots = keys.add(np.array([[5, 7]]), np.zeros(2, bool))
        >>> keys.find_one(7), keys.find_one(8)
        (1, -1)
        """
        slot: int = _find_one(code, self._keys, self._table)
        return slot

    def add(self, codes: Ints, gone: NDArray[np.bool_]) -> Slots:
        """The slot of each key, shape (n,), new keys added; -1 where `gone`. Raises `StateError` at `MOST_KEYS`."""
        slots = np.full(len(gone), -1, np.int32)
        done = 0
        while True:
            done, self.size = _add(codes, gone, self._keys, self._table, self.size, slots, done)
            if done == len(gone):
                return slots
            self._grow()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, for a snapshot."""
        return {"keys": self._keys[:, : self.size]}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The opposite of `arrays`."""
        keys = arrays["keys"]
        self.__init__(len(keys))  # type: ignore[misc]
        self.add(np.ascontiguousarray(keys), np.zeros(keys.shape[1], np.bool_))

    def _grow(self) -> None:
        if self.size >= MOST_KEYS:
            raise StateError(f"the online store holds {self.size:,} keys of one kind, its limit")
        keys = np.zeros((len(self._keys), 2 * self._keys.shape[1]), np.int64)
        keys[:, : self.size] = self._keys[:, : self.size]
        self._keys = keys
        self._table = np.full(4 * keys.shape[1], -1, np.int32)
        _index(self._keys, self._table, self.size)


@compiled_part
def _mix(mixed, code):  # type: ignore[no-untyped-def]
    """One more part of a key, by splitmix64."""
    mixed = (mixed ^ np.uint64(code)) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@compiled_part
def _home(codes, row, table):  # type: ignore[no-untyped-def]
    """Where the search for a key begins."""
    mixed = np.uint64(0)
    for part in range(codes.shape[0]):
        mixed = _mix(mixed, codes[part, row])
    return np.int64(mixed & np.uint64(len(table) - 1))


@compiled_part
def _seek(codes, row, keys, table):  # type: ignore[no-untyped-def]
    """The place in `table` that holds this key's slot, or the free one where it would stand."""
    place = _home(codes, row, table)
    while table[place] >= 0:
        same = True
        for part in range(codes.shape[0]):
            same &= keys[part, table[place]] == codes[part, row]
        if same:
            break
        place = (place + 1) & (len(table) - 1)
    return place


@compiled_locked
def _find(codes, gone, keys, table, slots):  # type: ignore[no-untyped-def]
    for row in range(len(gone)):
        if not gone[row]:
            slots[row] = table[_seek(codes, row, keys, table)]


@compiled_locked
def _find_words(numbers, keys, table, slots):  # type: ignore[no-untyped-def]
    for row in range(len(slots)):
        whole = True
        for part in range(len(numbers)):
            whole &= numbers[part, row] >= 0
        slots[row] = table[_seek(numbers, row, keys, table)] if whole else -1


@compiled_locked
def _find_one(code, keys, table):  # type: ignore[no-untyped-def]
    place = np.int64(_mix(np.uint64(0), code) & np.uint64(len(table) - 1))
    while table[place] >= 0 and keys[0, table[place]] != code:
        place = (place + 1) & (len(table) - 1)
    return table[place]


@compiled_locked
def _add(codes, gone, keys, table, size, slots, start):  # type: ignore[no-untyped-def]
    """Add keys from row `start` on, until all are in or there is no room; where it stopped, and how many keys."""
    for row in range(start, len(gone)):
        if gone[row]:
            continue
        place = _seek(codes, row, keys, table)
        if table[place] < 0:
            if size == keys.shape[1]:
                return row, size
            for part in range(len(codes)):  # not `keys[:, size] = codes[:, row]`, which takes a second to compile
                keys[part, size] = codes[part, row]
            table[place] = size
            size += 1
        slots[row] = table[place]
    return len(gone), size


@compiled_locked
def _index(keys, table, size):  # type: ignore[no-untyped-def]
    for slot in range(size):
        table[_seek(keys, slot, keys, table)] = slot
