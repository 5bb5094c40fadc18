"""Calendars and clocks in arrays: parts of instants, and instants of local dates and times.

A zone is a name, or a column of names; where that is missing or names no zone, the result is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY, HOUR, MINUTE
from poise.spec.zones import FIRST, LAST, Instants, instant_of, instants_of, is_zone, offsets
from poise.table import MISSING_TIME, Column

Zone = str | Column
Floats = NDArray[np.float64]
_DAYS_IN_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_MIDNIGHT = 2400


def by_zone(function: Callable[..., Instants], zone: Zone, *arrays: Instants) -> Instants:
    """`function(name, *arrays)`, applied to the rows of each zone."""
    if isinstance(zone, str):
        return function(zone, *arrays)
    assert zone.levels is not None
    every = np.broadcast_arrays(zone.values, *arrays)
    codes, arrays = every[0], every[1:]
    out = np.full(len(codes), MISSING_TIME, np.int64)
    for code in np.unique(codes[codes >= 0]):
        name = zone.levels[code]
        if is_zone(name):
            rows = codes == code
            out[rows] = function(name, *(array[rows] for array in arrays))
    return out


def _local(zone: str, time: Instants) -> Instants:
    known = (time > FIRST) & (time < LAST)
    return np.where(known, time if zone == "UTC" else time + offsets(zone, time), MISSING_TIME)


def _part(of: Callable[[Any], Any]) -> Callable[[Instants, Zone], Floats]:
    def part(time: Instants, zone: Zone = "UTC") -> Floats:
        local = by_zone(_local, zone, np.atleast_1d(time))
        known = local != MISSING_TIME
        return np.where(known, of(np.where(known, local, 0).astype("M8[us]")), np.nan).astype(np.float64)

    return part


def _days(moment: Any) -> Any:
    return moment.astype("M8[D]").astype(np.int64)


year = _part(lambda moment: moment.astype("M8[Y]").astype(np.int64) + 1970)
month = _part(lambda moment: moment.astype("M8[M]").astype(np.int64) % 12 + 1)
day = _part(lambda moment: (moment.astype("M8[D]") - moment.astype("M8[M]").astype("M8[D]")).astype(np.int64) + 1)
weekday = _part(lambda moment: (_days(moment) + 3) % 7)  # the epoch began on a Thursday, which is 3
hour = _part(lambda moment: (moment.astype(np.int64) % DAY) // HOUR)


def instant(year: Floats, month: Floats, day: Floats, hhmm: Floats, zone: Zone) -> Instants:
    """Instants of local dates and clock times; missing where there is no such date or time, no such instant, or two."""
    year, month, day, hhmm = np.broadcast_arrays(*(np.atleast_1d(part) for part in (year, month, day, hhmm)))
    local = np.where(_is_date(year, month, day), _midnight(year, month, day) + _since_midnight(hhmm), MISSING_TIME)
    return by_zone(instant_of, zone, np.where(_is_clock(hhmm), local, MISSING_TIME))


def _is_date(year: Floats, month: Floats, day: Floats) -> NDArray[np.bool_]:
    whole = (year == np.floor(year)) & (month == np.floor(month)) & (day == np.floor(day))
    possible = whole & (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    leap = (month == 2) & (((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0))
    last = _DAYS_IN_MONTH[_whole(np.where(possible, month, 1)) - 1] + leap
    return np.asarray(possible & (day <= last), np.bool_)


def _midnight(year: Floats, month: Floats, day: Floats) -> Instants:
    months = (_bounded(year, 1, 9999) - 1970) * 12 + _bounded(month, 1, 12) - 1
    return np.asarray(months.astype("M8[M]").astype("M8[us]").astype(np.int64) + (_bounded(day, 1, 31) - 1) * DAY)


def _is_clock(hhmm: Floats) -> NDArray[np.bool_]:
    within = (hhmm == np.floor(hhmm)) & (hhmm >= 0) & (hhmm <= _MIDNIGHT)
    return np.asarray(within & (hhmm % 100 < 60), np.bool_)


def _since_midnight(hhmm: Floats) -> Instants:
    whole = _bounded(hhmm, 0, _MIDNIGHT)
    return np.asarray(whole // 100 * HOUR + whole % 100 * MINUTE)


def _bounded(value: Floats, low: int, high: int) -> Instants:
    """Whole numbers; anything that is none, or out of bounds, becomes `low` and is masked by the caller."""
    return _whole(np.where((value >= low) & (value <= high), value, low))


def _whole(value: Any) -> Instants:
    return np.asarray(value).astype(np.int64)


def next_clock(after: Instants, hhmm: Floats, zone: Zone) -> Instants:
    """The first instant after `after` at which clocks show hhmm; missing where clocks skip or repeat that time."""
    after, hhmm = np.broadcast_arrays(np.atleast_1d(after), np.atleast_1d(hhmm))
    clock = np.where(_is_clock(hhmm), _since_midnight(hhmm) % DAY, MISSING_TIME)
    return by_zone(_next_clock, zone, after, clock)


def _next_clock(zone: str, after: Instants, clock: Instants) -> Instants:
    known = (clock != MISSING_TIME) & (after > FIRST) & (after < LAST)
    here = _local(zone, np.where(known, after, 0))
    today = here - here % DAY
    out, open_ = np.full(len(after), MISSING_TIME, np.int64), known
    for ahead in (0, 1, 2):  # two days on, if clocks were set back across midnight
        wall = np.where(open_, today + clock + ahead * DAY, MISSING_TIME)
        skipped = np.empty_like(wall)
        first, last = instants_of(zone, wall, skipped=skipped)
        later = open_ & (np.maximum(last, skipped) > after)
        out = np.where(later & (first == last), last, out)
        open_ = open_ & ~later
    return out
