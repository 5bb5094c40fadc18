"""What follows from a gate, in a real state database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from poise.errors import Refused
from poise.evaluation.requirements import Verdict
from poise.releases.folder import ReleaseFolder
from poise.rollout.gates import Outcome
from poise.rollout.plan import Plan
from poise.rollout.promote import settle
from poise.rollout.stages import under_way
from poise.spec.requirement import Requirement
from poise.stores.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path / 'state.db'}", "shop")
    yield state
    state.close()


def outcome(path: Path, name: str, *, passes: bool) -> Outcome:
    requirement = Requirement(who="trust", metric="order.calibration_error", at_most=0.05)  # type: ignore[arg-type]
    status, words = ("pass", "trust agrees: 0.02 <= 0.05") if passes else ("fail", "trust refuses: 0.071 > 0.05")
    verdict = Verdict(requirement, status, words, 0.06, 0.05, 0.07, 1204, 30, None, False)  # type: ignore[arg-type]
    (path / name).mkdir()
    (path / name / "contract.json").write_text('{"format": 1, "major": 1}')
    return Outcome(ReleaseFolder(path / name, {"name": name}, "seal"), (verdict,), passes)


def test_a_release_that_all_allow_becomes_live(state: State, tmp_path: Path) -> None:
    assert settle(state, outcome(tmp_path, "r1", passes=True), who="ana") == "r1"
    live = state.live()
    assert live is not None and live.release == "r1"
    assert [(row.act, row.who, row.subject) for row in state.history()] == [
        ("release", "ana", "r1"),
        ("promote", "ana", "r1"),
    ]
    assert state.release("r1").seal == "seal"


def test_a_release_may_begin_with_a_share_beside_what_is_live(state: State, tmp_path: Path) -> None:
    plan = Plan(begin="canary", canary=0.05)
    settle(state, outcome(tmp_path, "r1", passes=True), plan=plan)
    assert under_way(state) is None, "the first one answers everybody: there is nobody else"
    settle(state, outcome(tmp_path, "r2", passes=True), who="ana", plan=plan)
    live, now = state.live(), under_way(state)
    assert live is not None and live.release == "r1"
    assert now is not None and (now.release, now.stage, now.share, now.against) == ("r2", "canary", 0.05, "r1")
    assert [row.act for row in state.history()][-2:] == ["release", "canary"]


def test_a_refusal_is_recorded_and_leaves_the_live_release(state: State, tmp_path: Path) -> None:
    settle(state, outcome(tmp_path, "r1", passes=True))
    with pytest.raises(Refused, match=r"trust refuses: 0\.071 > 0\.05"):
        settle(state, outcome(tmp_path, "r2", passes=False))
    live = state.live()
    assert live is not None and live.release == "r1"
    assert state.release("r2").status == "refused"
    assert state.history()[-1].why == "trust refuses: 0.071 > 0.05"
