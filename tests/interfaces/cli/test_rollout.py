"""`poise rollout`: shown, let on and taken back from the command line; what does not fit ends with 2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.interfaces.cli.in_process import poise

from poise.rollout.plan import Plan
from poise.rollout.ready import SEEN
from poise.rollout.stages import begin_rollout
from poise.settings import Settings
from poise.stores.state import State

TEXT = """
format: 1
system: desk
purpose: Say who needs help.
sources:
  calls: {path: calls.csv, id: call, columns: {call: string, minutes: float, late: bool}, request: [minutes]}
objectives:
  late: {type: binary, per: calls, label: {take: late}}
rollout: {begin: canary, canary: 10%, sticky: minutes, guardrails: {errors: 2, slow: null}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """r1 is live, and r2 is released."""
    for name in ("POISE_HOME", "POISE_STATE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "poise.yaml").write_text(TEXT, encoding="utf-8")
    (tmp_path / ".poise").mkdir()
    return tmp_path


@pytest.fixture
def state(folder: Path) -> Iterator[State]:
    with closing(State(Settings.read(folder / "poise.yaml").state_url, "desk")) as state:
        for name in ("r1", "r2"):
            state.record(name, "released", folder=name, act="release", why="fine", verdict={"contract": 1})
        state.promote("r1", why="first")
        yield state


def test_steps_are_taken_with_a_reason_and_told(folder: Path, state: State) -> None:
    assert "No release was ever let in by stages" in poise(folder, "rollout").stdout
    begun = begin_rollout(state, "r2", Plan(begin="canary"), who="ana", why="new features")
    assert begun is not None
    says = "slow: 3 callers of the canary in 60 answers"
    seen = {"guardrail": "slow", "verdict": "holds", "says": says}
    state.put_document(
        SEEN, "r2", {"version": begun.version, "answers": {"canary": 60, "live": 540}, "guardrails": [seen]}
    )
    shown = poise(folder, "rollout").stdout
    assert "r2 answers 10% of the callers, r1 the others, since" in shown and "(ana: new features)" in shown
    assert f"✓ {says}" in shown and "answers: 60 by the canary, 540 by the live release" in shown
    more = poise(folder, "rollout", "--share", "25%", "--why", "a quiet day", "--who", "bo", "--json")
    found = json.loads(more.stdout)
    assert (more.returncode, found["share"], found["who"], found["stage"]) == (0, 0.25, "bo", "canary")
    assert "r2 was undone; r1 went on" in poise(folder, "rollout", "--undo", "--why", "complaints").stdout
    assert [line.act for line in state.history()[-3:]] == ["canary", "share", "undo"]


def test_a_rollback_takes_back_what_is_under_way_first(folder: Path, state: State) -> None:
    begin_rollout(state, "r2", Plan(begin="shadow"), why="try")
    done = poise(folder, "rollback", "--why", "no")
    assert (done.returncode, state.live().release) == (0, "r1") and "r1 is live again" in done.stdout  # type: ignore[union-attr]
    assert [line.act for line in state.history()[-2:]] == ["shadow", "undo"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--advance",), "--advance needs --why"),
        (("--why", "x"), "--why goes with a step"),
        (("--advance", "--undo", "--why", "x"), "--advance does not go with --undo"),
        (("--share", "100%", "--why", "x"), "the share 100% came"),
        (("--advance", "--why", "x"), "no release is under way"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_does_not_fit_changes_nothing(folder: Path, state: State, words: tuple[str, ...], said: str) -> None:
    before = state.seq()
    done = poise(folder, "rollout", *words)
    assert (done.returncode, state.seq()) == (2, before) and said in done.stderr


def test_the_file_says_how_releases_begin(folder: Path) -> None:
    wrong = TEXT.replace("sticky: minutes", "sticky: minute")
    (folder / "poise.yaml").write_text(wrong, encoding="utf-8")
    done = poise(folder, "rollout")
    assert done.returncode == 2 and "rollout.sticky" in done.stderr and "did you mean 'minutes'?" in done.stderr
