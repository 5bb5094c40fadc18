"""How fast a model loses value, where it has some and where it has none; and what is profiled of prose."""

from __future__ import annotations

from math import isnan
from pathlib import Path

from tests.monitoring.conftest import TEXT, Stream, add, days

from poise.interfaces.monitoring import Monitoring
from poise.interfaces.system import System


def test_a_model_that_gains_something_has_an_age(stream: Stream) -> None:
    found = {one.objective: one for one in stream(days(84, 98)).staleness()}
    assert len(found["order"].aged) == 7 and -0.01 < found["order"].rate_low <= found["order"].rate < 0.01


def test_where_nothing_is_gained_nothing_is_lost(stream: Stream) -> None:
    """A share of a gain of nothing would be any number: trillions of per cent were said where labels became noise."""
    found = {one.objective: one for one in stream(days(84, 300, slope=0.0)).staleness()}["order"]
    assert isnan(found.rate) and not found.aged and found.half_life is None and "nothing to lose" in found.sentence
    assert found.to_dict()["rate"] is None


def test_prose_is_watched_by_its_length(tmp_path: Path) -> None:
    """Each note is of its own; as levels of a category they would always be new."""
    text = TEXT.replace("category}", "category, note: text}").replace("[x, z, city]", "[x, z, note]")
    text = text.replace("take: [x, z]", "take: [x, z, note]")
    (tmp_path / "poise.yaml").write_text(text.replace(", by: city", "").replace("slices: [city]", "window: 7d"))
    add(tmp_path, days(0, 60), "1")
    system = System.read(tmp_path / "poise.yaml")
    system.ingest()
    made = system.train().folder
    system.state.record("r1", "released", folder=str(made.path), act="release", why="for tests", seal=made.seal)
    system.state.promote("r1", why="for tests")
    add(tmp_path, days(60, 75), "2")
    system.ingest()
    found = [one for one in Monitoring(system).look(only={"PM03"}).findings if one.subject == "shown_note"]
    assert [(one.level, one.unit) for one in found] == [("fine", "KS")]
