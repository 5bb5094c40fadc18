"""How long requests wait for their turn on the event loop, and which waited too long to be answered.

One loop answers one request after another. Where more come than it can answer, a queue grows, and everybody in it is
answered late; soon nobody is answered who still waits. So a request that waited too long is refused at once, which
costs a small part of an answer, and those that are answered are answered in time.

What is too long depends on why it waits. A burst, or one request that takes long, passes: those behind it are answered
as long as they waited less than `Limits.burst`. A queue that stands for `STANDING` seconds will not pass: from then on
only those are answered that waited less than `Limits.wait`, or than `Limits.turns` answers take. (B. Maurer, "Fail at
Scale", ACM Queue 13(8), 2015, after the controlled delay of K. Nichols and V. Jacobson, ACM Queue 10(5), 2012.)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from poise.errors import Overloaded
from poise.serving.limits import Limits

STANDING = 0.1
"""Seconds after which a queue that never emptied is taken for one that stands."""
PASSED = 0.5
"""Seconds in which nobody waited too long, so that it stands no more: callers who ask again at once leave it never
empty, and now and then the system lets somebody else have the core."""
TELL = 10.0
"""Seconds between two lines in the log that say so."""
SMOOTHING = 0.05
"""The part that the newest answer has in what an answer typically takes."""
_LOG = logging.getLogger("poise.http")


class Waiting:
    """The queue of one event loop. now: a clock that never goes back, in seconds."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.perf_counter) -> None:
        self._limits, self.now = limits, now
        self._watching = self._came = False
        self._turn = self._round = 0.0
        self._since: float | None = None
        self._long = 0.0
        self._typical = 0.0
        self._refused, self._told = 0, -TELL

    def came(self, loop: asyncio.AbstractEventLoop) -> float:
        """A request is being read from a connection: when that is, for `check`."""
        now = self.now()
        self._came = True
        if not self._watching:
            self._watching, self._turn, self._round, self._since = True, now, 0.0, None
            loop.call_soon(self._watch, loop)
        return now

    def check(self, came: float) -> float:
        """The seconds that a request waited that is read at `came`. Raises `Overloaded` where that is too long.

        Before it was read it lay in the kernel for up to one round of the loop, on average for half of one.
        """
        now = self.now()
        least = max(self._limits.wait, self._limits.turns * self._typical)
        waited = now - came + self._round / 2
        if waited < least or now - self._turn < least / 2:  # some are answered in each round, however long it takes
            return waited
        if self._since is None or now - self._long > PASSED:  # what stood there before has passed
            self._since = now
        self._long = now
        if waited < self._limits.burst and now - self._since < STANDING:
            return waited
        self._tell(now)
        raise Overloaded("the server has more to answer than it can", retry_after=self._limits.retry, reason="waited")

    def took(self, seconds: float) -> None:
        """An answer took so long, without the wait before it."""
        self._typical += SMOOTHING * (seconds - self._typical) if self._typical else seconds

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called once in each round of the loop, as long as requests come in every one: else nobody waits any more."""
        now = self.now()
        self._round, self._turn = now - self._turn, now
        self._watching, self._came = self._came, False
        if self._watching:
            loop.call_soon(self._watch, loop)

    def _tell(self, now: float) -> None:
        self._refused += 1
        if now - self._told >= TELL:
            _LOG.warning("more came than can be answered: %d requests were refused (503)", self._refused)
            self._refused, self._told = 0, now
