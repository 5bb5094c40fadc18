"""Terms, scores and order in one compiled call, against the single steps that they stand for."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.decisions.rank import Ranker
from poise.decisions.sums import Sums
from poise.decisions.terms import Predicted
from poise.models.proof import same_bits
from poise.spec.decision import Decision
from poise.spec.expression import parse
from poise.table import Column

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.5, 0.1, 1e-300, 1e300, -1e300, np.inf, -np.inf, np.nan])
TERMS = st.recursive(
    st.sampled_from(["order", "value", "price", "2", "0.5", "0"]),
    lambda below: st.one_of(
        st.tuples(below, st.sampled_from("+-*/"), below).map(lambda of: f"({of[0]} {of[1]} {of[2]})"),
        below.map(lambda of: f"(-{of})"),
    ),
    max_leaves=8,
)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.sampled_from([0.0, 1.0, np.nan])), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(TERMS, TERMS, ROWS, st.tuples(*[st.sampled_from([0.0, 1.0, -2.5, 1e12])] * 2))
def test_one_call_gives_every_bit_of_the_single_steps(
    one: str, two: str, rows: list[tuple[float, ...]], weights: tuple[float, float]
) -> None:
    spec = Decision(per="shown", list="page", item="shop", where="open", rule="price", terms={"a": one, "b": two})
    objectives = {"order": Predicted("binary"), "value": Predicted("regression")}
    ranker = Ranker(spec, objectives, {"open": "bool", "price": "number"})
    order, value, price, may = (np.array(of) for of in zip(*rows, strict=True))
    predictions, by = {"order": order, "value": value}, dict(zip("ab", weights, strict=True))
    columns = {"price": Column.numbers(price), "open": Column.numbers(may)}
    with np.errstate(all="ignore"):
        made = ranker.rank(predictions, columns, by)
        terms = ranker.terms(predictions, columns)
        scores = ranker.score(terms, by)
        first, fallback = ranker.order(scores, may == 1, ranker.rule(columns))
    assert all(same_numbers(made.terms[name], terms[name]) for name in terms)
    assert same_numbers(made.scores, scores)
    assert (made.order.tolist(), made.fallback) == (first.tolist(), fallback)


def test_many_are_sorted_as_few_with_the_earlier_of_equals_first() -> None:
    sums = Sums.of([parse("order")], {"order": "number"})
    assert sums is not None
    random = np.random.default_rng(0)
    for n in (1, 2, 15, 16, 17, 32, 33, 100, 1000, 2500):
        for of in (3, 10 * n):
            scores = random.integers(0, of, n).astype(float)
            made, order = sums.rank(scores[None], np.ones(1), None)
            assert order.tolist() == np.argsort(-scores, kind="stable").tolist()
            assert same_numbers(made[-1], scores)


def same_numbers(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether all numbers have the same bits, and NaN stands where NaN does: there are many, and all are null."""
    gone = np.isnan(other)
    return bool((np.isnan(one) == gone).all()) and same_bits(one[~gone], other[~gone])


def test_what_is_no_sum_of_numbers_is_left_to_the_single_steps() -> None:
    types = {"order": "number", "open": "bool", "at": "time"}
    for text in ("if(open, order, 0)", "greatest(order, 1)", "order > 1"):
        assert Sums.of([parse(text)], types) is None
