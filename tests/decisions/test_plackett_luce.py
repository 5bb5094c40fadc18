"""Exact probabilities of places: against going through all orders, at any temperature, and against drawn orders."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from poise.decisions.plackett_luce import GAP, expected_worth, logits, marginals, order, shown, standard

Floats = NDArray[np.float64]
LOGITS = st.lists(st.floats(-GAP, 0).map(lambda value: round(value, 6)), min_size=1, max_size=6)


def sorted_logits(values: list[float]) -> Floats:
    made = np.sort(np.array(values))[::-1]
    return made - made[0]


def all_orders(logits: Floats, places: int) -> Floats:
    """P(item at place) by going through every order of the first places."""
    weight, out = np.exp(logits), np.zeros((len(logits), places))
    for drawn in permutations(range(len(logits)), places):
        probability, left = 1.0, list(range(len(logits)))
        for item in drawn:
            probability *= weight[item] / weight[left].sum()
            left.remove(item)
        out[list(drawn), range(places)] += probability
    return out


@settings(max_examples=60, deadline=None)
@given(values=LOGITS, places=st.integers(1, 6), stretch=st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_marginals_are_those_of_all_orders(values: list[float], places: int, stretch: float) -> None:
    made, k = stretch * sorted_logits(values), min(places, len(values))
    np.testing.assert_allclose(marginals(made, k), all_orders(made, k), rtol=1e-9)


@pytest.mark.parametrize("spread", [0.0, 1.0, 10.0, 27.0, 160.0])
def test_seven_items_to_nine_digits(spread: float) -> None:
    made = -np.array([0, 0.1, 0.1, 0.3, 0.5, 0.9, 1.0]) * spread
    if spread < 100:  # else the groups come apart
        np.testing.assert_allclose(marginals(made, 7), all_orders(made, 7), rtol=1e-9)
    np.testing.assert_allclose(marginals(made, 7), all_orders(made, 7), rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 60),
    places=st.integers(1, 25),
    temperature=st.sampled_from([1e-6, 1e-3, 0.01, 0.1, 1.0, 100.0]),
    ties=st.booleans(),
)
@example(seed=0, size=3, places=2, temperature=1e-6, ties=True)  # a group a million logits behind the best
def test_places_and_items_add_up(seed: int, size: int, places: int, temperature: float, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.lognormal(0, 2, size))[::-1]
    made = logits(np.round(scores) if ties else scores, temperature)
    table = marginals(made, min(places, size))
    np.testing.assert_allclose(table.sum(axis=0), 1, rtol=1e-11)
    assert table.sum(axis=1).max() <= 1 + 1e-11
    assert table.min() >= 0
    if size <= places:
        np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-11)
    whole = order(made, rng.random(size))
    assert sorted(whole.tolist()) == list(range(size))
    drawn = whole[: min(places, size)]
    np.testing.assert_allclose(shown(made, drawn), table[drawn, range(len(drawn))], rtol=1e-11)


def test_any_order_may_be_asked_for() -> None:
    made = np.array([0.0, -1.0, -40.0, -41.0])
    for drawn in permutations(range(4), 3):
        expected = marginals(made, 3)[list(drawn), range(3)]
        np.testing.assert_allclose(shown(made, np.array(drawn)), expected, rtol=1e-11)


def test_two_hundred_items() -> None:
    made = logits(np.linspace(1, 0, 200), 1.0)
    table = marginals(made, 40)
    np.testing.assert_allclose(table.sum(axis=0), 1, rtol=1e-11)
    np.testing.assert_allclose(table[:, 0], np.exp(made) / np.exp(made).sum(), rtol=1e-11)


def test_equal_items_stand_anywhere() -> None:
    np.testing.assert_allclose(marginals(np.zeros(20), 20), 1 / 20, rtol=1e-11)


def test_what_is_far_apart_never_changes_places() -> None:
    made = np.array([0.0, -0.5, -40.0, -40.5, -200.0])
    table = marginals(made, 5)
    np.testing.assert_allclose(table[:2, :2], all_orders(made[:2], 2), rtol=1e-11)
    np.testing.assert_allclose(table[2:4, 2:4], all_orders(made[:2], 2), rtol=1e-11)
    assert table[4].tolist() == [0, 0, 0, 0, 1] and not table[:2, 2:].any() and not table[2:, :2].any()
    for seed in range(200):
        drawn = order(made, np.random.default_rng(seed).random(5))
        assert set(drawn[:2]) == {0, 1} and drawn[4] == 4


def test_the_order_behind_the_best_survives_a_low_temperature() -> None:
    """An item far ahead must not make the others equal."""
    made = logits(np.array([100.0, 3.0, 2.0, 1.0]), 0.001)
    np.testing.assert_allclose(marginals(made, 4), np.eye(4), atol=1e-4)


def test_drawn_orders_are_as_frequent_as_that() -> None:
    made = logits(np.array([3.0, 2.5, 2.5, 1.0, 0.2, 0.0]), 0.8)
    expected, draws = marginals(made, 3), 200_000
    # The clocks of `order`, in one go, and `order` itself on a part of them.
    random = np.random.default_rng(5).random((draws, 6))
    orders = np.argsort(np.log(-np.log(random)) - made, axis=1)
    for each in range(2_000):
        assert order(made, random[each]).tolist() == orders[each].tolist()
    for place in range(3):
        found = np.bincount(orders[:, place], minlength=6)
        sigma = np.sqrt(draws * expected[:, place] * (1 - expected[:, place]))
        assert (np.abs(found - draws * expected[:, place]) < 4.5 * sigma).all()


def test_scores_are_measured_in_their_standard_deviation() -> None:
    scores = np.array([9.0, 5.0, 4.0])
    np.testing.assert_allclose(standard(scores), (scores - 9) / scores.std())
    np.testing.assert_allclose(logits(1e6 * scores - 7e6, 0.5), logits(scores, 0.5), rtol=1e-9)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], []),
        ([4.0], [0]),
        ([np.nan, np.nan], [0, 0]),
        ([0.0, 0.0], [0, 0]),
        ([-5e-324, -5e-324], [0, 0]),
        ([1.0, 1.0 - 1e-13], [0, 0]),
        ([1e308, -1e308], [0, -2]),
        ([np.inf, -np.inf], [0, -2]),
        ([2.0, 1.0, 1.0, np.nan], [0, -4 / 3**0.5, -4 / 3**0.5, -4 / 3**0.5]),
    ],
)
def test_odd_scores(scores: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(standard(np.array(scores)), expected, rtol=1e-12)


def test_scores_must_be_sorted() -> None:
    with pytest.raises(ValueError, match="the best first"):
        standard(np.array([1.0, 2.0]))


@pytest.mark.parametrize("temperature", [0.001, 0.03, 0.4, 1.0, 50.0])
def test_expected_worth_is_the_sum_over_marginals(temperature: float) -> None:
    rng = np.random.default_rng(1)
    sizes = np.array([12, 1, 5, 30])
    scores = [np.sort(rng.normal(size=n))[::-1] for n in sizes]
    standards, values = np.zeros((4, 30)), rng.normal(size=(2, 4, 30))
    exposure = np.array([1 / np.arange(1.0, 9), np.linspace(1, 0, 8)])
    expected = np.zeros(2)
    for each, n in enumerate(sizes):
        standards[each, :n] = standard(scores[each])
        table = marginals(logits(scores[each], temperature), min(8, n))
        expected += np.einsum("ti,tp,ip->t", values[:, each, :n], exposure[:, : min(8, n)], table)
    np.testing.assert_allclose(
        expected_worth(standards, sizes, values, exposure, temperature), expected, rtol=1e-4, atol=1e-4
    )
