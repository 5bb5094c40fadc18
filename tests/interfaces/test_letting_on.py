"""What is done about a release under way by whoever updates: terms are judged first, then the next step is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from poise.interfaces import letting_on
from poise.interfaces.letting_on import let_on
from poise.interfaces.system import System
from poise.rollout.plan import Plan
from poise.rollout.ready import SEEN
from poise.rollout.stages import begin_rollout, newest
from poise.rollout.terms import TermVerdict
from poise.rollout.told import told
from poise.spec.rollout import Guardrails, Rollout
from poise.stores.state import State

PLAN = Plan(begin="canary", time=0, answers=10)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path / 'state.db'}", "shop")
    for name in ("r1", "r2"):
        state.record(name, "released", folder=name, act="release", why="fine", verdict={"contract": 1})
    state.promote("r1", why="first")
    yield state
    state.close()


def of(state: State, monkeypatch: pytest.MonkeyPatch, verdict: str, **declared: Any) -> System:
    """A system whose canary's revenue has this verdict."""
    found = TermVerdict("revenue", verdict, 1.0, 2.0, -0.8, 0.1, (500, 900), "terms.revenue: 1 by the canary")  # type: ignore[arg-type]
    monkeypatch.setattr(letting_on, "_verdicts", lambda *_: (found,))
    return cast(System, SimpleNamespace(state=state, spec=SimpleNamespace(rollout=Rollout(**declared))))


def seen(state: State, answers: int) -> None:
    now = newest(state)
    assert now is not None
    state.put_document(SEEN, "r2", {"version": now.version, "answers": {"canary": answers, "live": 90}})


def test_a_canary_whose_terms_are_lower_is_undone_although_it_held(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollout(state, "r2", PLAN, why="try")
    seen(state, 10)
    assert let_on(of(state, monkeypatch, "breached")) == "r2 is undone: terms.revenue: 1 by the canary"
    line = state.history()[-1]
    assert (line.act, line.who, line.details["breach"]["guardrail"]) == ("undo", "guardrail", "terms.revenue")
    assert [one["guardrail"] for one in told(state)["guardrails"]] == ["terms.revenue"]
    assert state.live().release == "r1"  # type: ignore[union-attr]


def test_in_a_freeze_window_it_is_taken_back_and_not_let_on(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_rollout(state, "r2", PLAN, why="try")
    seen(state, 10)
    assert let_on(of(state, monkeypatch, "holds"), frozen=True) is None
    assert newest(state).stage == "canary"  # type: ignore[union-attr]
    assert let_on(of(state, monkeypatch, "breached"), frozen=True) == "r2 is undone: terms.revenue: 1 by the canary"
    assert state.live().release == "r1"  # type: ignore[union-attr]


def test_one_that_held_goes_live_and_one_that_did_not_yet_waits(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    assert let_on(of(state, monkeypatch, "holds")) is None, "nothing is under way"
    begin_rollout(state, "r2", PLAN, why="try")
    seen(state, 9)
    assert let_on(of(state, monkeypatch, "holds"), who="update") is None
    assert told(state)["guardrails"][0]["verdict"] == "holds"
    seen(state, 10)
    said = let_on(of(state, monkeypatch, "holds"), who="update")
    assert said is not None and said.startswith("r2 is live: ") and state.history()[-1].who == "update"


def test_terms_that_are_not_watched_take_nothing_back(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_rollout(state, "r2", PLAN, why="try")
    assert let_on(of(state, monkeypatch, "breached", guardrails=Guardrails(terms=None))) is None
