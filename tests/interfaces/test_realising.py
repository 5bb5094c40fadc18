"""What a change of weights did: which change is meant, what is said of each term, and what cannot be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poise.errors import NotNow, RequestError
from poise.interfaces.realising import _pair, _term
from poise.interfaces.system import System
from poise.stores.state import State

EXAMPLE = Path(__file__).parents[2] / "examples" / "restaurants" / "poise.yaml"


def limits(value: float, wide: float, base: float = 2.0) -> dict[str, Any]:
    low, high = value - wide, value + wide
    return {
        "value": value,
        "low": low,
        "high": high,
        "share": {"value": value / base, "low": low / base, "high": high / base},
    }


def told(gain: dict[str, Any], now: float = 2.0, refused: str | None = None) -> dict[str, Any]:
    return {"term": "revenue", "unit": "USD", "who": ["sales"], "now": now, "gain": gain, "refused": refused}


def test_what_a_change_brought_is_what_is_lost_by_going_back() -> None:
    back = told(limits(-0.1, 0.04), now=2.1)
    one = _term(back, told(limits(0.06, 0.05)))
    assert one["came"]["value"] == pytest.approx(0.1)
    assert (one["came"]["low"], one["came"]["high"]) == (pytest.approx(0.06), pytest.approx(0.14))
    assert one["came"]["share"]["value"] == pytest.approx(0.05) and one["agrees"]
    assert one["sentence"] == (
        "revenue (sales): +5.0 % (between +3.0 and +7.0 %); foretold was +3.0 % (between +0.5 and +5.5 %)"
    )


def test_what_was_foretold_otherwise_is_said() -> None:
    one = _term(told(limits(0.1, 0.02), now=1.9), told(limits(0.1, 0.02)))
    assert not one["agrees"] and one["sentence"].endswith(": not as foretold")
    alone = _term(told(limits(0.1, 0.02)), None)
    assert alone["agrees"] and alone["sentence"].endswith("nothing was foretold")


def test_what_the_log_cannot_tell_is_said() -> None:
    nothing = {"value": None, "low": None, "high": None, "share": {"value": None, "low": None, "high": None}}
    one = _term(told(nothing, refused="only 12 lists"), told(limits(0.1, 0.02)))
    assert one["sentence"] == "revenue (sales): cannot tell, only 12 lists"


@pytest.fixture
def system(tmp_path: Path) -> System:
    (tmp_path / "poise.yaml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    return System.read(tmp_path / "poise.yaml")


def change(state: State, revenue: float) -> None:
    state.set_weights({"revenue": revenue}, why="more", defaults={"engagement": 1.0, "revenue": 0.4})


def test_the_newest_change_is_meant_unless_another_is_named(system: System) -> None:
    with pytest.raises(NotNow, match="never changed"):
        _pair(system.state.weight_versions(), None)
    for revenue in (0.4, 0.8, 0.6):
        change(system.state, revenue)
    rows = system.state.weight_versions()
    assert [row.version for row in _pair(rows, None)] == [2, 3]
    assert [row.version for row in _pair(rows, 2)] == [1, 2]
    with pytest.raises(NotNow, match="version 1 of the weights is no change") as caught:
        _pair(rows, 1)
    assert caught.value.allowed == "2, 3"


def test_before_any_list_was_made_by_it_nothing_is_told(system: System) -> None:
    for revenue in (0.4, 0.8):
        change(system.state, revenue)
    with pytest.raises(NotNow, match="no list is logged that was made by weights 2"):
        system.realised({})
    for asked, said in (({"version": "2"}, "came"), ({"version": True}, "came"), ({"versoin": 2}, "no such field")):
        with pytest.raises(RequestError, match=said):
            system.realised(asked)


def test_new_terms_and_other_limits_are_not_the_last_change(system: System) -> None:
    state = system.state
    state.set_weights({"engagement": 1.0, "revenue": 0.4}, why="the system file")
    state.set_weights({"revenue": 0.8}, why="more")
    state.set_weights({}, why="new terms, with r2", defaults={"calm": 1.0})
    state.set_weights({"revenue": 0.8}, why="for a while", until=2**52)
    rows = state.weight_versions()
    assert [row.version for row in rows] == [1, 2, 3, 4]
    assert [row.version for row in _pair(rows, None)] == [1, 2]
    assert [row.version for row in _pair(rows, 3)] == [2, 3]
