"""The history as sentences: a whole story in order, grouped by day, chosen by kind and time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from poise.clock import DAY, HOUR, MINUTE, ReplayClock
from poise.errors import UsageError
from poise.serving.story import KINDS, kind_of, kinds, sentence
from poise.stores.state import State
from poise.stores.state_base import HistoryRow

MONDAY = 1_772_442_000_000_000  # 2 March 2026, 9:00 in UTC


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    clock = ReplayClock(MONDAY)
    made = State(f"sqlite:///{tmp_path / 'state.db'}", "shop", clock=clock)
    tell(made, clock)
    yield made
    made.close()


def tell(state: State, clock: ReplayClock) -> None:
    """A week of a system: what came in, what was released and refused, an alarm, an update, a rollback."""

    def later(by: int) -> None:
        clock.move(clock.now() + by)

    fates = {"orders": {"source": "orders", "accepted": 1200, "quarantined": 3}, "users": {"source": "users"}}
    state.note("ingest", "shop", why="asked for", who="ana", details={"sources": fates})
    later(10 * MINUTE)
    state.record(
        "c1", "candidate", folder="c1", act="train", why="asked for", who="ana", verdict={"chosen": {"sale": "linear"}}
    )
    later(MINUTE)
    state.record("r1", "released", folder="r1", act="release", why="every requirement holds", who="ana")
    state.promote("r1", why="every requirement holds", who="ana")
    later(DAY)
    state.put_document("finding", "PM11 sale", {}, act="alarm", why="sale is worse: 0.61, judged at 0.42", who="pm")
    later(HOUR)
    state.put_document("update", "u1", {}, act="update", why="decay: sale is worse", who="update")
    state.record("r2", "refused", folder="r2", act="refuse", why="trust refuses: 0.071 > 0.05", who="update")
    state.put_document("update", "u1", {}, act="keep", why="r2 is not released; live stays r1", who="update")
    later(DAY)
    state.record("r3", "released", folder="r3", act="release", why="better", who="ana")
    state.promote("r3", why="better", who="ana")
    later(HOUR)
    state.rollback(why="complaints", who="ben")
    state.note("forget", "shop", why="a letter", who="eve", details={"person": "p1", "rows": {"orders": 12}})


def test_the_story_reads_in_order(state: State) -> None:
    told = [f"{line.who}: {sentence(line)}" for line in state.history()]
    assert told == [
        "ana: files came in: 1,200 rows of orders (3 set apart)",
        "ana: c1 was trained (sale by linear)",
        "ana: r1 passed every requirement",
        "ana: r1 is live, the first",
        "pm: alarm: sale is worse: 0.61, judged at 0.42",
        "update: update u1 was begun: decay: sale is worse",
        "update: r2 was refused: trust refuses: 0.071 > 0.05",
        "update: update u1 changes nothing: r2 is not released; live stays r1",
        "ana: r3 passed every requirement: better",
        "ana: r3 is live, after r1: better",
        "ben: r1 is live again, instead of r3: complaints",
        "eve: a person was forgotten: 12 of orders: a letter",
    ]
    kinds_told = [kind_of(line) for line in state.history()]
    assert kinds_told == [
        "data",
        *["releases"] * 3,
        "alarms",
        "updates",
        "releases",
        "updates",
        *["releases"] * 3,
        "people",
    ]


def test_what_is_not_known_is_told_as_it_stands() -> None:
    row = HistoryRow(1, 0, "ana", "polish", "r9", "it was dull")
    assert sentence(row) == "polish r9: it was dull" and kind_of(row) == "other"


def test_kinds_that_do_not_exist_are_named() -> None:
    assert kinds("releases, weights") == ["releases", "weights"]
    with pytest.raises(UsageError, match="there is no kind of lines 'release'"):
        kinds("release")
    acts = [act for of_kind in KINDS.values() for act in of_kind]
    assert len(acts) == len(set(acts))


def test_details_are_plain_values(state: State) -> None:
    assert json.dumps([dict(line.details) for line in state.history()])
