"""Exploring: which lists are drawn, how probable each place was, and that an answer can be drawn again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.decisions.explore import NONE, Exploration, redraw
from poise.errors import StateError

SCORES = np.array([0.9, 0.8, 0.8, 0.3, 0.1, 0.0, -0.5])
METHODS = [Exploration("plackett-luce", 5, 0.7), Exploration("epsilon", 5, 0.4)]


def test_off_is_the_best_list_for_sure() -> None:
    for explore in (NONE, Exploration("plackett-luce", 5, 0.0), Exploration("epsilon", 5, 0.0)):
        drawn = explore.draw(SCORES, 3, seed=1)
        assert drawn.order.tolist() == [0, 1, 2] and drawn.propensity.tolist() == [1, 1, 1]
        assert explore.propensities(SCORES, 3).tolist() == np.eye(7, 3).tolist()
        assert not explore.on and explore.to_dict(1) is None


@settings(max_examples=80, deadline=None)
@given(
    explore=st.builds(
        Exploration,
        st.sampled_from(["plackett-luce", "epsilon"]),
        st.integers(2, 30),
        st.floats(1e-3, 1.0),
    ),
    size=st.integers(0, 30),
    show=st.integers(1, 30),
    seed=st.integers(0, 2**53),
)
def test_a_draw_is_a_list_with_its_propensities(explore: Exploration, size: int, show: int, seed: int) -> None:
    scores = np.sort(np.random.default_rng(size).integers(0, 9, size).astype(float))[::-1]
    drawn, table = explore.draw(scores, show, seed), explore.propensities(scores, show)
    places = min(show, size)
    assert len(drawn.order) == len(drawn.propensity) == places and table.shape == (size, places)
    assert len(set(drawn.order.tolist())) == places
    np.testing.assert_allclose(drawn.propensity, table[drawn.order, range(places)], rtol=1e-10)
    np.testing.assert_allclose(table.sum(axis=0), 1, rtol=1e-10)
    assert table.sum(axis=1).max(initial=0) <= 1 + 1e-10 and drawn.propensity.min(initial=1) > 0
    # Only the top takes part; behind it all stand as scored.
    assert drawn.order[explore.top :].tolist() == list(range(explore.top, places))
    assert (drawn.propensity[explore.top :] == 1).all()


@pytest.mark.parametrize("explore", METHODS, ids=lambda explore: explore.method)
def test_drawn_lists_are_as_frequent_as_their_propensities(explore: Exploration) -> None:
    draws, expected = 8_000, explore.propensities(SCORES, 6)
    orders = np.array([explore.draw(SCORES, 6, seed).order for seed in range(draws)])
    for place in range(6):
        found = np.bincount(orders[:, place], minlength=7)
        sigma = np.sqrt(draws * expected[:, place] * (1 - expected[:, place]))
        assert (np.abs(found - draws * expected[:, place]) <= 4.5 * sigma).all()


@pytest.mark.parametrize("explore", METHODS, ids=lambda explore: explore.method)
def test_the_answer_is_enough_to_draw_it_again(explore: Exploration) -> None:
    for seed in (0, 17, 2**53 - 1):
        said = json.loads(json.dumps(explore.to_dict(seed)))
        first, again = explore.draw(SCORES, 4, seed), redraw(said, SCORES, 4)
        assert again.order.tolist() == first.order.tolist() and again.propensity.tolist() == first.propensity.tolist()
    assert redraw(None, SCORES, 2).propensity.tolist() == [1, 1]
    with pytest.raises(StateError, match=r"explored by 'dice'.*allowed: plackett-luce, epsilon"):
        redraw({"method": "dice", "share": 1, "top": 2, "seed": 0}, SCORES, 2)


def test_a_seed_means_the_same_list_for_good() -> None:
    """Logged seeds must stay good when NumPy changes: these lists were drawn when this was written."""
    for explore, lists in zip(METHODS, FOR_GOOD, strict=True):
        assert {seed: explore.draw(SCORES, 5, seed).order.tolist() for seed in lists} == lists


FOR_GOOD: tuple[dict[int, list[int]], ...] = (
    {2026: [0, 1, 2, 4, 3], 11: [0, 1, 4, 2, 3], 9007199254740991: [0, 1, 2, 4, 3]},
    {2: [2, 0, 3, 4, 1], 3: [3, 0, 4, 2, 1], 4: [0, 1, 2, 3, 4]},
)


def test_without_spread_the_order_is_uniform() -> None:
    table = Exploration("plackett-luce", 4, 0.01).propensities(np.full(6, 0.1), 6)
    np.testing.assert_allclose(table[:4, :4], 0.25)
    assert table[4:, 4:].tolist() == np.eye(2).tolist()


def test_what_has_no_score_takes_part_as_the_lowest() -> None:
    with_none = Exploration("plackett-luce", 9, 0.5).propensities(np.array([3.0, 1.0, np.nan]), 3)
    as_lowest = Exploration("plackett-luce", 9, 0.5).propensities(np.array([3.0, 1.0, 1.0]), 3)
    assert with_none.tolist() == as_lowest.tolist()


def test_one_candidate_or_none() -> None:
    for explore in METHODS:
        assert explore.draw(np.array([0.3]), 10, 3).propensity.tolist() == [1]
        assert explore.draw(np.array([]), 10, 3).order.tolist() == []
