"""Breaks that are known are found, told apart and dated; streams without any are left in peace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.monitoring.streams import MONDAY, WEEK, Ints, profile_of, stream, watched

from poise.monitoring.discovery import discoveries
from poise.monitoring.finding import Finding
from poise.monitoring.looking import look, moved_with, weighed
from poise.monitoring.turned import turned
from poise.releases.profile import Profile
from poise.table import Column, Table

KNOWN, BROKEN, COLUMNS = 40, 46, 10
SUITE = {"PM01", "PM03"}
Values = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def false_alarms(seed: int, rows: int, known: int, weeks: int, columns: int) -> tuple[int, int]:
    """Alarms of a stream in which nothing breaks, looked at week by week, and the column-weeks that it had."""
    time, made = stream(seed, known + weeks, rows, columns)
    profile = profile_of(time, made, known)
    found = [f for at in range(weeks) for f in look(watched(profile, time, made, known + at), SUITE)]
    return sum(f.level == "alarm" for f in found), weeks * columns


def test_a_quiet_year_stays_quiet() -> None:
    """At most one false alarm in 100 column-weeks, each week of a standing one counted again."""
    alarms, looked = false_alarms(0, 200, 40, 52, 20)
    assert alarms <= looked / 100, f"{alarms} in {looked:,} column-weeks"


@pytest.mark.soak
@pytest.mark.parametrize(("known", "rows"), [(30, 300), (60, 300), (40, 3_000)])
def test_many_quiet_years_stay_quiet(known: int, rows: int) -> None:
    made = [false_alarms(seed, rows, known, 52, 30) for seed in range(10, 14)]
    alarms, looked = (sum(each) for each in zip(*made, strict=True))
    assert alarms <= looked / 100, f"{alarms} in {looked:,} column-weeks"


@pytest.fixture(scope="module")
def quiet() -> tuple[Ints, Table, Profile]:
    time, rows = stream(1, BROKEN + 8, 300, COLUMNS)
    return time, rows, profile_of(time, rows, KNOWN)


def broken(quiet: tuple[Ints, Table, Profile], name: str, values: Values) -> tuple[Ints, Table]:
    """The stream with a column that breaks in week `BROKEN`."""
    time, rows, _ = quiet
    after = time >= MONDAY + BROKEN * WEEK
    changed = rows[name].values.copy()
    changed[after] = values(changed[after], np.random.default_rng(0))
    return time, rows.with_columns({name: Column(rows[name].kind, changed, rows[name].levels)})


def first_alarm(quiet: tuple[Ints, Table, Profile], stream: tuple[Ints, Table], name: str) -> tuple[int, Finding]:
    """After how many weeks a column is alarmed of, and how."""
    for week in range(BROKEN, BROKEN + 8):
        for one in look(watched(quiet[2], *stream, week), SUITE):
            if one.subject == name and one.level == "alarm":
                return week - BROKEN + 1, one
    raise AssertionError(f"{name} broke and no alarm was raised")


@pytest.mark.parametrize(
    ("name", "values", "said", "within"),
    [
        ("c0", lambda v, _: v + 0.5, "moved by", 1),
        ("c7", lambda v, _: v + 0.5, "moved by", 2),
        ("c5", lambda v, _: v * 2.54, "inches to centimetres", 2),
        ("c3", lambda v, _: np.full(len(v), 0.7), "is stuck at 0.7", 1),
        ("c0", lambda v, r: np.where(r.random(len(v)) < 0.1, np.nan, v), "are missing, 0.0% in the profile", 1),
        ("c7", lambda v, r: np.where(r.random(len(v)) < 0.1, np.nan, v), "of rows are missing", 3),
        ("c8", lambda v, _: np.where(v == 0, 1, v), "'level", 2),
    ],
)
def test_a_break_is_found_soon_and_dated(
    quiet: tuple[Ints, Table, Profile], name: str, values: Values, said: str, within: int
) -> None:
    weeks, one = first_alarm(quiet, broken(quiet, name, values), name)
    assert weeks <= within and said in one.what, one.what
    assert one.since == MONDAY + BROKEN * WEEK


def test_a_new_level_is_found(quiet: tuple[Ints, Table, Profile]) -> None:
    time, rows, _ = quiet
    new = (time >= MONDAY + BROKEN * WEEK) & (np.random.default_rng(0).random(len(time)) < 0.04)
    codes = np.where(new, len(rows["c9"].levels), rows["c9"].values)
    changed = rows.with_columns({"c9": Column.coded(codes, [*rows["c9"].levels, "brand new"])})
    weeks, one = first_alarm(quiet, (time, changed), "c9")
    assert weeks <= 2 and "of levels that are new" in one.what and one.since == MONDAY + BROKEN * WEEK


def test_a_break_that_ended_is_no_alarm(quiet: tuple[Ints, Table, Profile]) -> None:
    time, rows, profile = quiet
    there = (time >= MONDAY + BROKEN * WEEK) & (time < MONDAY + (BROKEN + 2) * WEEK)
    changed = rows.with_columns({"c0": Column.numbers(rows["c0"].values + 3 * there)})
    during = look(watched(profile, time, changed, BROKEN + 1), SUITE)
    after = look(watched(profile, time, changed, BROKEN + 7), SUITE)
    assert [f.level for f in during if f.subject == "c0" and f.code == "PM03"] == ["alarm"]
    assert [f.level for f in after if f.subject == "c0" and f.code == "PM03"] != ["alarm"]


def test_many_levels_and_few_rows_stay_quiet() -> None:
    """Of 400 levels most do not occur in four weeks of 60 rows, though nothing changed."""
    time, _ = stream(3, 60, 60, 1)
    codes = np.random.default_rng(3).integers(0, 400, len(time)).astype(np.int32)
    rows = Table({"c0": Column("string", codes, np.array([f"l{at}" for at in range(400)], object))})
    found = look(watched(profile_of(time, rows, 40), time, rows, 59), {"PM03"})
    assert [(one.subject, one.level) for one in found] == [("c0", "fine")]


def test_what_no_model_reads_is_no_alarm(quiet: tuple[Ints, Table, Profile]) -> None:
    time, rows = broken(quiet, "c0", lambda v, _: v + 2)
    unread = Profile(MONDAY, WEEK, "week", quiet[2].columns, {}, {}, {"y": ("c1",)})
    found = next(
        f for f in look(watched(unread, time, rows, BROKEN + 3), SUITE) if f.subject == "c0" and "moved" in f.what
    )
    assert found.level == "notice" and found.moved is False and "no model" in found.why


def test_a_sensor_stuck_within_its_range_is_found_under_a_strong_season() -> None:
    """Bins of a year's temperature move from week to week as far as they go: one value for all rows does not."""
    time, _ = stream(5, 50, 300, 1)
    week = (time - MONDAY) // WEEK
    warm = np.random.default_rng(5).normal(size=len(time)) * 3 + 12 * np.sin(2 * np.pi * week / 52)
    profile = profile_of(time, Table({"warm": Column.numbers(warm)}), 30)
    for at, values, said in (
        (34, np.full(len(time), -11.5), "is stuck at -11.5 in 100% of rows"),
        (34, warm * 1.8 + 60, "of rows to where none was"),
    ):
        rows = Table({"warm": Column.numbers(np.where(week >= at, values, warm))})
        found = next(f for f in look(watched(profile, time, rows, at), {"PM03"}) if f.subject == "warm")
        assert found.level == "alarm" and said in found.what and found.detail["fault"], found.what
        assert found.since == MONDAY + at * WEEK
    untouched = [
        look(watched(profile, time, Table({"warm": Column.numbers(warm)}), at), {"PM03"}) for at in range(31, 49)
    ]
    assert not [f for each in untouched for f in each if f.level == "alarm"]


