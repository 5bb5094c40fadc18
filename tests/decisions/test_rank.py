"""Ranking: terms times weights, what may not be shown, ties by order, and the rule where nothing has a score."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.decisions.rank import Ranker
from poise.decisions.terms import Predicted
from poise.errors import RequestError, SpecError
from poise.spec.decision import Decision
from poise.spec.expression import Type
from poise.table import Column, Table

TERMS = {"engagement": "order", "revenue": {"is": "order * value * restaurants.commission", "unit": "USD"}}
PREDICTED = {"order": Predicted("binary"), "value": Predicted("regression", given="order")}
TYPES: dict[str, Type] = {"restaurants.commission": "number", "restaurants.open": "bool", "orders_7d": "number"}


def ranker(rule_only: bool = False, **changes: object) -> Ranker:
    spec = {"per": "impressions", "list": "request_id", "item": "restaurant_id", "terms": TERMS}
    spec |= {"where": "restaurants.open", "rule": "orders_7d", "weights": {"revenue": 0.4}}
    decision = Decision.model_validate(spec | changes)
    return Ranker(decision, {} if rule_only else PREDICTED, TYPES, rule_only=rule_only)


PREDICTIONS = {"order": np.array([0.5, 0.2, 0.5, 0.1]), "value": np.array([10.0, 40.0, 10.0, np.nan])}
COLUMNS = Table(
    {
        "restaurants.commission": Column.numbers([0.1, 0.1, 0.1, 0.1]),
        "restaurants.open": Column.numbers([1, 1, 1, None]),
        "orders_7d": Column.numbers([3, None, 5, 9]),
    }
)


def test_the_terms_of_each_candidate() -> None:
    made = ranker().terms(PREDICTIONS, COLUMNS)
    np.testing.assert_allclose(made["engagement"], [0.5, 0.2, 0.5, 0.1])
    np.testing.assert_allclose(made["revenue"], [0.5, 0.8, 0.5, np.nan])
    assert ranker().extra_names() == {"restaurants.commission", "restaurants.open", "orders_7d"}
    assert ranker().objective_names() == {"order", "value"}
    assert ranker().predicts("revenue") and ranker().predicts("engagement")
    assert not ranker(terms={"margin": "restaurants.commission"}).predicts("margin")


def test_weights_decide_and_a_term_that_does_not_count_may_be_missing() -> None:
    terms = ranker().terms(PREDICTIONS, COLUMNS)
    np.testing.assert_allclose(ranker().score(terms), [0.7, 0.52, 0.7, np.nan])
    np.testing.assert_allclose(ranker().score(terms, {"revenue": 0}), [0.5, 0.2, 0.5, 0.1])
    np.testing.assert_allclose(ranker().score(terms, {"engagement": 0, "revenue": -1}), [-0.5, -0.8, -0.5, np.nan])
    assert ranker().score(terms, {"engagement": 0, "revenue": 0}).tolist() == [0, 0, 0, 0]
    with pytest.raises(RequestError, match="there is no term 'revenu'"):
        ranker().score(terms, {"revenu": 1})


def test_what_may_not_be_shown_says_why() -> None:
    where = ranker().where(COLUMNS)
    assert where[:3].tolist() == [1, 1, 1] and np.isnan(where[3])
    assert ranker().why_not(0.0) == "where: restaurants.open is false"
    assert ranker().why_not(where[3]) == "where: restaurants.open is missing"
    assert ranker(where=None).where(COLUMNS).tolist() == [1, 1, 1, 1]
    assert ranker(where="restaurants.open and orders_7d > 3").where(COLUMNS).tolist() == [0, 0, 1, 0]


def test_the_best_first_and_among_equals_the_earlier() -> None:
    order, fallback = ranker().order(np.array([0.7, 0.52, 0.7, 0.9]), np.array([1, 1, 1, 0], bool), np.zeros(4))
    assert order.tolist() == [0, 2, 1] and not fallback


def test_where_nothing_has_a_score_the_rule_sorts() -> None:
    rule = ranker().rule(COLUMNS)
    order, fallback = ranker().order(np.full(4, np.nan), np.array([1, 1, 1, 1], bool), rule)
    assert order.tolist() == [3, 2, 0, 1] and fallback
    order, fallback = ranker().order(np.full(4, np.nan), np.array([1, 1, 0, 0], bool), np.full(4, np.nan))
    assert order.tolist() == [0, 1] and fallback
    assert ranker(rule=None).rule(COLUMNS).tolist() == [0, 0, 0, 0]
    order, fallback = ranker().order(np.ones(4), np.zeros(4, bool), rule)
    assert order.tolist() == [] and not fallback


def test_before_there_are_models_the_rule_alone_sorts() -> None:
    made = ranker(rule_only=True)
    assert made.extra_names() == {"restaurants.open", "orders_7d"} and made.objective_names() == frozenset()
    terms = made.terms({}, COLUMNS)
    assert set(terms) == {"engagement", "revenue"} and not made.predicts("revenue")
    for weights in (None, {"engagement": 0.0, "revenue": 0.0}):
        scores = made.score(terms, weights)
        assert scores.shape == (4,) and np.isnan(scores).all()
        assert made.order(scores, made.where(COLUMNS) == 1, made.rule(COLUMNS))[0].tolist() == [2, 0, 1]


def test_what_came_true() -> None:
    labels = {"order": np.array([1.0, 0.0, np.nan, 1.0]), "value": np.array([20.0, np.nan, np.nan, np.nan])}
    made = ranker().realised(labels, COLUMNS)
    np.testing.assert_allclose(made["engagement"], [1, 0, np.nan, 1])
    np.testing.assert_allclose(made["revenue"], [2, 0, np.nan, np.nan])


def test_a_term_that_reads_nothing_holds_for_every_candidate() -> None:
    made = ranker(terms={"one": "1"}, where=None, rule=None)
    assert made.terms(PREDICTIONS, {})["one"].tolist() == [1, 1, 1, 1]


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from([np.nan, -0.0, 0.0, 1.0, -2.0, np.inf, -np.inf]), max_size=40))
def test_the_order_is_stable(values: list[float]) -> None:
    eligible = np.array([i % 3 > 0 for i in range(len(values))], bool)
    scores = np.array(values, float)
    order, _ = ranker().order(scores, eligible, np.zeros(len(values)))
    known = [i for i in range(len(values)) if eligible[i] and not np.isnan(scores[i])]
    if known:
        assert order.tolist() == sorted(known, key=lambda i: -scores[i])
    by_rule, _ = ranker().order(np.full(len(values), np.nan), eligible, scores)
    unknown = [i for i in range(len(values)) if eligible[i] and np.isnan(scores[i])]
    assert by_rule.tolist() == sorted(known, key=lambda i: -scores[i]) + unknown


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"terms": {"x": "ordr"}}, "did you mean 'order'"),
        ({"terms": {"x": {"is": "'a'"}}}, "a term is a number; this is a string"),
        ({"terms": {"x": {"a": "1"}}}, "a list has no actions: a term says what an item is worth"),
        ({"where": "orders_7d"}, "a condition is true or false; this is a number"),
        ({"where": "order > 0.5"}, "there is no 'order' here"),
        ({"rule": "order"}, "there is no 'order' here"),
        ({"rule": "'a'"}, "what lists are sorted by is a number; this is a string"),
    ],
)
def test_faults_are_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        ranker(**changes)


def test_ten_thousand_candidates_take_a_few_milliseconds() -> None:
    rng = np.random.default_rng(0)
    n, made = 10_000, ranker()
    predictions = {"order": rng.random(n), "value": rng.random(n)}
    columns = Table(
        {
            "restaurants.commission": Column.numbers(rng.random(n)),
            "restaurants.open": Column.numbers((rng.random(n) < 0.9).astype(float)),
            "orders_7d": Column.numbers(rng.random(n)),
        }
    )
    taken = []
    for _ in range(20):
        start = process_time()
        scores = made.score(made.terms(predictions, columns))
        made.order(scores, made.where(columns) == 1, made.rule(columns))
        taken.append(process_time() - start)
    assert min(taken) < 0.01, f"ranking 10,000 candidates took {min(taken):.4f} s"
    print(f"ranking 10,000 candidates: {1e3 * float(np.median(taken)):.2f} ms")


def test_many_candidates_without_a_rule_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    rule = np.where(rng.random(5_000) < 0.4, np.nan, rng.permutation(5_000))
    order, fallback = ranker().order(np.full(5_000, np.nan), np.ones(5_000, bool), rule)
    assert fallback and order[np.isnan(rule[order])].tolist() == np.flatnonzero(np.isnan(rule)).tolist()
