"""Weights say exchange rates, and a change of them says what changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.decisions.exchange import exchange_rates, what_changed
from poise.decisions.weights import LEAST, MOST, checked
from poise.spec.decision import Decision

TERMS = {
    "cost": {"unit": "USD", "a": "1", "b": "0"},
    "calm": {"unit": "points", "a": "1", "b": "0"},
    "speed": {"a": "1", "b": "0"},
}
DECISION = Decision(per="rides", choose=("a", "b"), terms=TERMS, weights={"calm": 3, "cost": 2, "speed": 0})
Weights = dict[str, float]


def of(cost: float, calm: float, speed: float = 0.0) -> Weights:
    return {"cost": cost, "calm": calm, "speed": speed}


def test_exchange_rates_in_money() -> None:
    said = exchange_rates(DECISION, DECISION.weights)
    assert said == ["1 point (calm) = 1.50 USD (cost)", "speed does not count (its weight is 0)"]
    assert exchange_rates(DECISION, checked(DECISION, {"cost": 0, "calm": 1, "speed": 4}))[0] == (
        "1 point (calm) = 0.25 units (speed)"
    )
    nothing = exchange_rates(DECISION, dict.fromkeys(TERMS, 0.0))
    assert len(nothing) == 4 and nothing[-1] == "no term counts, so that nothing is better than anything else"


@pytest.mark.parametrize(
    ("rate", "told"), [(0.125, "0.125"), (0.0144, "0.0144"), (1234.5678, "1,234.57"), (0.5, "0.50"), (1e-9, "1e-09")]
)
def test_amounts_are_told_to_half_a_percent(rate: float, told: str) -> None:
    assert exchange_rates(DECISION, of(1, rate))[0] == f"1 point (calm) = {told} USD (cost)"


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (of(1, 2), of(1, 2), []),
        (of(0.4, 1), of(0.6, 1), ["1 point (calm) was worth 2.50 USD (cost) and is now worth 1.67 USD"]),
        (of(1, 2), of(3, 6), ["all weights changed by the same factor, so that no exchange rate and no order changes"]),
        (of(1, 2), of(1, 0), ["calm no longer counts (its weight was 2 and is 0)"]),
        (of(1, 2), of(1, 2, 3), ["speed did not count and now does (its weight was 0 and is 3)"]),
        (of(1, 2.5), of(1, 2.5001), ["1 point (calm) was worth 2.5000 USD (cost) and is now worth 2.5001 USD"]),
        (
            of(1, 2),
            of(-1, -2),
            [
                "cost has turned round: more of it was wanted and now less is (its weight was 1 and is -1)",
                "calm has turned round: more of it was wanted and now less is (its weight was 2 and is -2)",
            ],
        ),
    ],
)
def test_a_change_is_told_in_sentences(before: Weights, now: Weights, said: list[str]) -> None:
    assert what_changed(DECISION, before, now) == said


one = st.just(0.0) | st.floats(LEAST, MOST) | st.floats(-MOST, -LEAST)
weights = st.builds(of, one, one, one)


@given(weights, weights)
def test_every_change_is_told_and_nothing_else(before: Weights, now: Weights) -> None:
    said = what_changed(DECISION, before, now)
    assert bool(said) == (before != now)
    assert not [text for text in said + exchange_rates(DECISION, now) if "inf" in text or "nan" in text]
