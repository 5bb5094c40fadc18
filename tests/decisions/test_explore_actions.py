"""Exploration among actions: its probabilities are exact, it takes nothing it may not, and it costs what it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.decisions.exploration_cost import Basis
from poise.decisions.explore_actions import NO_ACTIONS, ActionExploration, draw_actions, settle_actions
from poise.errors import SpecError
from poise.spec.decision import Explore

ACTIONS = ("allow", "review", "block")


@settings(max_examples=50, deadline=None)
@given(
    best=st.lists(st.integers(0, 2), min_size=1, max_size=6),
    never=st.sets(st.sampled_from(ACTIONS), max_size=2),
    closed=st.integers(0, 7),
    share=st.floats(0.01, 1),
)
def test_a_policy_is_a_distribution_over_what_may_be_taken(
    best: list[int], never: set[str], closed: int, share: float
) -> None:
    first = np.array(best, np.int64)
    allowed = np.tile([bool(closed & 1 << j) for j in range(3)], (len(best), 1))
    policy = ActionExploration(ACTIONS, share, frozenset(never)).policy(first, allowed)
    assert policy.sum(axis=1) == pytest.approx(1)
    for row, at in enumerate(best):
        for j, action in enumerate(ACTIONS):
            if j != at and (action in never or not allowed[row, j]):
                assert policy[row, j] == 0


def test_drawn_actions_come_as_often_as_their_probability_says() -> None:
    policy = np.tile([0.0, 0.7, 0.25, 0.05], (20_000, 1))
    found = np.bincount(draw_actions(policy, seed=11), minlength=4) / len(policy)
    assert found == pytest.approx(policy[0], abs=0.01) and found[0] == 0


def test_a_row_is_drawn_by_its_own_seed() -> None:
    policy = np.tile([0.5, 0.5], (50, 1))
    whole = draw_actions(policy, seed=3)
    assert [int(draw_actions(policy[:1], seed=3 + row)[0]) for row in range(50)] == whole.tolist()


def test_prices_are_explored_near_the_best_one() -> None:
    explore = ActionExploration(("5", "6", "7", "8", "9"), 0.2, near=1)
    assert explore.policy(np.array([2]), np.ones((1, 5), bool)).tolist() == [[0, 0.1, 0.8, 0.1, 0]]
    assert explore.policy(np.array([0]), np.ones((1, 5), bool)).tolist() == [[0.8, 0.2, 0, 0, 0]]


def test_the_share_is_as_large_as_its_cost_allows() -> None:
    worth = np.random.default_rng(0).normal(3, 1, (500, 3))
    basis = Basis({"sales": worth}, {"sales": np.ones(1)})
    made = settle_actions(Explore(method="epsilon", cost={"sales": 0.03}), ACTIONS, {"sales": 1.0}, basis)
    best = worth.argmax(axis=1)
    policy = made.policy(best, np.ones(worth.shape, bool))
    kept = (policy * worth).sum(axis=1).mean() / worth.max(axis=1).mean()
    assert kept == pytest.approx(0.97) and made.cost == {"sales": pytest.approx(0.03)}


def test_what_cannot_be_known_or_is_not_there_is_said() -> None:
    assert settle_actions(None, ACTIONS, {}, None) is NO_ACTIONS
    unknown = settle_actions(Explore(method="epsilon", cost={"sales": 0.03}), ACTIONS, {}, None)
    assert unknown.share == 0.1 and unknown.cost is None and "not known" in unknown.notes[0]
    basis = Basis({"loss": np.array([[-1.0, -2.0, -3.0]])}, {"loss": np.ones(1)})
    with pytest.raises(SpecError, match="'sales', which is no term"):
        settle_actions(Explore(method="epsilon", cost={"sales": 0.03}), ACTIONS, {}, basis)
    spent = settle_actions(Explore(method="epsilon", share=0.5), ACTIONS, {}, basis)
    assert spent.cost == {"loss": pytest.approx(0.5 * 1.5 / 2)} and "share of its mean size" in spent.notes[0]
