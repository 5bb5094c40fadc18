"""The weights in the state database: versions, expected versions, take-backs, several writers at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from poise.clock import Clock
from poise.errors import RequestError, Stale, StateError
from poise.stores.state import State

CHANGER = """
import sys, time
from poise.errors import Stale
from poise.stores.state import State

url, start, name = sys.argv[1], float(sys.argv[2]), sys.argv[3]
state = State(url, "shop")
time.sleep(max(0.0, start - time.time()))
try:
    print(state.set_weights({"cost": float(len(name)), name: 1.0}, why="mine", who=name, expected=1).now.version)
except Stale as error:
    print(error.message)
"""
FOR_EVER = """
import sys
from poise.stores.state import State

state, number = State(sys.argv[1], "shop"), 0.0
while True:
    number += 1
    print(state.set_weights({"cost": number, "calm": -number}, why=f"number {number}").now.version, flush=True)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


@pytest.fixture
def state(url: str) -> Iterator[State]:
    state = State(url, "shop")
    yield state
    state.close()


def values(state: State) -> dict[str, float]:
    row = state.weights()
    assert row is not None
    return dict(row.values)


def test_they_are_versioned_finite_and_in_the_history(state: State) -> None:
    assert state.weights() is None
    assert state.set_weights({"cost": 1}, why="the file's", who="ana").now.version == 1
    change = state.set_weights({"cost": 0.5}, why="sales asked", who="ben")
    assert change.changed and change.before is not None and change.before.version == 1
    row = state.weights()
    assert row == change.now
    assert row is not None and (row.version, row.values, row.who, row.why) == (2, {"cost": 0.5}, "ben", "sales asked")
    assert [w.version for w in state.weight_versions()] == [1, 2]
    with pytest.raises(StateError, match="weight of 'cost' is nan"):
        state.set_weights({"cost": float("nan")}, why="")
    lines = state.history()
    assert [(h.act, h.subject, h.who) for h in lines] == [
        ("weights", "weights 1", "ana"),
        ("weights", "weights 2", "ben"),
    ]
    assert lines[1].details == {"values": {"cost": 0.5}, "from": 1}


def test_terms_that_are_not_named_keep_their_weight(state: State) -> None:
    state.set_weights({"cost": 1, "calm": 2}, why="")
    state.set_weights({"calm": 3}, why="", defaults={"cost": 9, "speed": 4})
    assert values(state) == {"cost": 1.0, "calm": 3.0, "speed": 4.0}


def test_what_is_live_already_makes_no_version(state: State) -> None:
    state.set_weights({"cost": 1, "calm": 2}, why="")
    change = state.set_weights({"calm": 2}, why="again")
    assert not change.changed and len(state.weight_versions()) == len(state.history()) == 1


def test_a_stale_expectation_changes_nothing_and_says_who_was_first(state: State) -> None:
    with pytest.raises(Stale, match="no weights are live yet"):
        state.set_weights({"cost": 1}, why="", expected=3)
    state.set_weights({"cost": 1}, why="", expected=0)
    state.set_weights({"cost": 2}, why="sales asked", who="ben", expected=1)
    with pytest.raises(Stale, match=r"expects weights 1; weights 2 are live, by ben, .*: sales asked"):
        state.set_weights({"cost": 3}, why="", expected=1)
    with pytest.raises(Stale):
        state.take_back_weights(why="", expected=1)
    assert values(state) == {"cost": 2.0} and len(state.history()) == 2


def test_who_was_first_is_told_in_the_zone_of_the_system(url: str) -> None:
    state = State(url, "shop", zone="Asia/Singapore")
    state.set_weights({"cost": 1}, why="")
    with pytest.raises(Stale, match=r"weights 1 are live, by .*, \d{4}-\d\d-\d\dT[\d:]{8}\+08:00 "):
        state.set_weights({"cost": 2}, why="", expected=0)
    state.close()


def test_a_second_take_back_goes_further_back_and_not_forward(state: State) -> None:
    for cost in (1, 2, 3):
        state.set_weights({"cost": cost}, why="")
    change = state.take_back_weights(why="complaints", who="ana")
    assert (change.now.version, values(state)) == (4, {"cost": 2.0})
    state.take_back_weights(why="more")
    assert values(state) == {"cost": 1.0}
    with pytest.raises(RequestError, match="no earlier weights to go back to"):
        state.take_back_weights(why="and more")
    state.set_weights({"cost": 7}, why="mended")
    state.take_back_weights(why="not mended")
    assert values(state) == {"cost": 1.0}
    assert [h.details.get("to") for h in state.history()] == [None, None, None, 2, 1, None, 5]
    assert [w.version for w in state.weight_versions()] == [1, 2, 3, 4, 5, 6, 7], "nothing is forgotten"


def test_values_set_again_by_hand_are_no_take_back(state: State) -> None:
    for cost in (1, 2, 1):
        state.set_weights({"cost": cost}, why="")
    state.take_back_weights(why="")
    assert values(state) == {"cost": 2.0}


def test_a_version_may_be_named(state: State) -> None:
    for cost in (1, 2, 3):
        state.set_weights({"cost": cost}, why="")
    assert state.take_back_weights(why="", to=1).now.values == {"cost": 1.0}
    assert not state.take_back_weights(why="", to=4).changed
    for none in (0, 5, 2**62):
        with pytest.raises(RequestError, match=f"no version {none} of the weights .allowed: 1 to 4"):
            state.take_back_weights(why="", to=none)