def test_a_fault_stays_an_alarm_though_it_costs_nothing_yet(quiet: tuple[Ints, Table, Profile]) -> None:
    there = watched(quiet[2], quiet[0], quiet[1], BROKEN)
    fine = [finding("fine", objective="y", realised=True, until=200)]
    drifts = {"objectives": ["y"], "p": 0.0}
    found = [weighed(finding("alarm", 100, fault=fault, **drifts), fine, there) for fault in (True, False)]
    assert [one.level for one in found] == ["alarm", "notice"] and not any(one.moved for one in found)


def test_a_level_that_is_called_otherwise_is_told(quiet: tuple[Ints, Table, Profile]) -> None:
    _, rows, profile = quiet
    codes, levels = rows["c8"].values, rows["c8"].levels
    assert levels is not None
    called = Column.coded(codes, ["other" if at == 0 else str(level) for at, level in enumerate(levels)])
    told = turned(profile.columns["rows"]["c8"], called)
    assert told.said.startswith(f"calls 'other' what was '{levels[0]}'") and told.fault


def finding(level: str, since: int | None = None, **detail: object) -> Finding:
    return Finding("PM05", "performance", "", "y", level, since, detail=detail)  # type: ignore[arg-type]


def test_drift_is_weighed_by_what_labels_say_after_it() -> None:
    drift = finding("alarm", 100)
    assert moved_with(drift, [finding("alarm", objective="y", realised=False)], ["y"]) is True
    assert moved_with(drift, [finding("fine", objective="y", realised=True, until=200)], ["y"]) is False
    assert moved_with(drift, [finding("fine", objective="y", realised=True, until=50)], ["y"]) is None, (
        "labels are late"
    )
    assert moved_with(drift, [finding("fine", objective="y", realised=False)], ["y"]) is None, "an estimate clears none"
    assert moved_with(drift, [finding("alarm", objective="z", realised=True)], ["y"]) is None, "another objective"


def test_one_control_over_all_tests() -> None:
    p = np.random.default_rng(0).uniform(size=(400, 60))
    p[:, :3] /= 1e6
    found = np.array([discoveries(row) for row in p])
    assert found[:, :3].all()
    wrong = found[:, 3:].sum(axis=1) / found.sum(axis=1)
    assert wrong.mean() <= 0.05
    assert not discoveries(np.ones(5)).any() and not discoveries(np.zeros(0)).any()
