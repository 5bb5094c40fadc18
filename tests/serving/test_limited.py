"""Actions that may be taken only so often: never more where that is hard, and where they gain most."""

from __future__ import annotations

import dataclasses
import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.clock import DAY, HOUR, ReplayClock
from poise.decisions.exploration_cost import Basis
from poise.decisions.explore_actions import NO_ACTIONS, ActionExploration
from poise.decisions.threshold import best, prices
from poise.serving.answer import Answerer
from poise.serving.limited import Counts, Limited
from poise.spec.capacity import Capacity
from poise.spec.decision import Decision, Explore

ACTIONS = ("allow", "review", "block")


def decision(**capacity: Any) -> Decision:
    terms = {"worth": {"allow": 0, "review": "x", "block": "y"}}
    return Decision(per="rows", choose=ACTIONS, terms=terms, capacity=capacity)


def gains(rng: np.random.Generator, n: int, mean: float = 0.0) -> np.ndarray[Any, Any]:
    """allow is worth 0, review a random amount, block never pays."""
    return np.column_stack([np.zeros(n), rng.normal(mean, 1, n), np.full(n, -9.0)])


def limited(most: int, *, hard: bool = True, per_hour: float | None = 100.0, mean: float = 0.0) -> Limited:
    basis = Basis({"worth": gains(np.random.default_rng(1), 2000, mean)}, {"worth": np.ones(1)})
    usual = None if per_hour is None else np.full(24, per_hour)
    spec = decision(review=Capacity(at_most=most, every="day", hard=hard))
    made = Limited(spec, "UTC", basis if per_hour is not None else None, usual)
    made.weigh({"worth": 1.0})
    return made


def day(made: Limited, scores: np.ndarray[Any, Any], start: int, at: np.ndarray[Any, Any] | None = None) -> Any:
    """Rows of one day, one after the other; whether each was reviewed."""
    when = np.linspace(0, DAY - HOUR, len(scores)) if at is None else at
    taken = [
        made.take(row[None], {"worth": row[None]}, 0, NO_ACTIONS, 0, start + int(instant)).drawn[0]
        for row, instant in zip(scores, when, strict=True)
    ]
    return np.array(taken) == 1


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_prices_keep_each_action_within_its_share(seed: int, shares: tuple[float, float]) -> None:
    scores = np.random.default_rng(seed).normal(size=(400, 3))
    found = prices(scores, {1: shares[0], 2: shares[1]})
    taken, _ = best(scores, found, frozenset())
    for action, share in zip((1, 2), shares, strict=True):
        assert found[action] >= 0
        assert (taken == action).sum() <= share * 400 + 8, "but for what prices of each other leave"


def test_a_day_takes_what_gains_most_and_never_too_many() -> None:
    rng = np.random.default_rng(0)
    made, scores = limited(100, per_hour=50), gains(rng, 1200)
    for n in range(2):
        reviewed = day(made, scores, n * DAY)
        assert 85 <= reviewed.sum() <= 100
        worth = scores[reviewed, 1].sum()
        assert worth > 0.9 * np.sort(scores[:, 1])[-100:].sum(), "of the best that could be known afterwards"
    first = np.flatnonzero(scores[:, 1] > 0)[:100]
    assert worth > 1.5 * scores[first, 1].sum(), "against first come, first served"


def test_a_burst_finds_a_higher_price_and_is_never_let_through() -> None:
    """Three times as many rows come, most of them in one hour of the day."""
    rng = np.random.default_rng(2)
    made, scores = limited(100, per_hour=50), gains(rng, 3600)
    at = np.sort(np.concatenate([rng.uniform(0, DAY, 600), rng.uniform(12 * HOUR, 13 * HOUR, 3000)]))
    reviewed = day(made, scores, 0, np.minimum(at, DAY - 1))
    assert 85 <= reviewed.sum() <= 100
    strong = np.tile([[0.0, 50.0, -9.0]], (100, 1))
    took = made.take(strong, {"worth": strong}, 0, NO_ACTIONS, 0, DAY - 1)
    assert (took.drawn == 1).sum() == 100 - reviewed.sum() and took.closed["review"][-1]
    assert made.state(DAY - 1)["review"]["used"] == 100
    assert made.state(DAY)["review"]["used"] == 0, "a new day begins"


def test_what_is_not_hard_may_be_taken_more_often_on_one_day() -> None:
    made = limited(5, hard=False)
    strong = np.tile([[0.0, 50.0, -9.0]], (40, 1))
    took = made.take(strong, {"worth": strong}, 0, NO_ACTIONS, 0, 0)
    assert (took.drawn == 1).sum() == 40 and not took.closed["review"].any()