def test_of_threads_that_expect_the_same_version_one_wins(url: str, state: State) -> None:
    state.set_weights({"cost": 0}, why="")
    together = Barrier(8)

    def change(number: int) -> bool:
        together.wait()
        try:
            return state.set_weights({"cost": number, f"mine {number}": 1}, why="", expected=1).changed
        except Stale:
            return False

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(change, range(1, 9)))
    assert sum(won) == 1
    winner = won.index(True) + 1
    assert values(state) == {"cost": float(winner), f"mine {winner}": 1.0}


def test_of_processes_that_expect_the_same_version_one_wins(url: str, state: State) -> None:
    state.set_weights({"cost": 0}, why="")
    start = str(time.time() + 2)
    changers = [
        subprocess.Popen([sys.executable, "-c", CHANGER, url, start, name], stdout=subprocess.PIPE, text=True)
        for name in ("ana", "beth", "clara")
    ]
    said = [c.communicate(timeout=60)[0].strip() for c in changers]
    assert sum(text == "2" for text in said) == 1, said
    row = state.weights()
    assert row is not None and row.values == {"cost": float(len(row.who)), row.who: 1.0}
    assert all(text == "2" or f"weights 2 are live, by {row.who}" in text for text in said)


def test_writers_of_different_terms_lose_nothing_of_each_other(state: State) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: state.set_weights({f"term {n}": 1.0}, why=""), range(12)))
    assert len(values(state)) == 12 and len(state.weight_versions()) == 12


def test_a_killed_writer_leaves_whole_versions(url: str, state: State) -> None:
    for _ in range(3):
        last = state.weights()
        with subprocess.Popen([sys.executable, "-c", FOR_EVER, url], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(20)]
            process.kill()
        versions = state.weight_versions()
        assert [w.version for w in versions] == list(range(1, len(versions) + 1))
        assert versions[-1].version >= said[-1] > (last.version if last else 0), "what was said is there"
        assert all(w.values["calm"] == -w.values["cost"] for w in versions)
        assert [(h.subject, h.details["values"]) for h in state.history()] == [
            (f"weights {w.version}", w.values) for w in versions
        ]


class Hands(Clock):
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 1_000_000

    def now(self) -> int:
        return self.at


def limited(url: str) -> tuple[State, Hands]:
    clock = Hands()
    return State(url, "shop", clock=clock), clock


def test_weights_whose_time_is_over_give_way_to_those_before(url: str) -> None:
    state, clock = limited(url)
    state.set_weights({"cost": 1.0}, why="first")
    state.set_weights({"cost": 5.0}, why="a sale", who="ana", until=5_000_000)
    assert state.weights().until == 5_000_000 and state.expire_weights() is None
    clock.at = 5_000_000
    change = state.expire_weights()
    assert change.now.values == {"cost": 1.0} and change.now.version == 3 and change.now.until is None
    assert change.now.why == "weights 2 were to hold until 1970-01-01T00:00:05+00:00"
    assert state.expire_weights() is None, "once"
    (line,) = [one for one in state.history() if one.act == "expire"]
    assert line.details["to"] == 1 and line.details["over"] == 2


def test_what_was_changed_meanwhile_stays(url: str) -> None:
    state, clock = limited(url)
    state.set_weights({"cost": 1.0}, why="first")
    state.set_weights({"cost": 5.0}, why="a sale", until=5_000_000)
    state.set_weights({"cost": 7.0}, why="for good")
    clock.at = 6_000_000
    assert state.expire_weights() is None and state.weights().values == {"cost": 7.0}


def test_limits_within_limits_go_back_to_what_still_holds(url: str) -> None:
    state, clock = limited(url)
    state.set_weights({"cost": 1.0}, why="first")
    state.set_weights({"cost": 5.0}, why="a sale", until=9_000_000)
    state.set_weights({"cost": 6.0}, why="a happy hour", until=4_000_000)
    clock.at = 4_000_001
    back = state.expire_weights().now
    assert back.values == {"cost": 5.0} and back.until == 9_000_000
    clock.at = 9_000_000
    assert state.expire_weights().now.values == {"cost": 1.0}


def test_an_older_limit_that_is_over_is_passed_by(url: str) -> None:
    state, clock = limited(url)
    state.set_weights({"cost": 1.0}, why="first")
    state.set_weights({"cost": 5.0}, why="a sale", until=4_000_000)
    state.set_weights({"cost": 6.0}, why="longer", until=8_000_000)
    clock.at = 8_000_000
    assert state.expire_weights().now.values == {"cost": 1.0}


def test_the_same_values_may_get_another_limit(url: str) -> None:
    state, _ = limited(url)
    state.set_weights({"cost": 1.0}, why="first")
    assert state.set_weights({"cost": 1.0}, why="for now", until=5_000_000).changed
    assert state.set_weights({"cost": 1.0}, why="for good").now.until is None


def test_what_is_taken_back_to_keeps_its_own_limit(url: str) -> None:
    state, clock = limited(url)
    state.set_weights({"cost": 1.0}, why="first")
    state.set_weights({"cost": 5.0}, why="a sale", until=9_000_000)
    state.set_weights({"cost": 6.0}, why="more of it")
    back = state.take_back_weights(why="too much").now
    assert back.values == {"cost": 5.0} and back.until == 9_000_000
    clock.at = 9_000_000
    assert state.expire_weights().now.values == {"cost": 1.0}


def test_weights_whose_time_is_over_do_not_come_back_by_taking_others_back(url: str) -> None:
    state, clock = limited(url)
    state.set_weights({"cost": 1.0}, why="first")
    state.set_weights({"cost": 5.0}, why="a sale", until=4_000_000)
    state.set_weights({"cost": 6.0}, why="for good")
    clock.at = 5_000_000
    assert state.weights_before().values == {"cost": 1.0}
    assert state.take_back_weights(why="not so").now.values == {"cost": 1.0}
    assert state.take_back_weights(why="asked for", to=2).now.until is None
