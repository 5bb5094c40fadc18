"""A market that starts without a log: ten days of it, day by day, held against its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from tests.examples.conftest import EXAMPLES

# isort: split
import start  # from the folder that the line above adds

pytestmark = pytest.mark.soak  # what it is made of is tested every day: `test_start_without_data`
DAYS, LISTS = 10, 150
CHANGES = {
    "  - {who: trust, metric: order.calibration_error, by: users.city, at_most: 0.05}\n": "",
    "at_most: 100ms": "at_most: 5s",
}
"""Of the file: ten days of few lists cannot tell how well each city is served, and a busy machine how fast."""
SURE = 3.0
"""Standard errors."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ran:
    """The days of one start, and what it left."""

    beginning: start.Beginning
    days: list[start.Day]

    @property
    def ruled(self) -> list[start.Day]:
        """The days on which the rule sorted."""
        return [day for day in self.days if day.made_of == "rule"]

    @property
    def learned(self) -> list[start.Day]:
        return [day for day in self.days if day.made_of != "rule"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("start")
    text = (EXAMPLES / "restaurants" / "poise.yaml").read_text(encoding="utf-8")
    for before, after in CHANGES.items():
        assert before in text
        text = text.replace(before, after)
    (folder / "poise.yaml").write_text(text, encoding="utf-8")
    beginning = start.Beginning(folder, DAYS, LISTS, every=2)
    with pytest.MonkeyPatch.context() as patched:
        for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
            patched.delenv(name, raising=False)
        return Ran(beginning, list(beginning.run()))


def above(more: Floats, less: Floats | float = 0.0) -> tuple[float, float]:
    """(mean difference, its standard error) of two samples of lists, or of paired differences."""
    other = np.atleast_1d(less)
    variance = more.var(ddof=1) / len(more) + (other.var(ddof=1) / len(other) if len(other) > 1 else 0.0)
    return float(more.mean() - other.mean()), float(np.sqrt(variance))


def gained(days: list[start.Day], over: str) -> Floats:
    """What each list of these days is worth more than the list of another policy for the same request."""
    return np.concatenate([day.worth["poise"] - day.worth[over] for day in days])


def test_models_come_when_the_log_can_carry_them(ran: Ran) -> None:
    """A week must have passed; before, every second evening's candidate says what is lacking, and none is released."""
    assert [day.release for day in ran.ruled] == ["r1"] * len(ran.ruled)
    assert ran.days[0].news == "r1 goes live: rule"
    assert len(ran.ruled) == 8, "a week, of whose last day the outcomes are known"
    assert [day.release for day in ran.learned] == ["r2", "r2"]
    for number in (2, 3, 4):
        evidence = ran.beginning.system.folder(f"c{number}").json("evidence")
        lacking = evidence["start"]["lacking"]
        assert any("of 7 days that are needed" in sentence for sentence in lacking), lacking
    first = ran.beginning.system.folder("r2").json("evidence")
    assert "start" not in first and first["contract"]["against"] == "r1"
    assert [c for c in first["contract"]["changes"] if c["kind"] == "breaking"] == [], "callers need not change"


def test_nothing_is_lost_between_days(ran: Ran) -> None:
    for day in ran.days:
        assert all(written == accepted > 0 for written, accepted in day.rows.values()), day.rows
    lake = ran.beginning.system.lake
    for source in ("impressions", "orders"):
        files = pl.read_parquet(ran.beginning.data / source)
        assert len(lake.read(source)) == len(files) == sum(day.rows[source][0] for day in ran.days)
    assert all(one.counts.accepted == 0 for one in ran.beginning.system.ingest().sources), "there was nothing left"


def test_the_rule_knows_each_morning_what_sold_up_to_then(ran: Ran) -> None:
    """Popularity counts the market's orders itself and is drawn by the same seeds. While the rule lives, and its seven
    days reach back to the first, both list the same: so the online state held all that was ingested, every day."""
    for day in ran.ruled[:7]:
        assert np.array_equal(day.worth["poise"], day.worth["popularity"]), f"day {day.day}"


def test_lists_are_explored_throughout(ran: Ran) -> None:
    assert all(day.explored for day in ran.days)
    for day in ran.days:
        shown = pl.read_parquet(ran.beginning.data / "impressions" / f"day-{day.day:03d}.parquet")
        assert shown["propensity"].is_between(0, 1, closed="right").all()
        assert (shown["propensity"] < 1).mean() > 0.9, f"day {day.day}"


def test_the_end_is_worth_more_than_the_beginning(ran: Ran) -> None:
    """By what is exactly true of each list: with models, lists gain on popularity for the same requests, even if it
    no longer explores, and gain more on chance than they did on the first two days."""
    for other in ("popularity", "taking"):
        gain, error = above(gained(ran.learned, other))
        assert gain > SURE * error, f"over '{other}': {gain:.3f} ± {error:.3f}"
    gain, error = above(gained(ran.learned, "random"), gained(ran.days[:2], "random"))
    assert gain > SURE * error, f"since the beginning: {gain:.3f} ± {error:.3f}"
    assert all((day.worth["oracle"] >= day.worth["poise"] - 1e-9).all() for day in ran.days), "none is better than best"


def test_what_came_is_what_was_to_be_expected(ran: Ran) -> None:
    for term, came in (("engagement", "orders"), ("revenue", "revenue")):
        difference = np.concatenate([getattr(day, came) - day.expected[term] for day in ran.days])
        mean, error = above(difference)
        assert abs(mean) < 4 * error, f"{term}: {mean:.3f} ± {error:.3f}"


def test_the_curve_is_drawn_and_said(ran: Ran) -> None:
    drawn = start.curve_of(ran.days, ran.beginning.hindsight()).svg()
    root = ElementTree.fromstring(drawn)
    names = {"svg": "http://www.w3.org/2000/svg"}
    texts = [node.text for node in root.findall("svg:text", names)]
    assert "r1 rule" in texts and "r2 first models" in texts
    assert {"Poise, from nothing", "popularity, exploring", "random order", "best possible"} <= set(texts)
    assert root.get("role") == "img" and "http" not in drawn.replace(names["svg"], "")
    said = root.findtext("svg:desc", "", names)
    assert f"r2 first models from day {len(ran.ruled) + 1}" in said
    assert len(root.findall("svg:circle", names)) == 2
    assert start.line(ran.days[0]).split()[:3] == ["1", "r1", "rule"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("", encoding="utf-8")
    assert start.main(["--folder", str(tmp_path)]) != 0
    assert "holds something already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
