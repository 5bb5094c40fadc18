"""Ids of decisions: ULIDs, which sort by the time of the decision."""

from __future__ import annotations

from poise.serving.randomness import RANDOMNESS

_ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_DIGIT = _ALPHABET * 8
"""The digit of each byte: its last 5 bits."""
_PAIRS = tuple((_ALPHABET[a : a + 1] + _ALPHABET[b : b + 1]).decode() for a in range(32) for b in range(32))
_LATEST = (1 << 48) - 1


class DecisionIds:
    """Makes ids of 26 characters: 48 bits of milliseconds, then 80 random bits, ascending within this process.

    Two ids of one millisecond, or of a clock that stood still, count the random part up, as the ULID specification
    (https://github.com/ulid/spec) says. On a clock that went back, the id keeps the later time.

    >>> ids = DecisionIds()
    >>> first, second = ids.new(1_362_200_000_000_000), ids.new(1_362_200_000_000_000)
    >>> len(first), first < second, first[:10] == second[:10]
    (26, True, True)
    >>> DecisionIds().new(0) != DecisionIds().new(0)
    True
    """

    def __init__(self) -> None:
        self._last = -1
        self._time = self._random = ""

    def new(self, instant: int) -> str:
        """A new id at `instant` (microseconds since the epoch; before the epoch counts as the epoch)."""
        milliseconds = min(max(instant // 1000, 0), _LATEST)
        if milliseconds <= self._last:
            self._random = _next(self._random)
            if self._random:
                return self._time + self._random
            milliseconds = self._last + 1
        self._last = milliseconds
        self._time = "".join([_PAIRS[(milliseconds >> shift) & 1023] for shift in (40, 30, 20, 10, 0)])
        words = RANDOMNESS.word().to_bytes(8) + RANDOMNESS.word().to_bytes(8)
        self._random = words.translate(_DIGIT).decode()
        return self._time + self._random


def _next(digits: str) -> str:
    """The number after `digits` in as many digits, nothing after the last one.

    >>> _next("09"), _next("0Z"), _next("ZZ")
    ('0A', '10', '')
    """
    kept = digits.rstrip("Z")
    if not kept:
        return ""
    raised = _ALPHABET.index(kept[-1].encode()) + 1
    return f"{kept[:-1]}{_ALPHABET[raised : raised + 1].decode()}{'0' * (len(digits) - len(kept))}"
