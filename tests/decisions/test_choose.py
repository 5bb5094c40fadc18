"""Choosing: terms times weights, ties by order, what is missing is not eligible, and nothing is unsaid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.decisions.choose import Chooser, take
from poise.decisions.terms import Predicted
from poise.errors import PoiseError, RequestError, SpecError
from poise.spec.decision import Decision
from poise.table import Column


def flights(**changes: object) -> Decision:
    terms = {
        "cost": {"unit": "USD", "nothing": "-12 * late", "warn": "-1 - 6 * late", "rebook": "-9 - 1 * late"},
        "calm": {"nothing": 1, "warn": "0.5", "rebook": "if(airports.size > 2, 0, 0.25)"},
    }
    return Decision(**({"per": "schedule", "choose": ("nothing", "warn", "rebook"), "terms": terms} | changes))


def chooser(decision: Decision | None = None) -> Chooser:
    return Chooser(decision or flights(), {"late": Predicted("binary")}, {"airports.size": "number"})


WEIGHT = st.floats(-5, 5).map(lambda value: round(value, 6))
SIZE = {"airports.size": Column.numbers(np.array([1.0, 1.0, 3.0]))}


def test_the_terms_of_each_action() -> None:
    made = chooser().terms({"late": np.array([0.0, 0.5, 1.0])}, SIZE)
    assert made["cost"].tolist() == [[0, -1, -9], [-6, -4, -9.5], [-12, -7, -10]]
    assert made["calm"].tolist() == [[1, 0.5, 0.25], [1, 0.5, 0.25], [1, 0.5, 0]]
    assert chooser().extra_names() == {"airports.size"}
    assert chooser().objective_names() == {"late"}


def test_weights_decide() -> None:
    late = {"late": np.array([0.0, 0.5, 1.0])}
    assert chooser().choose(late, SIZE, {"cost": 1, "calm": 0}).chosen.tolist() == [0, 1, 1]
    assert chooser().choose(late, SIZE, {"cost": 1, "calm": 100}).chosen.tolist() == [0, 0, 0]
    assert chooser().choose(late, SIZE, {"cost": 0, "calm": -1}).chosen.tolist() == [2, 2, 2]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), cost=WEIGHT, calm=WEIGHT)
def test_the_chosen_action_has_the_most_utility(seed: int, cost: float, calm: float) -> None:
    rng = np.random.default_rng(seed)
    n = 20
    size = np.where(rng.random(n) < 0.2, np.nan, rng.integers(1, 5, n))
    late = np.where(rng.random(n) < 0.2, np.nan, rng.random(n))
    made = chooser().choose({"late": late}, {"airports.size": Column.numbers(size)}, {"cost": cost, "calm": calm})
    utility = sum(w * made.terms[t] for t, w in {"cost": cost, "calm": calm}.items() if w)
    if cost or calm:
        np.testing.assert_allclose(made.scores, utility)
    for i in range(n):
        if made.fallback[i]:
            assert np.isnan(made.scores[i]).all() and made.chosen[i] == 0
        else:
            assert made.scores[i, made.chosen[i]] == np.nanmax(made.scores[i])
    # one row at a time gives the same as all at once
    one = chooser().choose(
        {"late": late[:1]}, {"airports.size": Column.numbers(size[:1])}, {"cost": cost, "calm": calm}
    )
    assert one.chosen[0] == made.chosen[0]


def test_equal_scores_go_to_the_first() -> None:
    decision = flights(terms={"x": {"nothing": 1, "warn": 2, "rebook": 2}})
    assert chooser(decision).choose({"late": np.array([0.1])}, {}).chosen.tolist() == [1]


def test_a_missing_term_leaves_an_action_out_and_says_so() -> None:
    decision = flights(terms={"x": {"nothing": 1, "warn": "airports.size", "rebook": 0}}, rule="rebook")
    made = chooser(decision).choose({"late": np.zeros(2)}, {"airports.size": Column.numbers(np.array([np.nan, 9.0]))})
    assert made.chosen.tolist() == [0, 1]
    assert made.left_out(0) == {"warn": "missing: x"} and made.left_out(1) == {}


def test_where_nothing_is_known_the_rule_is_taken() -> None:
    made = chooser(flights(rule="warn")).choose(
        {"late": np.array([np.nan, 0.9])}, {"airports.size": SIZE["airports.size"].take(np.arange(2))}
    )
    assert made.chosen.tolist() == [1, 1] and made.fallback.tolist() == [True, False]


def test_a_term_of_weight_0_need_not_be_known() -> None:
    unknown = {"airports.size": Column.numbers(np.array([np.nan]))}
    decision = flights(
        terms={"a": {"nothing": "airports.size", "warn": 1, "rebook": 1}, "b": {"nothing": 3, "warn": 2, "rebook": 1}}
    )
    assert chooser(decision).choose({"late": np.zeros(1)}, unknown, {"a": 0}).chosen.tolist() == [0]
    assert chooser(decision).choose({"late": np.zeros(1)}, unknown, {"a": 1}).chosen.tolist() == [1]


def test_classes_are_named_with_a_dot() -> None:
    decision = Decision(
        per="trees", choose=("cut", "keep"), terms={"worth": {"cut": "kind.pine - kind.oak", "keep": 0}}
    )
    made = Chooser(decision, {"kind": Predicted("multi-class", ("oak", "pine"))}, {})
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert made.choose({"kind": p}, {}).chosen.tolist() == [1, 0]
    came_true = made.realised({"kind": np.array([0.0, 1.0])}, {})
    assert came_true["worth"].tolist() == [[-1, 0], [1, 0]]


def test_what_policies_would_have_made() -> None:
    made = chooser(flights(rule="warn", weights={"calm": 0}))
    late = np.array([0.0, 1.0, np.nan])
    realised = made.realised({"late": late}, SIZE)
    policies = made.policies(np.array([0, 1, 2]))
    assert list(policies) == ["model", "rule", "always nothing", "always warn", "always rebook"]
    assert take(realised, policies["model"])["cost"][:2].tolist() == [0, -7]
    assert take(realised, policies["rule"])["cost"][:2].tolist() == [-1, -7]
    assert np.isnan(take(realised, policies["model"])["cost"][2])


def test_a_conditional_objective_counts_nothing_where_its_parent_is_false() -> None:
    decision = Decision(per="shown", choose=("a", "b"), terms={"revenue": {"a": "order * value", "b": 0}})
    made = Chooser(decision, {"order": Predicted("binary"), "value": Predicted("regression", given="order")}, {})
    labels = {"order": np.array([1.0, 0.0, np.nan]), "value": np.array([20.0, np.nan, np.nan])}
    assert made.realised(labels, {})["revenue"][:, 0].tolist()[:2] == [20, 0]
    assert np.isnan(made.realised(labels, {})["revenue"][2, 0])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"terms": {"x": {"nothing": 1, "wrn": 1, "rebook": 1}}}, "there is no action 'wrn'.*did you mean 'warn'"),
        ({"terms": {"x": {"nothing": 1, "warn": 1}}}, "says nothing of the action 'rebook'"),
        ({"terms": {"x": {"nothing": "lat", "warn": 1, "rebook": 1}}}, "late"),
        ({"terms": {"x": {"nothing": "'a'", "warn": 1, "rebook": 1}}}, "a term is a number; this is a string"),
        ({"rule": "rebok"}, "rule names the action 'rebok'"),
    ],
)
def test_faults_are_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        chooser(flights(**changes))


def test_an_objective_and_a_column_of_one_name_are_ambiguous() -> None:
    with pytest.raises(SpecError, match="'late' is both an objective and a column"):
        Chooser(flights(), {"late": Predicted("binary")}, {"late": "number", "airports.size": "number"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None])
def test_weights_are_finite_numbers(value: object) -> None:
    with pytest.raises(RequestError, match=r"weights\.cost"):
        chooser().choose({"late": np.zeros(3)}, SIZE, {"cost": value})  # type: ignore[dict-item]


def test_errors_are_of_one_family() -> None:
    with pytest.raises(PoiseError):
        chooser().choose({"late": np.zeros(3)}, SIZE, {"cots": 1})
