"""What comes and is no HTTP that this server speaks: counted, and told in few lines however much comes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from poise.serving.telemetry import Telemetry

TELL = 10.0
"""Seconds between two lines in the log that say so: who sends it can send it often."""
_LOG = logging.getLogger("poise.http")


class Oddities:
    """Those of one server. now: a clock that never goes back, in seconds.

    >>> told = Telemetry()
    >>> Oddities(told).came("invalid")
    >>> told.counted["malformed"]
    {('invalid',): 1}
    """

    def __init__(self, telemetry: Telemetry, now: Callable[[], float] = time.monotonic) -> None:
        self._telemetry, self._now = telemetry, now
        self._since, self._told = 0, -TELL

    def came(self, reason: str) -> None:
        """One more. reason: `invalid`, `head` or `upgrade`."""
        self._telemetry.count("malformed", reason)
        self._since += 1
        now = self._now()
        if now - self._told >= TELL:
            _LOG.warning("what came was no HTTP that this server speaks: %d times, at last '%s'", self._since, reason)
            self._since, self._told = 0, now
