"""One clock: all code takes time from here. `wall` is the machine's; `replay` is moved by event times.

Instants are int64 microseconds since the Unix epoch in UTC everywhere inside Poise.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
AHEAD = 5 * MINUTE  # a row whose event time is further ahead of the wall clock than this is quarantined


class Clock:
    """The machine's clock.

    >>> Clock().now() > 1_700_000_000 * SECOND
    True
    """

    kind = "wall"

    def now(self) -> int:
        """Now, in microseconds since the epoch (UTC)."""
        return time.time_ns() // 1000


class ReplayClock(Clock):
    """A clock that only events move, for old data: it never goes backwards.

    >>> clock = ReplayClock(start=5)
    >>> clock.move(3); clock.now()
    5
    >>> clock.move(9); clock.now()
    9
    """

    kind = "replay"

    def __init__(self, start: int = 0) -> None:
        self._now = start

    def now(self) -> int:
        """The largest event time seen so far."""
        return self._now

    def move(self, instant: int) -> None:
        """Move to `instant` (microseconds) unless that is in this clock's past."""
        self._now = max(self._now, instant)


def to_text(instant: int, zone: str = "UTC") -> str:
    """An instant as ISO 8601 with its offset, to the second (to the microsecond where it has one).

    Before the year 1 and after 9999, which ISO 8601 has no words for, the seconds since 1970.

    >>> to_text(1_362_200_000_000_000, "America/New_York")
    '2013-03-01T23:53:20-05:00'
    >>> to_text(-(10**18))
    '-1,000,000,000,000 s from 1970'
    """
    seconds, rest = divmod(instant, SECOND)
    try:
        whole, offset = _second(seconds, zone)
    except (ValueError, OverflowError):
        return f"{seconds:+,} s from 1970"
    return f"{whole}.{rest:06d}{offset}" if rest else whole + offset


@lru_cache(maxsize=64)
def _second(seconds: int, zone: str) -> tuple[str, str]:
    """A second as text, and its offset: a server says the one that it is in thousands of times."""
    when = datetime.fromtimestamp(seconds, ZoneInfo(zone))
    whole = when.replace(tzinfo=None).isoformat()
    return whole, when.isoformat()[len(whole) :]


def from_text(text: str) -> int:
    """The instant that `to_text` wrote, of the years 1 to 9999. Raises `ValueError` for anything else.

    >>> from_text(to_text(1_362_200_000_000_001, "America/New_York"))
    1362200000000001
    """
    return (datetime.fromisoformat(text) - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
