"""Freeze windows: times in which nothing is changed by itself, as people write them, in the zone of the system.

`fri 18:00 - mon 08:00` comes every week, `22:00 - 06:00` every day, `2026-12-20 - 2027-01-03` once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from poise.clock import SECOND

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MEANT = "'fri 18:00 - mon 08:00', '22:00 - 06:00' or '2026-12-20 - 2027-01-03'"
_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_EDGE = re.compile(r"(?:(?P<day>[a-z]{3})|(?P<date>\d{4}-\d\d-\d\d))?[ t]?(?:(?P<hour>\d\d?):(?P<minute>\d\d))?")


@dataclass(frozen=True, slots=True)
class Freeze:
    """One window, from `start` up to, not including, `end`: minutes of the week or of the day, or minutes since 1970,
    all of the clock on the wall. Where `end` is not after `start`, it is that of the next week or day."""

    kind: Literal["week", "day", "once"]
    start: int
    end: int
    text: str

    def holds(self, instant: int, zone: str) -> bool:
        """Whether `instant` (microseconds) lies in the window, by the clock on the wall in `zone`.

        >>> friday = 1_772_755_200_000_000  # 6 March 2026, midnight in UTC
        >>> [freeze("fri 18:00 - mon 08:00").holds(friday + h * 3_600_000_000, "UTC") for h in (17, 18, 48, 80)]
        [False, True, True, False]
        >>> freeze("22:00 - 06:00").holds(friday + 5 * 3_600_000_000, "UTC")
        True
        """
        local = datetime.fromtimestamp(instant // SECOND, UTC).astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        if self.kind == "once":
            return self.start <= _since_1970(local.date()) + minute < self.end
        if self.kind == "week":
            minute += local.weekday() * _DAY
        return self.start <= minute < self.end if self.start < self.end else not self.end <= minute < self.start


def freeze(text: str) -> Freeze:
    """The window that `text` says. Raises `ValueError` that names what is wrong.

    >>> freeze("fri 18:00 - fry 08:00")
    Traceback (most recent call last):
    ValueError: 'fri 18:00 - fry 08:00' is no window: 'fry' is no day (mon, tue, wed, thu, fri, sat, sun)
    """
    sides = [side.strip().lower() for side in text.split(" - ")]
    if len(sides) != 2:
        raise ValueError(f"'{text}' is no window: write e.g. {MEANT}")
    try:
        (kind, start), (other, end) = (_edge(side, last=i == 1) for i, side in enumerate(sides))
    except ValueError as error:
        raise ValueError(f"'{text}' is no window: {error}") from None
    if kind != other:
        raise ValueError(f"'{text}' is no window: both ends are a day of the week, a date, or a time alone")
    if kind == "once" and end <= start:
        raise ValueError(f"'{text}' is no window: it ends before it begins")
    if start == end:
        raise ValueError(f"'{text}' is no window: it ends where it begins")
    return Freeze(kind, start, end, text)


def _edge(text: str, *, last: bool) -> tuple[Literal["week", "day", "once"], int]:
    """The kind and the minute of one end. The last day or date of a window without a time is meant whole."""
    found = _EDGE.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"'{text}' is no end; write e.g. {MEANT}")
    timed = found["hour"] is not None
    minute = int(found["hour"]) * 60 + int(found["minute"]) if timed else _DAY if last else 0
    if minute > _DAY or (timed and int(found["minute"]) > 59):
        raise ValueError(f"there is no time {found['hour']}:{found['minute']}")
    if found["date"] is not None:
        return "once", _since_1970(date.fromisoformat(found["date"])) + minute
    if found["day"] is None:
        return "day", minute
    if found["day"] not in DAYS:
        raise ValueError(f"'{found['day']}' is no day ({', '.join(DAYS)})")
    return "week", (DAYS.index(found["day"]) * _DAY + minute) % _WEEK


def _since_1970(day: date) -> int:
    return (day - date(1970, 1, 1)) // timedelta(minutes=1)
