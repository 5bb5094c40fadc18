"""A release answers by stages while callers ask and rows come in: nobody's answer fails, and a kill changes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poise.interfaces.system import System
from poise.rollout.connection import Connection
from poise.rollout.plan import Plan
from poise.rollout.stages import advance, begin_rollout, newest, undo
from poise.rollout.told import told
from tests.journeys.processes import children, end
from tests.journeys.switching import SOON, Load, first_live, live, released, under

RULES = {"c1": 1, "c2": 1_000, "c3": 1_000_000}
"""By what each release multiplies how often a dish was seen, so that a score tells whose it is."""
CANARY = Plan(begin="canary", canary=0.5, time=0, answers=50)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """c1 is live; c2 sorts by another rule over the same features."""
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    return first_live(tmp_path)


def scored(answer: dict[str, Any], rows: int) -> str | None:
    """Every row that came in counts, once, by the rule of the release that answers."""
    (score,) = [one["score"] for one in answer["shown"] if one["dish"] == "soup"]
    expected = rows * RULES[answer["release"]]
    return None if score == expected else f"{answer['release']} says {score}, not {expected}"


class Asking(Load):
    """Asks with another price each time: without a key, each request is a caller of its own."""

    asks = 0

    def _once(self, to: Connection) -> None:
        self.asks += 1
        candidates = [{"dish": dish, "price": self.asks} for dish in ("soup", "rice")]
        self.asked = json.dumps({"candidates": candidates}).encode()
        super()._once(to)


def wait(until: Callable[[], bool]) -> None:
    ends = time.monotonic() + SOON
    while not until():
        assert time.monotonic() < ends
        time.sleep(0.02)


def seen(system: System, what: str) -> int:
    found = told(system.state)
    return int(found["answers"].get("canary", 0) if what == "canary" else (found["shadow"] or {}).get("scored", 0))


OTHERS = pytest.param("c3", marks=pytest.mark.soak)
"""It has other features, and so a store of its own, which is made while the server answers."""


@pytest.mark.parametrize("name", ["c2", OTHERS])
def test_no_answer_fails_or_mixes_releases_through_all_stages(system: System, name: str) -> None:
    state = system.state
    if name == "c3":
        other = system.text.replace("over: [1h, 7d]", "over: [1h, 1d]")
        assert released(system, other.replace("seen_count_7d_by_dish,", "seen_count_1d_by_dish * 1000000,")) == "c3"
        system.path.write_text(system.text, encoding="utf-8")
    with live(system.path) as server:
        load = Asking(server.port, scored)
        with under([load]):
            load.until("c1")
            begin_rollout(state, name, Plan(begin="shadow", shadow=1.0), why="try")
            wait(lambda: seen(system, "shadow") > 5)
            assert set(load.answers) == {"c1"}, "a shadow answers nobody"
            advance(state, why="it scores")
            wait(lambda: seen(system, "canary") > 5)
            undo(state, why="for a test")
            load.until("c1")
            begin_rollout(state, name, CANARY, why="again")
            before = load.answers[name]
            wait(lambda: load.answers[name] > before + 5)
            advance(state, why="more", share=0.75)
            advance(state, why="all of it")
            load.until(name)
            assert System.read(system.path).rollback(why="back") == "c1"
            load.until("c1")
    acts = [f"{row.act} {row.subject}" for row in state.history() if row.subject in RULES and row.act != "switch"]
    ways = ["shadow", "canary", "undo", "canary", "share", "promote"]
    assert acts[-7:] == [*(f"{act} {name}" for act in ways), "rollback c1"]


@pytest.mark.soak
def test_a_kill_at_each_stage_leaves_the_live_release_and_the_stage(system: System) -> None:
    rows = 0
    state = system.state
    begin_rollout(state, "c2", Plan(begin="shadow", shadow=1.0), why="try")
    callers: dict[bytes, str] = {}
    for stage in ("shadow", "canary", "canary", "live"):
        if stage != newest(state).stage:  # type: ignore[union-attr]
            advance(state, why="next")
        with live(system.path) as server:
            load = Asking(server.port, scored, rows=rows)
            with under([load]):
                wait(lambda load=load: sum(load.answers.values()) > 40)
                load.over.set()
            expected = {"shadow": {"c1"}, "canary": {"c1", "c2"}, "live": {"c2"}}[stage]
            assert set(load.answers) == expected, stage
            if stage == "canary":
                callers = _same(server.port, callers)
            rows, drains = load.rows, children(server.process.pid)
            server.process.kill()
            server.process.wait()
            end(drains)
        assert newest(state).stage == stage  # type: ignore[union-attr]
    assert state.live().release == "c2"  # type: ignore[union-attr]
    found = System.read(system.path).check_skew()
    assert found.answers > 0 and not [one for one in found.features if one.disagreements] and not found.waiting.rows


def _same(port: int, before: dict[bytes, str]) -> dict[bytes, str]:
    """Who answers some callers, which is who answered them before."""
    found = {}
    with Connection(port, 120.0) as to:
        for number in range(40):
            body = json.dumps({"candidates": [{"dish": "soup", "price": number}]}).encode()
            found[body] = json.loads(to.exchange(to.request("/v1/decide", body))[1])["release"]
    assert not before or found == before
    return found
