"""When a system learns again: reasons, cooldown, freeze windows."""

from __future__ import annotations

import pytest

from poise.clock import DAY, HOUR, from_text
from poise.errors import ManySpecErrors, SpecError
from poise.monitoring.finding import Finding
from poise.spec.freeze import freeze
from poise.spec.reading import read_text
from poise.spec.updates import Updates
from poise.updating.triggers import Facts, asks_monitors, cooling, frozen, reasons
from tests.updating.market import SYSTEM

NOW = from_text("2026-03-06T12:00:00+00:00")
ALARM = Finding("PM11", "performance", "late is worse", "late", "alarm")
DRIFT = Finding("PM03", "feature_drift", "temp moved", "temp", "alarm")


def facts(new: int = 500, last: int | None = NOW - 2 * DAY, *findings: Finding, fresh: bool = True) -> Facts:
    return Facts(NOW, last, {"late": 2000 + new}, {"late": 2000}, fresh, findings)


def test_a_schedule_waits_for_its_time_and_for_new_rows() -> None:
    spec = Updates(every=DAY)
    assert reasons(spec, facts()) == ["it is done every 1d"]
    assert reasons(spec, facts(last=NOW - HOUR)) == []
    assert reasons(spec, facts(fresh=False)) == []
    assert reasons(spec, facts(last=None))


def test_labels_are_a_number_or_a_share() -> None:
    assert reasons(Updates(when=("labels",), labels=0.3), facts(599)) == []
    assert reasons(Updates(when=("labels",), labels=0.3), facts(600))
    assert reasons(Updates(when=("labels",), labels=700), facts(600)) == []
    assert reasons(Updates(when=("labels",), labels=600), facts(600))


def test_findings_are_reasons_only_with_new_labels() -> None:
    spec = Updates(when=("decay", "drift"))
    assert reasons(spec, facts(500, NOW - DAY, ALARM, DRIFT)) == ["drift: temp moved", "decay: late is worse"]
    assert reasons(spec, facts(50, NOW - DAY, ALARM, DRIFT)) == []
    assert reasons(Updates(when=("decay",)), facts(500, NOW - DAY, DRIFT)) == []
    assert not asks_monitors(Updates(when=("labels",)), facts())
    notice = Finding("PM03", "feature_drift", "temp moved", "temp", "notice", moved=False)
    assert reasons(spec, facts(500, NOW - DAY, notice)) == [], "drift that costs nothing is no reason"


def test_cooldown_says_until_when() -> None:
    assert cooling(Updates(cooldown=6 * HOUR), facts(last=NOW - 6 * HOUR), "UTC") is None
    said = cooling(Updates(cooldown=6 * HOUR), facts(last=NOW - 5 * HOUR), "UTC")
    assert said is not None and "before 2026-03-06T13:00:00+00:00" in said


def test_without_a_cooldown_nothing_is_too_soon() -> None:
    assert cooling(Updates(cooldown=0), facts(last=NOW), "UTC") is None
    assert cooling(Updates(cooldown=HOUR), facts(last=None), "UTC") is None, "nothing was ever tried"


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [  # clocks in Brussels: 29 March 2026 02:00 -> 03:00, 25 October 2026 03:00 -> 02:00
        ("02:00 - 03:00", "2026-03-28T01:30Z", "2026-03-29T01:30Z"),  # that hour is not there on the 29th
        ("01:30 - 03:30", "2026-03-29T01:15Z", "2026-03-29T01:45Z"),
        ("02:00 - 03:00", "2026-10-25T00:30Z 2026-10-25T01:30Z", "2026-10-25T02:30Z"),  # and is there twice
        ("sat 22:00 - sun 04:00", "2026-03-28T21:30Z 2026-03-29T01:59Z", "2026-03-28T20:59Z 2026-03-29T02:00Z"),
        ("sat 22:00 - sun 04:00", "2026-10-24T20:00Z 2026-10-25T02:59Z", "2026-10-24T19:59Z 2026-10-25T03:00Z"),
        ("2026-03-29 - 2026-03-29", "2026-03-28T23:00Z 2026-03-29T21:59Z", "2026-03-28T22:59Z 2026-03-29T22:00Z"),
    ],
)
def test_windows_hold_by_the_clock_on_the_wall_when_it_is_changed(window: str, inside: str, outside: str) -> None:
    for text, held in ((inside, True), (outside, False)):
        for instant in text.split():
            at = from_text(instant.replace("Z", ":00+00:00"))
            assert freeze(window).holds(at, "Europe/Brussels") is held, instant


def test_any_window_denies_by_the_clock_on_the_wall() -> None:
    spec = Updates(freeze=("22:00 - 06:00", "fri 18:00 - mon 08:00", "2026-12-20 - 2027-01-03"))
    night, friday = from_text("2026-03-04T23:00:00+00:00"), from_text("2026-03-06T18:00:00+00:00")
    assert frozen(spec, NOW, "UTC") is None
    held = [frozen(spec, at, "UTC") for at in (night, friday, from_text("2026-12-22T12:00:00+00:00"))]
    assert [one.text if one else None for one in held] == list(spec.freeze)
    there = frozen(spec, NOW, "Asia/Singapore")
    assert there is not None and there.text == "fri 18:00 - mon 08:00", "it is 20:00 in Singapore"


@pytest.mark.parametrize(
    "text", ["friday", "fri 18:00", "fri 18:00 - 08:00", "2026-02-03 - 2026-02-01", "25:00 - 06:00"]
)
def test_what_is_no_window_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is no window"):
        freeze(text)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("freeze: friday", "is no window"),
        ("when: [drifts]", "drift"),
        ("labels: 0", "0 new labels are always there"),
        ("shadow: 10%, canary: 10%", "a release begins in one way"),
        ("trusted: {from: 2026-02-01, to: 2026-01-01}", "it ends before it begins"),
    ],
)
def test_faults_of_the_file_are_named(keys: str, said: str) -> None:
    with pytest.raises((SpecError, ManySpecErrors)) as caught:
        read_text(SYSTEM.replace("every: 1d, window: 12d", keys))
    assert said in str(caught.value)
