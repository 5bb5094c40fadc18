"""The steps of a rollout, in a real state database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from poise.errors import NotNow, Stale, StateError, UsageError
from poise.rollout.plan import Plan
from poise.rollout.ready import SEEN, advance_when_ready
from poise.rollout.stages import advance, begin_rollout, newest, under_way, undo
from poise.rollout.told import told
from poise.stores.state import State

CANARY = Plan(begin="canary", time=0, answers=100)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """r1 is live; r2 and r3 are released by the same contract, r4 by another."""
    state = State(f"sqlite:///{tmp_path / 'state.db'}", "shop")
    for name, contract in (("r1", 1), ("r2", 1), ("r3", 1), ("r4", 2)):
        state.record(name, "released", folder=name, act="release", why="fine", verdict={"contract": contract})
    assert begin_rollout(state, "r1", CANARY, why="nothing is live yet") is None
    yield state
    state.close()


def live(state: State) -> str:
    found = state.live()
    assert found is not None
    return found.release


def test_a_release_goes_from_shadow_to_live_step_by_step(state: State) -> None:
    plan = replace(CANARY, begin="shadow", shadow=0.5)
    begun = begin_rollout(state, "r2", plan, who="ana", why="new features")
    assert begun is not None and (begun.stage, begun.share, begun.against) == ("shadow", 0.5, "r1")
    assert advance(state, who="ana", why="looks fine").share == 0.1
    assert advance(state, who="bo", why="still", share=0.25).share == 0.25
    with pytest.raises(UsageError, match="a share is only raised"):
        advance(state, why="less", share=0.2)
    assert live(state) == "r1"
    done = advance(state, who="bo", why="all well")
    assert (done.stage, live(state), under_way(state)) == ("live", "r2", None)
    lines = [(one.act, one.subject, one.who, one.details.get("share")) for one in state.history()[-4:]]
    assert lines == [
        ("shadow", "r2", "ana", 0.5),
        ("canary", "r2", "ana", 0.1),
        ("share", "r2", "bo", 0.25),
        ("promote", "r2", "bo", None),
    ]


def test_one_release_at_a_time_and_undone_it_may_begin_again(state: State) -> None:
    begin_rollout(state, "r2", CANARY, why="try")
    for name, plan in (("r3", CANARY), ("r3", Plan()), ("r2", CANARY)):
        with pytest.raises(NotNow, match="r2 is under way"):
            begin_rollout(state, name, plan, why="me too")
    with pytest.raises(NotNow, match="r2 is under way"):
        state.step_rollout("r3", {"stage": "canary"}, expected=0, act="canary", why="whoever looked before")
    back = undo(state, why="errors", breach={"guardrail": "errors"})
    assert (back.stage, back.breach, live(state)) == ("undone", {"guardrail": "errors"}, "r1")
    with pytest.raises(NotNow, match="no release is under way"):
        undo(state, why="again")
    assert newest(state) == back
    again = begin_rollout(state, "r2", CANARY, why="mended")
    assert again is not None and again.breach is None


def test_what_cannot_be_is_refused(state: State) -> None:
    with pytest.raises(StateError, match="r1 is live already"):
        begin_rollout(state, "r1", CANARY, why="again")
    with pytest.raises(StateError, match="r4 answers by contract 2, by which no release answers yet"):
        begin_rollout(state, "r4", CANARY, why="another contract")
    begun = begin_rollout(state, "r2", CANARY, why="try")
    assert begun is not None
    advance(state, why="more", share=0.5)
    with pytest.raises(Stale):
        undo(state, why="I saw another share", expected=begun.version)
    state.promote("r3", why="somebody went past")
    with pytest.raises(StateError, match="r2 ran beside r1, which is not live any more"):
        advance(state, why="go")


def test_it_advances_by_itself_once_it_held(state: State) -> None:
    begun = begin_rollout(state, "r2", CANARY, why="try")
    assert begun is not None and advance_when_ready(state) is None

    def saw(answers: int, verdict: str) -> None:
        guardrails = [{"guardrail": "errors", "verdict": verdict, "says": "so"}]
        seen = {"version": begun.version, "answers": {"canary": answers, "live": 900}, "guardrails": guardrails}
        state.put_document(SEEN, "r2", seen)

    saw(99, "holds")
    assert advance_when_ready(state) is None and "99 of 100 answers so far" in told(state)["next"]
    saw(100, "breached")
    assert advance_when_ready(state) is None and told(state)["next"].startswith("next: live; errors does not hold")
    saw(100, "holds")
    done = advance_when_ready(state, who="update")
    assert done is not None and (done.stage, live(state), told(state)["next"]) == ("live", "r2", None)


def test_a_plan_is_said_in_few_words() -> None:
    assert [Plan.of(None, text).begin for text in (None, "shadow", "canary")] == ["live", "shadow", "canary"]
    assert Plan.of(None, "canary=2.5%").canary == 0.025 and Plan.of(None, "shadow=1%").shadow == 0.01
    for wrong in ("canari", "canary=0", "canary=100%", "live=10%", "canary=x"):
        with pytest.raises(UsageError):
            Plan.of(None, wrong)
