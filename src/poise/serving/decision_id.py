"""Ids of decisions: ULIDs, which sort by the time of the decision."""

from __future__ import annotations

from poise.serving.randomness import RANDOMNESS

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_RANDOM_BITS = 80
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

    def new(self, instant: int) -> str:
        """A new id at `instant` (microseconds since the epoch; before the epoch counts as the epoch)."""
        milliseconds = min(max(instant // 1000, 0), _LATEST)
        if milliseconds > self._last >> _RANDOM_BITS:
            self._last = (milliseconds << _RANDOM_BITS) | (RANDOMNESS.word() & 0xFFFF) << 64 | RANDOMNESS.word()
        else:
            self._last += 1
        return _text(self._last)


def _text(number: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])
