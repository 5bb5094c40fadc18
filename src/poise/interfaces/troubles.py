"""Troubles that are met again and again: each is logged when it begins, and not at every try."""

from __future__ import annotations

import time
from collections.abc import Callable

APART = 10.0
"""Seconds between two lines, at least."""
OVER = 60.0
"""A trouble that was not met for so many seconds is over: if it comes again, it is told again."""
MOST = 32
"""Troubles that are remembered; the one that was met the longest ago is forgotten first."""


class Troubles:
    """Remembers which troubles were told. clock: seconds.

    >>> at = iter([0.0, 0.5, 1.0, 11.0, 11.5])
    >>> troubles = Troubles(lambda: next(at))
    >>> [troubles.new(reason) for reason in ("full", "full", "a row", "a row", "full")]
    [True, False, False, True, False]
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._met: dict[str, float] = {}
        self._told = -APART

    def new(self, reason: str) -> bool:
        """Whether to tell this one now. One that has to wait for its turn is new when it is met again."""
        now = self._clock()
        self._met = {one: met for one, met in self._met.items() if now - met < OVER}
        known = self._met.pop(reason, None) is not None
        if not known and now - self._told < APART:
            return False
        self._met[reason] = now
        if len(self._met) > MOST:
            del self._met[next(iter(self._met))]
        if not known:
            self._told = now
        return not known
