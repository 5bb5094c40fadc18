"""Off-policy estimates against sums written out by hand, against the truth of simulated logs, and where they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.errors import DataError, PoiseError
from poise.evaluation.blocks import Blocks
from poise.evaluation.direct import Direct
from poise.evaluation.doubly_robust import DoublyRobust
from poise.evaluation.ips import Ips
from poise.evaluation.off_policy import LoggedRows, Model
from poise.evaluation.off_policy_estimate import Estimate, estimate
from poise.evaluation.snips import Snips
from poise.registry import names

Floats = NDArray[np.float64]


def softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


class World:
    """Contexts with actions whose worth is known: what a log of it tells can be held against the truth."""

    def __init__(self, seed: int, n: int = 3_000, actions: int = 5) -> None:
        self.random = np.random.default_rng(seed)
        self.worth = self.random.normal(size=(n, actions)) + np.linspace(0, 1, actions)
        self.logging = softmax(self.worth * 0.5 + self.random.normal(size=(n, actions)) / 2)
        self.taken = (self.logging.cumsum(axis=1) > self.random.random((n, 1))).argmax(axis=1)
        at = np.arange(n), self.taken
        self.reward = (self.random.random(n) < 1 / (1 + np.exp(-self.worth[at]))) * np.exp(self.random.normal(size=n))
        self.expected = 1 / (1 + np.exp(-self.worth)) * np.exp(0.5)
        self.blocks = Blocks(np.arange(n) * 40 // n, "run", 40)

    def truth(self, target: Floats) -> float:
        return float((target * self.expected).sum(axis=1).mean())

    def rows(self, target: Floats, model: Floats | None = None) -> LoggedRows:
        at = np.arange(len(self.taken)), self.taken
        guess = None if model is None else Model(model[at], (target * model).sum(axis=1))
        covered = np.ones(len(self.taken))
        return LoggedRows(at[0], self.logging[at], target[at], self.reward, covered, self.blocks, guess)


@pytest.fixture
def world() -> World:
    return World(0)


def test_the_table_names_every_estimator():
    assert set(names("off-policy")) == {"ips", "snips", "direct", "doubly-robust"}


def test_estimates_are_what_loops_over_rows_give(world: World):
    target = softmax(2 * world.worth)
    model = world.expected + 0.3
    rows = world.rows(target, model)
    weights, rewarded, corrected, direct = 0.0, 0.0, 0.0, 0.0
    for n, action in enumerate(world.taken):
        weight = target[n, action] / world.logging[n, action]
        weights += weight
        rewarded += weight * world.reward[n]
        expected = sum(target[n, a] * model[n, a] for a in range(target.shape[1]))
        direct += expected
        corrected += expected + weight * (world.reward[n] - model[n, action])
    count = len(world.taken)
    assert Ips().value(rows) == pytest.approx(rewarded / count, rel=1e-12)
    assert Snips().value(rows) == pytest.approx(rewarded / weights, rel=1e-12)
    assert Direct().value(rows) == pytest.approx(direct / count, rel=1e-12)
    assert DoublyRobust().value(rows) == pytest.approx(corrected / count, rel=1e-12)


def test_of_lists_every_place_counts_by_itself():
    """Two lists of two places, written out: items keep their reward by place, whatever stands beside them."""
    propensity, target = np.array([0.5, 0.5, 0.8, 0.8]), np.array([1.0, 0.25, 0.4, 0.0])
    reward = np.array([1.0, 2.0, 3.0, 4.0])
    rows = LoggedRows(np.array([0, 0, 1, 1]), propensity, target, reward, np.ones(2), Blocks(np.arange(2), "run", 2))
    above = 2.0 * 1 + 0.5 * 2 + 0.5 * 3
    assert Ips().value(rows) == pytest.approx(above / 2)
    by_place = [(2.0 * 1 + 0.5 * 3) / 2.5, (0.5 * 2 + 0.0 * 4) / 0.5]
    assert Snips().value(rows) == pytest.approx(sum(by_place))


@pytest.mark.parametrize("name", ["ips", "snips", "doubly-robust"])
def test_nine_of_ten_intervals_hold_the_truth(name: str):
    inside, gains, seeds = 0, 0, 120
    for seed in range(seeds):
        world = World(seed, n=1_500)
        target = softmax(1.5 * world.worth)
        crude = np.full(target.shape, world.reward.mean())
        made = estimate(name, world.rows(target, crude), world.rows(world.logging, crude))
        inside += made.value.low <= world.truth(target) <= made.value.high
        gain = world.truth(target) - world.truth(world.logging)
        gains += made.gain.low <= gain <= made.gain.high
    assert 0.82 <= inside / seeds <= 0.97
    assert 0.82 <= gains / seeds <= 0.97


def test_doubly_robust_is_right_where_either_part_is():
    off = {"wrong model": [], "wrong propensities": [], "ips with wrong propensities": []}
    for seed in range(30):
        world = World(seed)
        target = softmax(2 * world.worth)
        truth = world.truth(target)
        off["wrong model"].append(DoublyRobust().value(world.rows(target, world.expected * 0 + 2.0)) - truth)
        world.logging = world.logging**0.5
        off["wrong propensities"].append(DoublyRobust().value(world.rows(target, world.expected)) - truth)
        off["ips with wrong propensities"].append(Ips().value(world.rows(target)) - truth)
    assert abs(np.mean(off["wrong model"])) < 3 * np.std(off["wrong model"]) / 30**0.5
    assert abs(np.mean(off["wrong propensities"])) < 3 * np.std(off["wrong propensities"]) / 30**0.5
    assert abs(np.mean(off["ips with wrong propensities"])) > 0.2


def test_a_gain_is_surer_than_two_values(world: World):
    made = estimate("ips", world.rows(softmax(np.log(world.logging) * 1.1)), world.rows(world.logging))
    assert made.gain.high - made.gain.low < (made.value.high - made.value.low) / 3


def test_wrong_propensities_are_said(world: World):
    right = estimate("snips", world.rows(softmax(world.worth)), world.rows(world.logging))
    assert right.warnings == ()
    world.logging = np.sqrt(world.logging)
    (said,) = estimate("snips", world.rows(softmax(world.worth)), world.rows(world.logging)).warnings
    assert said.startswith("the logged propensities look wrong: weights should average 1.000")


def test_a_single_decision_that_makes_the_gain_is_said_and_then_refused(world: World):
    rows = world.rows(softmax(world.worth))
    at = int(np.argmax(rows.weight))

    def with_one(reward: float) -> LoggedRows:
        rewards = np.full(len(rows.reward), 1.0)
        rewards[::7] = 2.0
        rewards[at] = reward
        return LoggedRows(rows.decision, rows.propensity, rows.target, rewards, rows.covered, rows.blocks)

    def made(reward: float) -> Estimate:
        new = with_one(reward)
        now = LoggedRows(new.decision, new.propensity, new.propensity, new.reward, new.covered, new.blocks)
        return estimate("ips", new, now)

    assert made(1.0).warnings == ()
    assert any("a single decision moves" in said for said in made(20.0).warnings)
    refused = made(1_000.0).refused
    assert refused is not None and "a single decision makes most of what" in refused


def test_few_outcomes_that_are_not_nothing_are_said_and_then_refused():
    for least, count in ((None, 100), ("fewer than 30", 10)):
        world = World(1)
        world.reward = np.zeros(len(world.taken))
        world.reward[:: len(world.taken) // count] = 1.0
        made = estimate("ips", world.rows(world.logging), world.rows(world.logging))
        if least is None:
            assert any("outcomes that are not 0: the limits may be too narrow" in said for said in made.warnings)
        else:
            assert made.refused is not None and least in made.refused


def test_a_log_without_exploration_refuses(world: World):
    best = world.worth.argmax(axis=1)
    n = len(best)
    covered = (best == world.worth.argmin(axis=1)).astype(float)
    rows = LoggedRows(np.arange(n), np.ones(n), np.zeros(n), world.reward, covered, world.blocks)
    now = LoggedRows(np.arange(n), np.ones(n), np.ones(n), world.reward, np.ones(n), world.blocks)
    made = estimate("ips", rows, now)
    assert made.refused is not None and made.refused.startswith("the log was made without exploration")
    assert np.isnan(made.value.value)
    assert estimate("ips", now, now).value.value == pytest.approx(world.reward.mean()), "what was done is known"


def test_what_would_change_and_was_never_tried_refuses_however_little_it_is(world: World):
    """One decision in fifty would be another one, and that one could never have been seen: nothing is told of it."""
    rows = world.rows(world.logging)
    gone = np.arange(len(world.taken)) % 50 == 0
    moved = LoggedRows(
        rows.decision, rows.propensity, np.where(gone, 0.0, rows.target), rows.reward, 1.0 - gone, rows.blocks
    )
    refused = estimate("ips", moved, rows).refused
    assert refused is not None and refused.startswith("of what this would change, the log could have shown only 0%")


def test_too_few_effective_decisions_refuse():
    world = World(3, n=400)
    target = softmax(40 * world.random.normal(size=world.worth.shape))
    made = estimate("ips", world.rows(target), world.rows(world.logging))
    assert made.refused is not None and "fewer than 100 (from 400 logged ones)" in made.refused
    assert made.effective < 100


def test_what_was_never_shown_is_said(world: World):
    rows = world.rows(softmax(world.worth))
    partly = LoggedRows(
        rows.decision, rows.propensity, rows.target * 0.95, rows.reward, rows.covered * 0.95, rows.blocks
    )
    assert estimate("ips", partly, world.rows(world.logging)).warnings == (
        "5.0% of what this would show was never shown in its place: that part counts as nothing",
    )


def test_what_cannot_be_is_refused_by_name(world: World):
    rows = world.rows(softmax(world.worth))
    with pytest.raises(DataError, match="a propensity of 0 came"):
        LoggedRows(rows.decision, rows.propensity * 0, rows.target, rows.reward, rows.covered, rows.blocks)
    with pytest.raises(DataError, match="not finite"):
        LoggedRows(rows.decision, rows.propensity, rows.target, rows.reward * np.nan, rows.covered, rows.blocks)
    with pytest.raises(DataError, match="beyond the 10"):
        LoggedRows(rows.decision, rows.propensity, rows.target, rows.reward, rows.covered[:10], rows.blocks)
    with pytest.raises(DataError, match="'doubly-robust' needs what a model expected"):
        estimate("doubly-robust", rows, rows)
    with pytest.raises(PoiseError):
        estimate("guess", rows, rows)
