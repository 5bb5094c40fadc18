"""Strings as small integers, shared by everything that a store keeps: each distinct word is held once."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.table import Column, Same

Ints = NDArray[np.int64]
MOST_ASKED = 64
FEW = 256
"""So few numbers are told apart faster one by one than by sorting."""


class Words:
    """A dictionary that only grows.

    >>> words = Words()
    >>> words.learn(Column.strings(["a", "b", None, "a"])).tolist()
    [0, 1, -1, 0]
    >>> words.find(Column.strings(["b", "c"])).tolist()
    [1, -1]
    """

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._words: list[str] = []
        self._asked: dict[int, tuple[Column, NDArray[np.int32]]] = {}

    def __len__(self) -> int:
        return len(self._words)

    def learn(self, column: Column) -> NDArray[np.int32]:
        """The number of each value, shape (n,), new words added; -1 for missing."""
        self._asked.clear()
        return self._numbers(column, add=True)

    def find(self, column: Column) -> NDArray[np.int32]:
        """The number of each value, shape (n,); -1 for missing and for words never seen.

        Many windows are read by the same column, so the answers for the last few columns are remembered.
        """
        if id(column) not in self._asked:
            if len(self._asked) >= MOST_ASKED:
                self._asked.clear()
            self._asked[id(column)] = column, self._numbers(column, add=False)  # held, so that its id stays its own
        return self._asked[id(column)][1]

    def number(self, word: str | None) -> int:
        """One string as its number; -1 for a missing one, and for one never seen."""
        return -1 if word is None else self._number.get(word, -1)

    def word(self, number: int) -> str | None:
        """One number as its string; None for -1."""
        return None if number < 0 else self._words[number]

    def column(self, numbers: NDArray[Any]) -> Column:
        """Numbers as strings, with only those levels that occur."""
        if len(numbers) <= FEW:
            place: dict[int, int] = {-1: -1}
            codes = [place.setdefault(number, len(place) - 1) for number in numbers.tolist()]
            del place[-1]
            return Column.coded(np.array(codes, np.int32), [self._words[number] for number in place])
        used, inverse = np.unique(numbers, return_inverse=True)
        shift = int(len(used) > 0 and used[0] < 0)
        levels = [self._words[number] for number in used[shift:].tolist()]
        return Column.coded(inverse.astype(np.int32) - shift, levels)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, for a snapshot: the words' UTF-8 bytes one after the other, and where each ends."""
        encoded = [word.encode("utf-8", "surrogatepass") for word in self._words]
        ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), dtype=np.int64)
        return {"text": np.frombuffer(b"".join(encoded), np.uint8), "ends": ends}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The opposite of `arrays`."""
        text = arrays["text"].tobytes()
        ends = arrays["ends"].tolist()
        starts = [0, *ends][:-1]
        cut = (text[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends, strict=True))
        self._asked.clear()
        self._words = list(cut)
        self._number = {word: number for number, word in enumerate(self._words)}

    def _numbers(self, column: Column, *, add: bool) -> NDArray[np.int32]:
        if isinstance(column, Same) and column.height == 1 and not add:
            return np.array([self._number.get(column.value, -1)], np.int32)
        values, levels = column.values, column.levels
        if levels is None or not len(levels) or not len(values):
            return np.full(len(values), -1, np.int32)
        table = np.full(len(levels) + 1, -1, np.int32)  # code -1 points to the last place
        if not add and len(levels) <= 2 * len(values):
            table[:-1] = list(map(self._number.get, levels.tolist(), repeat(-1)))
        else:  # words that do not occur are neither learnt nor, in a slice of a large column, looked up
            used = np.unique(values)
            used = used[used >= 0]
            table[used] = (self._learned if add else self._known)(levels[used].tolist())
        numbers: NDArray[np.int32] = table[values]
        return numbers

    def _known(self, words: list[str]) -> list[int]:
        return [self._number.get(word, -1) for word in words]

    def _learned(self, words: list[str]) -> list[int]:
        numbers = self._known(words)
        for place, number in enumerate(numbers):
            if number < 0:
                numbers[place] = self._number.setdefault(words[place], len(self._words))
                if numbers[place] == len(self._words):
                    self._words.append(words[place])
        return numbers
