"""The state database: the registry, what is live, rollback, weights, and a history that tells it all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from poise.clock import ReplayClock
from poise.errors import StateError
from poise.stores.state import State
from poise.stores.state_live import STAY, SWITCH
from poise.stores.state_tables import METADATA


class Hands(ReplayClock):
    """A clock that the test sets, backwards too."""

    def set(self, instant: int) -> None:
        self._now = instant


@pytest.fixture
def clock() -> Hands:
    return Hands(1_000)


@pytest.fixture
def state(tmp_path: Path, clock: Hands) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/state.db", "shop", clock=clock)
    yield state
    state.close()


def released(state: State) -> str:
    name = state.next_name("release")
    state.record(name, "released", folder=f"releases/{name}", act="release", why="all hold", who="ana", seal="s" + name)
    return name


def test_names_are_counted_per_kind_and_system(state: State, tmp_path: Path) -> None:
    assert [state.next_name("release"), state.next_name("candidate"), state.next_name("release")] == ["r1", "c1", "r2"]
    other = State(f"sqlite:///{tmp_path}/state.db", "payments")
    assert other.next_name("release") == "r1"
    other.close()


def test_a_record_is_read_back_and_its_status_changes_with_a_history_line(state: State) -> None:
    state.record("c1", "candidate", folder="candidates/c1", act="train", why="first", seal="abc")
    state.record("c1", "refused", folder="candidates/c1", act="refuse", why="auc", verdict={"auc": float("nan")})
    row = state.release("c1")
    assert (row.status, row.seal, row.created, dict(row.verdict)) == ("refused", "abc", 1_000, {"auc": None})
    assert [(h.seq, h.act, h.subject) for h in state.history()] == [(1, "train", "c1"), (2, "refuse", "c1")]
    assert [r.name for r in state.releases("refused")] == ["c1"]
    assert state.releases("released") == ()


def test_only_a_released_one_can_be_live(state: State) -> None:
    state.record("c1", "candidate", folder="c1", act="train", why="")
    with pytest.raises(StateError, match="c1 is candidate; only a released one"):
        state.promote("c1", why="I want it")
    with pytest.raises(StateError, match="no release 'r9' of shop"):
        state.promote("r9", why="")
    assert state.live() is None
    assert [h.act for h in state.history()] == ["train"], "a refused act leaves no trace in what is live"


def test_history_answers_what_was_live_at_a_time(state: State, clock: Hands) -> None:
    for instant in (2_000, 3_000):
        clock.set(instant)
        state.promote(released(state), why="better")
    at = {t: row.release if (row := state.live_at(t)) else None for t in (1_999, 2_000, 2_999, 3_000, 9_999)}
    assert at == {1_999: None, 2_000: "r1", 2_999: "r1", 3_000: "r2", 9_999: "r2"}
    assert state.history()[-1].details == {"from": "r1"}


def test_a_clock_that_is_set_back_does_not_reorder_what_was_live(state: State, clock: Hands) -> None:
    state.promote(released(state), why="")
    clock.set(10)
    state.promote(released(state), why="")
    live = state.live()
    assert live is not None and (live.release, live.since) == ("r2", 1_000)


def test_a_second_rollback_goes_further_back_and_not_forward(state: State) -> None:
    for _ in range(3):
        state.promote(released(state), why="")
    assert state.rollback(why="errors", who="ben") == "r2"
    assert state.rollback_target() == "r1"
    assert state.rollback(why="still") == "r1"
    with pytest.raises(StateError, match="no earlier release"):
        state.rollback(why="more")
    state.promote("r3", why="mended")
    assert state.rollback_target() == "r1"
    assert [(h.act, h.subject, h.who) for h in state.history()][6] == ("rollback", "r2", "ben")


def test_a_rollback_skips_what_is_retired_and_may_name_its_target(state: State) -> None:
    for _ in range(3):
        state.promote(released(state), why="")
    state.retire("r2", why="learned from poisoned rows")
    assert state.rollback_target() == "r1"
    with pytest.raises(StateError, match="r2 is retired"):
        state.rollback(why="", to="r2")
    with pytest.raises(StateError, match="r3 is live"):
        state.retire("r3", why="")
    assert state.rollback(why="", to="r1") == "r1"
    with pytest.raises(StateError, match="r1 is live already"):
        state.rollback(why="", to="r1")


def test_a_rollback_goes_to_what_really_answers_where_the_live_release_does_not(state: State, clock: Hands) -> None:
    r1, r2 = released(state), released(state)
    for at, name in ((2_000, r1), (3_000, r2)):
        clock.set(at)
        state.promote(name, why="better")
    clock.set(4_000)
    assert state.rollback(why="complaints") == r1
    row = state.live()
    assert row is not None and state.unanswered(row) is None
    clock.set(5_000)
    state.note(STAY, r1, why="r2 goes on: contract.json was changed", details={"goes_on": [r2]})
    assert state.unanswered(row) == "r2 goes on: contract.json was changed"
    assert state.rollback_target() == r2
    clock.set(5_500)
    assert state.rollback(to=r1, why="its folder is restored: try now") == r1, "it is not live already"
    state.note(STAY, r1, why="r2 goes on: still", details={"goes_on": [r2]})
    clock.set(6_000)
    assert state.rollback(why="r1 does not answer") == r2
    live = state.live()
    assert live is not None and live.release == r2 and state.unanswered(live) is None
    assert state.unanswered(row, 4_500) == "r2 goes on: contract.json was changed", "it never answered"
    clock.set(7_000)
    state.rollback(to=r1, why="mended")
    again = state.live()
    assert again is not None
    state.note(SWITCH, r1, why="answers by contract 1")
    assert state.unanswered(again) is None and state.unanswered(row, 4_500) is not None
    assert state.rollback_target() is None


def test_promoting_the_same_release_twice_does_not_make_it_its_own_target(state: State) -> None:
    state.promote(released(state), why="")
    state.promote("r1", why="again")
    assert state.rollback_target() is None


def test_history_pages_and_filters_and_tells_when_something_changed(state: State) -> None:
    assert state.seq() == 0
    for number in range(5):
        state.note("ingest", f"file {number % 2}", why="daily", details={"rows": number})
    assert state.seq() == 5
    assert [h.seq for h in state.history(after=2, limit=2)] == [4, 5]
    assert [h.details["rows"] for h in state.history(subject="file 1")] == [1, 3]


def test_systems_do_not_see_each_other(state: State, tmp_path: Path) -> None:
    state.promote(released(state), why="")
    other = State(f"sqlite:///{tmp_path}/state.db", "payments")
    assert (other.live(), other.history(), other.releases(), other.seq()) == (None, (), (), 0)
    other.close()


def test_the_tables_are_portable() -> None:
    for table in METADATA.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))


def test_unicode_and_hostile_text_come_back_as_they_went_in(state: State) -> None:
    text = "Zoë's '); DROP TABLE history; -- \u202e 猫"
    state.note("note", text, why=text, who=text)
    row = state.history()[0]
    assert (row.subject, row.why, row.who) == (text, text, text)


def test_what_stands_is_what_was_promoted_and_not_taken_back_nor_retired(state: State, clock: Hands) -> None:
    r1, r2, r3, r4 = (released(state) for _ in range(4))
    for at, name in ((2_000, r1), (3_000, r2), (4_000, r3)):
        clock.set(at)
        state.promote(name, why="better")
    assert [row.release for row in state.standing()] == [r1, r2, r3]
    clock.set(5_000)
    state.rollback(why="complaints")
    assert [(row.release, row.since) for row in state.standing()] == [(r1, 2_000), (r2, 5_000)]
    clock.set(6_000)
    state.promote(r4, why="better")
    assert [row.release for row in state.standing()] == [r1, r2, r4]
    clock.set(7_000)
    with pytest.raises(StateError, match="contract 2 is that of r4, which is live"):
        state.retire_contract(2, [r4], why="old")
    state.retire_contract(1, [r1, r2, r3], why="nobody calls it", who="ana")
    assert [row.release for row in state.standing()] == [r4] and state.retired_contracts() == {1: "nobody calls it"}
    assert [row.release for row in state.standing(4_500)] == [r1, r2, r3], "as it was then"
    assert [row.release for row in state.standing(6_999)] == [r1, r2, r4] and state.standing(1_999) == ()
    with pytest.raises(StateError, match="not served"):
        state.retire_contract(1, [r1, r2, r3], why="again")
    acts = [(row.act, row.subject, row.who) for row in state.history()][-4:]
    assert acts == [
        ("retire", r1, "ana"),
        ("retire", r2, "ana"),
        ("retire", r3, "ana"),
        ("retire", "contract 1", "ana"),
    ]


def test_weights_of_an_earlier_instant(state: State, clock: Hands) -> None:
    for at, value in ((2_000, 1.0), (3_000, 2.0)):
        clock.set(at)
        state.set_weights({"revenue": value}, why="try")
    found = [state.weights_at(at) for at in (1_999, 2_000, 2_999, 3_000)]
    assert [None if row is None else row.version for row in found] == [None, 1, 1, 2]
