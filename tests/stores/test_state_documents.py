"""Documents of the state database: versions, several writers at once, and their lines in the history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from poise.errors import Stale, StateError
from poise.stores.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/state.db", "shop")
    yield state
    state.close()


def test_a_document_is_written_read_changed_and_dropped(state: State, tmp_path: Path) -> None:
    assert state.document("proposal", "p1") is None
    first = state.put_document("proposal", "p1", {"share": float("nan")}, act="propose", why="more revenue", who="ana")
    again = state.put_document("proposal", "p1", {"share": 0.5})
    assert (first.version, first.value, again.version, again.value) == (1, {"share": None}, 2, {"share": 0.5})
    assert again.made == first.made <= again.at
    state.put_document("proposal", "p2", {})
    assert [one.name for one in state.documents("proposal")] == ["p1", "p2"]
    assert [(one.act, one.subject, one.who) for one in state.history()] == [("propose", "p1", "ana")]
    other = State(f"sqlite:///{tmp_path}/state.db", "payments")
    assert other.documents("proposal") == () == state.documents("update")
    assert state.drop_document("proposal", "p1") and not state.drop_document("proposal", "p1")


def test_of_two_who_expect_the_same_version_one_writes(state: State) -> None:
    state.put_document("update", "now", {"by": "a"}, expected=0)
    with pytest.raises(Stale, match="update 'now' has version 1 and not 0"):
        state.put_document("update", "now", {"by": "b"}, expected=0, act="update", why="mine")
    with pytest.raises(Stale):
        state.drop_document("update", "now", expected=2)
    assert state.document("update", "now").value == {"by": "a"} and not state.history()  # type: ignore[union-attr]


def test_a_document_and_its_line_are_there_together_or_not_at_all(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise StateError("the disk is full")

    monkeypatch.setattr(state, "_write_history", broken)
    with pytest.raises(StateError, match="full"):
        state.put_document("rollout", "r2", {}, act="canary", why="10 %")
    assert state.document("rollout", "r2") is None
