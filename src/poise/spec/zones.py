"""Local time in arrays: the offset of a time zone at many instants, and the instants of many local times.

`zoneinfo` answers one instant at a time. Here each (zone, year) that occurs is scanned once for the
instants at which its offset changes; after that an array of instants is one binary search. Instants and naive local
times are int64 microseconds since the epoch; `MISSING_TIME` is missing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY, SECOND
from poise.table import MISSING_TIME

Instants = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1)
_US = timedelta(microseconds=1)
FIRST = (datetime(1, 1, 3) - _EPOCH) // _US
LAST = (datetime(9999, 12, 30) - _EPOCH) // _US
"""The instants between which calendars are asked: years 1 to 9999, less two days for any offset."""
_CACHED_YEARS = 4_096  # (zone, year) pairs kept, about 0.5 kB each
_BUSY = range(
    1840, 2101
)  # before, zones stand still; after, a rule changes them twice a year, so that fortnights suffice


@cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_zone(name: str) -> bool:
    """Whether `name` is a time zone that this machine knows.

    >>> is_zone("Asia/Singapore"), is_zone("Mars/Base")
    (True, False)
    """
    return len(name) <= 64 and _zone(name) is not None


@cache
def zone_names() -> tuple[str, ...]:
    """Every time zone that this machine knows, for suggestions."""
    return tuple(sorted(available_timezones()))


def offsets(zone: str, instants: Instants) -> Instants:
    """What clocks in `zone` show beyond UTC at each instant, in microseconds; missing and year 0 or 10000 give 0.

    >>> (offsets("America/New_York", np.array([0, 15_000_000_000_000])) // 3_600_000_000).tolist()
    [-5, -4]
    """
    found = _zone(zone)
    assert found is not None, f"not a zone: {zone}"
    out = np.zeros(len(instants), np.int64)
    inside = (instants > FIRST) & (instants < LAST)
    years = np.asarray(instants.astype("M8[us]").astype("M8[Y]").astype(np.int64) + 1970)
    present = np.unique(years[inside])
    if not len(present):
        return out
    tables = [_changes(zone, int(year)) for year in present]
    at = np.concatenate([table[0] for table in tables])
    value = np.concatenate([table[1] for table in tables])
    index = np.searchsorted(at, instants, side="right") - 1
    return np.where(inside, value[np.maximum(index, 0)], out)


@lru_cache(maxsize=_CACHED_YEARS)
def _changes(zone: str, year: int) -> tuple[Instants, Instants]:
    """The first instant of a year (in UTC) and those at which its offset changes, with the offset from then on."""
    info = _zone(zone)
    assert info is not None
    start = (datetime(year, 1, 1) - _EPOCH) // _US
    step = DAY if year in _BUSY else 14 * DAY
    end = start + (366 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 365) * DAY
    at, value = [max(start, FIRST)], [_offset(info, max(start, FIRST))]
    for low in range(at[0], min(end, LAST), step):
        high = min(low + step, end, LAST)
        after = _offset(info, high - 1)
        if after != value[-1]:
            at.append(_change(info, low, high - 1, value[-1]))
            value.append(after)
    return np.array(at, np.int64), np.array(value, np.int64)


def _change(info: ZoneInfo, low: int, high: int, before: int) -> int:
    """The first second in (low, high] at which the offset is no longer `before`."""
    low, high = low // SECOND, high // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(info, middle * SECOND) == before:
            low = middle
        else:
            high = middle
    return high * SECOND


def _offset(info: ZoneInfo, instant: int) -> int:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant)
    shown = moment.astimezone(info).utcoffset()
    assert shown is not None
    return shown // _US


def instants_of(zone: str, local: Instants, *, skipped: Instants | None = None) -> tuple[Instants, Instants]:
    """The earliest and the latest instant at which clocks in `zone` show each naive time; both missing if none does.

    They differ where clocks repeat an hour. `skipped`, if given, is filled with an instant near local times that clocks
    skip, so that a caller can tell when they would have been.

    >>> fall = np.array([int(np.datetime64("2013-11-03T01:30", "us").astype(int))])
    >>> first, last = instants_of("America/New_York", fall)
    >>> int(last[0] - first[0]) // 60_000_000
    60
    """
    known = (local > FIRST + DAY) & (local < LAST - DAY)
    near = np.where(known, local, 0)
    before, after = near - offsets(zone, near - DAY), near - offsets(zone, near + DAY)
    before_holds = known & (before + offsets(zone, before) == near)
    after_holds = known & (after + offsets(zone, after) == near)
    first = np.where(before_holds, before, np.where(after_holds, after, MISSING_TIME))
    last = np.where(after_holds, after, np.where(before_holds, before, MISSING_TIME))
    if skipped is not None:
        skipped[:] = np.where(known & ~before_holds & ~after_holds, before, MISSING_TIME)
    return np.minimum(first, last), np.maximum(first, last)


def instant_of(zone: str, local: Instants) -> Instants:
    """The one instant at which clocks in `zone` show each naive time; missing where none or two do."""
    first, last = instants_of(zone, local)
    return np.where(first == last, first, MISSING_TIME)
