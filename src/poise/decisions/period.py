"""The hour, day or week that an instant is in, as clocks of a zone show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from poise.clock import SECOND
from poise.spec.capacity import Every


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to `end` (microseconds since the epoch, half-open)."""

    start: int
    end: int

    def __contains__(self, instant: int) -> bool:
        return self.start <= instant < self.end


def period_of(instant: int, every: Every, zone: str) -> Period:
    """The period that an instant (microseconds) is in. Days in which clocks change have 23 or 25 hours.

    >>> day = period_of(1_362_200_000_000_000, "day", "America/New_York")
    >>> (day.end - day.start) / 3_600_000_000, day.start % 86_400_000_000 / 3_600_000_000
    (24.0, 5.0)
    """
    if every == "hour":  # zones differ from UTC by parts of an hour, and clocks change at full ones
        local = datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone))
        start = instant - (local.minute * 60 + local.second) * SECOND - instant % SECOND
        return Period(start, start + 3600 * SECOND)
    midnight = datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone)).replace(hour=0, minute=0, second=0, fold=0)
    first = midnight - timedelta(days=midnight.weekday() if every == "week" else 0)
    last = first + timedelta(days=7 if every == "week" else 1)
    return Period(_instant(first), _instant(last))


def hour_of(instant: int, zone: str) -> int:
    """The hour that clocks show, 0 to 23.

    >>> hour_of(0, "Asia/Singapore")
    7
    """
    return datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone)).hour


def _instant(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp()) * SECOND
