"""Local time in arrays agrees with `zoneinfo`, one instant at a time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.spec.clocks_in_numpy import instant, next_clock
from poise.spec.zones import instant_of, is_zone, offsets
from poise.table import MISSING_TIME, Column

ZONES = [
    "UTC",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Africa/Casablanca",  # summer time suspended in Ramadan
    "Pacific/Apia",  # a day that never was
    "Asia/Kathmandu",
    "Europe/Dublin",  # winter time is the exception
    "America/Sao_Paulo",  # clocks changed at midnight
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)
moments = st.integers(-60_000_000_000_000_000, 250_000_000_000_000_000)


def micros(when: datetime) -> int:
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - EPOCH) // US


@settings(deadline=None)
@given(st.sampled_from(ZONES), st.lists(moments, min_size=1, max_size=20))
def test_offsets_are_those_of_zoneinfo(zone: str, instants: list[int]) -> None:
    found = offsets(zone, np.array(instants, np.int64))
    for at, offset in zip(instants, found, strict=True):
        expected = (EPOCH + at * US).astimezone(ZoneInfo(zone)).utcoffset()
        assert expected is not None and int(offset) == expected // US


@settings(deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 90_000_000), st.sampled_from([0, 1]))
def test_instants_of_local_times_come_back(zone: str, minutes: int, fold: int) -> None:
    """Every local time that zoneinfo knows exactly once is found, others are missing."""
    local = datetime(1900, 1, 1) + timedelta(minutes=minutes)
    candidates = {micros(local.replace(tzinfo=ZoneInfo(zone), fold=f).astimezone(UTC)) for f in (0, 1)}
    holding = [at for at in candidates if (EPOCH + at * US).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local]
    found = int(instant_of(zone, np.array([micros(local)]))[0])
    assert found == (holding[0] if len(holding) == 1 else MISSING_TIME)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((2013, 3, 10, 159), "2013-03-10T06:59:00+00:00"),
        ((2013, 3, 10, 230), None),  # clocks skip it
        ((2013, 11, 3, 130), None),  # clocks show it twice
        ((2013, 11, 3, 200), "2013-11-03T07:00:00+00:00"),
        ((2013, 12, 31, 2400), "2014-01-01T05:00:00+00:00"),
        ((2013, 2, 29, 0), None),
        ((2012, 2, 29, 5), "2012-02-29T05:05:00+00:00"),
        ((1900, 2, 29, 0), None),
        ((2013, 1, 1, 60), None),
        ((2013, 1, 1, 2401), None),
        ((2013, 1, 1, -1), None),
        ((2013, 1.5, 1, 0), None),
        ((2013, 13, 1, 0), None),
        ((0, 1, 1, 0), None),
        ((np.nan, 1, 1, 0), None),
        ((1e300, 1, 1, 0), None),
    ],
)
def test_instant(parts: tuple[float, ...], expected: str | None) -> None:
    found = int(instant(*(np.array([part], np.float64) for part in parts), "America/New_York")[0])
    assert (None if found == MISSING_TIME else (EPOCH + found * US).isoformat()) == expected


@pytest.mark.parametrize(
    ("after", "hhmm", "expected"),
    [
        ("2013-06-01T12:00:00+00:00", 900, "2013-06-01T13:00:00+00:00"),
        ("2013-06-01T13:00:00+00:00", 900, "2013-06-02T13:00:00+00:00"),  # strictly after
        ("2013-06-01T12:00:00+00:00", 2400, "2013-06-02T04:00:00+00:00"),
        ("2013-06-01T12:00:00+00:00", 0, "2013-06-02T04:00:00+00:00"),
        ("2013-03-10T05:00:00+00:00", 230, None),  # clocks skip it that day
        ("2013-03-10T08:00:00+00:00", 230, "2013-03-11T06:30:00+00:00"),
        ("2013-11-03T04:00:00+00:00", 130, None),  # clocks show it twice
        ("2013-11-03T05:45:00+00:00", 130, None),  # between the two
        ("2013-11-03T06:30:00+00:00", 130, "2013-11-04T06:30:00+00:00"),
        ("2013-06-01T12:00:00+00:00", 175, None),
    ],
)
def test_next_clock(after: str, hhmm: float, expected: str | None) -> None:
    start = np.array([micros(datetime.fromisoformat(after))])
    found = int(next_clock(start, np.array([hhmm], np.float64), "America/New_York")[0])
    assert (None if found == MISSING_TIME else (EPOCH + found * US).isoformat()) == expected


def test_zones_by_row() -> None:
    zones = Column.strings(["UTC", "Asia/Tokyo", None, "Mars/Base"])
    found = instant(*(np.full(4, part, np.float64) for part in (2020, 1, 1, 900)), zones)
    assert [at - found[0] if at != MISSING_TIME else None for at in found] == [0, -9 * 3_600_000_000, None, None]


def test_names_of_zones() -> None:
    assert is_zone("America/Argentina/Ushuaia")
    for name in ("", "America", "../etc/passwd", "/etc/localtime", "x" * 5000, "EST5EDT4\0"):
        assert not is_zone(name)


def test_a_year_of_flights_is_fast() -> None:
    """330k instants of local times in five zones: well under 2 s, on any machine."""
    n = 330_000
    random = np.random.default_rng(0)
    zones = Column.coded(random.integers(0, 5, n), ["UTC", *ZONES[1:5]])
    parts = [np.full(n, 2013.0), random.integers(1, 13, n), random.integers(1, 29, n), random.integers(0, 24, n) * 100]
    start = time.perf_counter()
    departs = instant(*(part.astype(np.float64) for part in parts), zones)
    next_clock(departs, parts[3].astype(np.float64), zones)
    assert time.perf_counter() - start < 4
