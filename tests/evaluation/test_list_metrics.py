"""Metrics of lists: what they average over all orders of tied rows, shown by going through every such order."""

from __future__ import annotations

import re
from itertools import permutations, product
from math import log2
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from poise import registry
from poise.evaluation.list_metric import ListMetric
from poise.evaluation.lists import Floats, Lists, places
from poise.evaluation.ndcg import Ndcg

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
KINDS = registry.names("list-metric")
WORTH = st.sampled_from([-1.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 3.0, np.nan])
SCORE = st.sampled_from([-np.inf, -2.0, 0.0, 0.5, 0.5, 7.0, np.nan])
A_LIST = st.lists(st.tuples(WORTH, SCORE), max_size=6)
PLACES = st.sampled_from([None, 1, 2, 3, 5, 9])


def test_every_metric_of_lists_is_here_and_on_its_page() -> None:
    assert KINDS == ["ndcg", "mrr", "recall"] and not set(KINDS) & set(registry.names("metric"))
    assert {name: registry.get("list-metric", name).name for name in KINDS} == {name: name for name in KINDS}
    table = PAGE.split("## Metrics of lists")[1].split("\n\n")[2]
    assert re.findall(r"^\| `(\w+)@K` \|", table, re.MULTILINE) == KINDS


def metric(name: str, k: int | None) -> ListMetric:
    made: ListMetric = registry.get("list-metric", name)(k)
    return made


def by_hand(name: str, worth: list[float], k: int | None) -> float:
    """The score of one list in the order given, from the definition."""
    k = len(worth) if k is None else k
    relevant = [w > 0 for w in worth]
    if name == "recall":
        return sum(relevant[:k]) / sum(relevant)
    if name == "mrr":
        return next((1 / place for place, hit in enumerate(relevant[:k], 1) if hit), 0.0)
    gains = [max(w, 0.0) for w in worth]
    best = sorted(gains, reverse=True)
    own, ideal = (sum(g / log2(place + 1) for place, g in enumerate(some[:k], 1)) for some in (gains, best))
    return own / ideal


def over_all_orders(name: str, rows: list[tuple[float, float]], k: int | None) -> float:
    """The mean of `by_hand` over every order of the tied rows of one list; NaN without a relevant one."""
    rows = [(w, s) for w, s in rows if not np.isnan(w)]
    if not any(w > 0 for w, _ in rows):
        return float("nan")
    levels = sorted({s for _, s in rows if not np.isnan(s)}, reverse=True)
    ties = [[w for w, s in rows if s == level] for level in levels] + [[w for w, s in rows if np.isnan(s)]]
    orders = product(*(list(permutations(tie)) for tie in ties))
    return float(np.mean([by_hand(name, [w for tie in order for w in tie], k) for order in orders]))


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=150)
@given(data=st.lists(A_LIST, min_size=1, max_size=4), k=PLACES, seed=st.integers(0, 9))
def test_every_order_of_tied_rows_counts_alike(
    name: str, data: list[list[tuple[float, float]]], k: int | None, seed: int
) -> None:
    codes = np.repeat(np.arange(len(data)), [len(rows) for rows in data])
    flat = np.array([pair for rows in data for pair in rows]).reshape(-1, 2)
    mixed = np.random.default_rng(seed).permutation(len(codes))
    lists = Lists.of(codes[mixed])
    got = metric(name, k).per_list(lists, flat[mixed, 0], flat[mixed, 1])
    wanted = [over_all_orders(name, rows, k) for rows in data if rows]
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", [None, 1, 3, 10])
@pytest.mark.parametrize("digits", [0, 1, 9])
def test_ndcg_is_that_of_scikit_learn(k: int | None, digits: int) -> None:
    rng = np.random.default_rng(digits)
    worth, scores = rng.integers(0, 4, (300, 8)).astype(float), rng.normal(size=(300, 8)).round(digits)
    worth[:, 0] += 1  # every list holds a relevant row
    lists = Lists.of(np.repeat(np.arange(300), 8))
    got = Ndcg(k).per_list(lists, worth.ravel(), scores.ravel())
    wanted = [ndcg_score(w[None], s[None], k=k) for w, s in zip(worth, scores, strict=True)]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_long_ties_are_exact(name: str) -> None:
    """A random order of 3,000 rows of which one is relevant has a known expectation."""
    n = 3000
    worth = np.zeros(n)
    worth[1234] = 2.0
    place = np.arange(1, n + 1)
    wanted = {
        "ndcg": np.mean(np.where(place <= 10, 1 / np.log2(place + 1), 0)),
        "mrr": np.mean(np.where(place <= 10, 1 / place, 0)),
        "recall": 10 / n,
    }
    got = metric(name, 10).per_list(Lists.of(np.zeros(n, np.int64)), worth, np.zeros(n))
    assert got == pytest.approx(wanted[name], rel=1e-9)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 6))
def test_the_best_order_is_best_and_a_random_one_lies_between(name: str, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    codes, worth = rng.integers(0, 9, 60), np.maximum(rng.normal(size=60), 0)
    lists = Lists.of(codes)
    best, random, worst = (metric(name, k).per_list(lists, worth, s) for s in (worth, np.zeros(60), -worth))
    has = np.isfinite(best)
    assert (best[has] >= random[has] - 1e-12).all() and (random[has] >= worst[has] - 1e-12).all()
    matters = metric(name, k).order_matters(lists, worth)
    assert (matters[has] == (best > worst)[has]).all() and not matters[~has].any()


@pytest.mark.parametrize("name", KINDS)
def test_no_rows_and_nothing_relevant(name: str) -> None:
    nothing: Floats = np.zeros(0)
    assert metric(name, 3).per_list(Lists.of(np.zeros(0, np.int64)), nothing, nothing).shape == (0,)
    lists = Lists.of(np.array([0, 0, 1]))
    got = metric(name, 3).per_list(lists, np.array([-1.0, 0.0, np.nan]), np.arange(3.0))
    assert np.isnan(got).all() and got.shape == (2,)


def test_recall_at_whole_lists_says_nothing() -> None:
    lists, worth = Lists.of(np.repeat([0, 1], 5)), np.array([1.0, 0, 0, 0, 0, 0, 2, 1, 0, 0])
    assert not metric("recall", 5).order_matters(lists, worth).any()
    assert metric("recall", 4).order_matters(lists, worth).all()


def test_gains_are_linear_unless_a_subclass_says_otherwise() -> None:
    class Exponential(Ndcg):
        def gain(self, worth: Floats) -> Floats:
            return np.asarray(2.0**worth - 1)

    lists, worth, scores = Lists.of(np.zeros(2, np.int64)), np.array([1.0, 3.0]), np.array([1.0, 0.0])
    best, own = 3 + 1 / log2(3), 1 + 3 / log2(3)
    assert Ndcg().per_list(lists, worth, scores)[0] == pytest.approx(own / best)
    assert Exponential().per_list(lists, worth, scores)[0] == pytest.approx((1 + 7 / log2(3)) / (7 + 1 / log2(3)))


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(-3, 3), SCORE), max_size=20))
def test_places_are_those_of_sorting_each_list(rows: list[tuple[int, float]]) -> None:
    codes = np.array([code for code, _ in rows], np.int64)
    scores = np.array([score for _, score in rows])
    wanted = np.zeros(len(rows), np.int64)
    for code in set(codes.tolist()):
        own = sorted(np.flatnonzero(codes == code), key=lambda i: (np.isnan(scores[i]), -np.nan_to_num(scores[i]), i))
        wanted[own] = np.arange(1, len(own) + 1)
    assert places(codes, scores).tolist() == wanted.tolist()
