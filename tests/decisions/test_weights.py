"""Weights say exchange rates."""

from __future__ import annotations

from poise.decisions.weights import checked, exchange_rates, first_weights
from poise.spec.decision import Decision

TERMS = {
    "cost": {"unit": "USD", "a": "1", "b": "0"},
    "calm": {"unit": "points", "a": "1", "b": "0"},
    "speed": {"a": "1", "b": "0"},
}
DECISION = Decision(per="rides", choose=("a", "b"), terms=TERMS, weights={"calm": 3, "cost": 2, "speed": 0})


def test_the_file_seeds_version_1() -> None:
    made = first_weights(DECISION)
    assert made.version == 1 and made.values == {"cost": 2.0, "calm": 3.0, "speed": 0.0}
    assert made.to_dict()["who"] == "system file"


def test_exchange_rates_in_money() -> None:
    said = exchange_rates(DECISION, DECISION.weights)
    assert said == ["1 point (calm) = 1.50 USD (cost)", "speed does not count (its weight is 0)"]
    assert exchange_rates(DECISION, checked(DECISION, {"cost": 0, "calm": 1, "speed": 4}))[0] == (
        "1 point (calm) = 0.25 units (speed)"
    )
    assert len(exchange_rates(DECISION, dict.fromkeys(TERMS, 0.0))) == 3
