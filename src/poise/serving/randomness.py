"""Random numbers from the operating system, fetched many at a time: to ask it for each costs more than to use them."""

from __future__ import annotations

import os
from struct import unpack

AT_ONCE = 128
"""Words that are fetched together; none is given twice."""


class Randomness:
    """Gives words of 64 random bits, to any thread.

    >>> random = Randomness()
    >>> 0 <= random.word() < 2**64, random.word() != random.word()
    (True, True)
    """

    def __init__(self) -> None:
        self._words: list[int] = []
        # A process that is forked would give what its parent gives.
        os.register_at_fork(after_in_child=self._words.clear)

    def word(self) -> int:
        """The next one."""
        while True:
            try:
                return self._words.pop()
            except IndexError:
                self._words.extend(unpack(f"{AT_ONCE}Q", os.urandom(8 * AT_ONCE)))


RANDOMNESS = Randomness()
"""That of this process."""
