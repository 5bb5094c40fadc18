"""Weights: utility per unit of each term. They are never normalised; what they say is an exchange rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from poise.errors import RequestError, did_you_mean
from poise.spec.decision import Decision


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of the weights: what they are, who set them, when (int64 microseconds, UTC) and why."""

    version: int
    values: Mapping[str, float]
    who: str = "system file"
    when: int | None = None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "version": self.version,
            "values": dict(self.values),
            "who": self.who,
            "when": self.when,
            "why": self.why,
        }


def first_weights(decision: Decision) -> Weights:
    """The weights that the system file seeds: version 1; a term without a weight counts 1 per unit."""
    return Weights(1, checked(decision, decision.weights), why="the system file")


def checked(decision: Decision, values: Mapping[str, object]) -> dict[str, float]:
    """`values` with 1 for each term left out, in the order of the terms.

    Raises `RequestError` for a term that does not exist or a weight that is not a finite number.

    >>> decision = Decision(per="rides", choose=("go", "stay"), terms={"fare": {"go": "2", "stay": "0"}})
    >>> checked(decision, {})
    {'fare': 1.0}
    >>> checked(decision, {"fair": 2.0})
    Traceback (most recent call last):
    poise.errors.RequestError: weights.fair: there is no term 'fair' (did you mean 'fare'?)
    """
    out = dict.fromkeys(decision.terms, 1.0)
    for term, value in values.items():
        if term not in decision.terms:
            hint = did_you_mean(term, decision.terms)
            raise RequestError(f"there is no term '{term}'", field=f"weights.{term}", hint=hint)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            hint = "a finite number is needed"
            raise RequestError(f"the weight of '{term}' is {value!r}", field=f"weights.{term}", hint=hint)
        out[term] = float(value)
    return out


def exchange_rates(decision: Decision, values: Mapping[str, float]) -> list[str]:
    """What the weights say about the terms, one sentence per term: what a unit of it is worth in the money unit.

    The measure is the first term whose unit is three capital letters (a currency), else the last term that counts.

    >>> terms = {"engagement": {"unit": "orders", "a": "1", "b": "0"}, "revenue": {"unit": "USD", "a": "2", "b": "0"}}
    >>> decision = Decision(per="shown", choose=("a", "b"), terms=terms)
    >>> exchange_rates(decision, {"engagement": 1.0, "revenue": 0.4})
    ['1 order (engagement) = 2.50 USD (revenue)']
    """
    weights = checked(decision, values)
    counting = [term for term, weight in weights.items() if weight != 0]
    said = [f"{term} does not count (its weight is 0)" for term, weight in weights.items() if weight == 0]
    if not counting:
        return said
    money = [term for term in counting if _is_currency(decision.terms[term].unit)]
    measure = money[0] if money else counting[-1]
    rates = [
        f"1 {_singular(decision.terms[term].unit)} ({term}) = "
        f"{_amount(weights[term] / weights[measure], decision.terms[measure].unit)} ({measure})"
        for term in counting
        if term != measure
    ]
    return rates + said


def _is_currency(unit: str | None) -> bool:
    return unit is not None and len(unit) == 3 and unit.isalpha() and unit.isupper()


def _singular(unit: str | None) -> str:
    if unit is None:
        return "unit"
    plural = unit.islower() and unit.endswith("s") and not unit.endswith("ss") and len(unit) > 2
    return unit[:-1] if plural else unit


def _amount(value: float, unit: str | None) -> str:
    if _is_currency(unit) and abs(value) >= 0.01:
        return f"{value:,.2f} {unit}"
    return f"{value:,.4g} {unit or 'units'}"