@pytest.mark.parametrize("explore", [NO_ACTIONS, ActionExploration(ACTIONS, 0.5)])
def test_many_rows_of_one_request_cannot_pass_a_hard_capacity(explore: ActionExploration) -> None:
    made = limited(30, per_hour=None)
    strong = np.tile([[0.0, 50.0, -9.0]], (500, 1))
    took = made.take(strong, {"worth": strong}, 0, explore, 3, 0)
    assert (took.drawn == 1).sum() == 30
    assert took.used["review"][-1] == 30 and (np.diff(took.used["review"]) >= 0).all()
    assert took.policy.sum(axis=1) == pytest.approx(1)
    assert (took.policy[took.closed["review"], 1] == 0).all()


def test_more_capacity_than_rows_costs_nothing() -> None:
    made, scores = limited(5000), gains(np.random.default_rng(0), 300)
    assert (day(made, scores, 0) == (scores[:, 1] > 0)).all()


def test_the_hours_in_which_rows_come_count() -> None:
    """All rows come in the last three hours of the day, as they always did: the morning's price does not waste them."""
    basis = Basis({"worth": gains(np.random.default_rng(1), 2000)}, {"worth": np.ones(1)})
    usual = np.where(np.arange(24) >= 21, 400.0, 0.0)
    made = Limited(decision(review="100 a day"), "UTC", basis, usual)
    made.weigh({"worth": 1.0})
    scores = gains(np.random.default_rng(5), 1200)
    reviewed = day(made, scores, 0, np.linspace(21 * HOUR, DAY - 1, 1200))
    assert scores[reviewed, 1].sum() > 0.9 * np.sort(scores[:, 1])[-100:].sum()


def serving(stand_ins: ModuleType, explore: Explore | None = None) -> Answerer:
    loaded = stand_ins.loaded()
    made = loaded.system.decision.model_copy(
        update={"capacity": {"warn": Capacity(at_most=3, every="day")}, "explore": explore}
    )
    system = loaded.system.model_copy(update={"decision": made})
    answerer = Answerer(
        dataclasses.replace(loaded, system=system), stand_ins.StandInStore(), ReplayClock(stand_ins.NOW)
    )
    answerer.logs = answerer.ready = True
    return answerer


def ask(answerer: Answerer, n: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    rows = [{"carrier": "UA", "distance": 1500.0, "departs": None}] * n
    answer = answerer.decide(json.dumps({"rows": rows}).encode())
    assert answer.kept is not None
    return json.loads(answer.body)["decisions"], json.loads(answer.kept.encoded())


def test_the_answer_says_what_a_capacity_did(stand_ins: ModuleType) -> None:
    answerer = serving(stand_ins)
    before = ask(stand_ins_without(stand_ins), 1)[0][0]["chosen"]
    assert before == "warn"
    found, kept = ask(answerer, 5)
    assert [one["chosen"] == "warn" for one in found] == [True] * 3 + [False] * 2
    assert [one["capacity"]["warn"]["used"] for one in found] == [1, 2, 3, 3, 3]
    assert found[4]["left_out"] == [{"action": "warn", "why": "capacity: 3 a day, and all of them are used"}]
    assert found[4]["actions"][0]["action"] == found[4]["chosen"]
    assert kept["capacity"]["warn"]["price"] == found[0]["capacity"]["warn"]["price"]
    assert [row[1] for row in kept["policy"]] == [1, 1, 1, 0, 0]


def stand_ins_without(stand_ins: ModuleType) -> Answerer:
    made: Answerer = stand_ins.answerer()
    made.logs = True
    return made


def test_answerers_of_one_server_count_together_and_shadows_do_not(stand_ins: ModuleType) -> None:
    one, other, shadow, counts = serving(stand_ins), serving(stand_ins), serving(stand_ins), Counts()
    for made in (one, other, shadow):
        made.count_with(counts)
    shadow.counting = False
    ask(shadow, 2)
    ask(one, 2)
    found, _ = ask(other, 2)
    assert [one["capacity"]["warn"]["used"] for one in found] == [3, 3]
    assert ask(shadow, 1)[0][0]["chosen"] != "warn"


@pytest.mark.parametrize(
    ("written", "said"),
    [("200 a fortnight", "hour"), ("many a day", "is no capacity"), ({"at_most": -1, "every": "day"}, "greater")],
)
def test_what_is_no_capacity_is_refused(written: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Capacity.model_validate(written)
