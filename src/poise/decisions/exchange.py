"""Exchange rates: what weights say about the terms, and what a change of them changes, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

from poise.decisions.weights import applied
from poise.spec.decision import Decision

CLOSE = 0.005
"""An amount is written with as few decimals (at least 2) as state it to half a percent."""


def exchange_rates(decision: Decision, values: Mapping[str, float]) -> list[str]:
    """What the weights say about the terms, one sentence per term: what a unit of it is worth in the money unit.

    The measure is the first term whose unit is three capital letters (a currency), else the last term that counts.

    >>> terms = {"engagement": {"unit": "orders", "a": "1", "b": "0"}, "revenue": {"unit": "USD", "a": "2", "b": "0"}}
    >>> decision = Decision(per="shown", choose=("a", "b"), terms=terms)
    >>> exchange_rates(decision, {"engagement": 1.0, "revenue": 0.4})
    ['1 order (engagement) = 2.50 USD (revenue)']
    """
    weights = applied(decision, values)
    said = [f"{term} does not count (its weight is 0)" for term, weight in weights.items() if weight == 0]
    measure = _measure(decision, (term for term, weight in weights.items() if weight != 0))
    rates = [
        f"1 {_singular(decision, term)} ({term}) = {_amount(decision, measure, weight / weights[measure])} ({measure})"
        for term, weight in weights.items()
        if measure is not None and weight != 0 and term != measure
    ]
    return rates + said + ([] if measure else ["no term counts, so that nothing is better than anything else"])


def what_changed(decision: Decision, before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """What changes with the weights, in sentences; none where nothing does.

    Only ratios of weights decide what is chosen: where all change by one factor that is what is said.

    >>> terms = {"engagement": {"unit": "orders", "a": "1", "b": "0"}, "revenue": {"unit": "USD", "a": "2", "b": "0"}}
    >>> decision = Decision(per="shown", choose=("a", "b"), terms=terms)
    >>> what_changed(decision, {"engagement": 1.0, "revenue": 0.4}, {"engagement": 1.0, "revenue": 0.6})
    ['1 order (engagement) was worth 2.50 USD (revenue) and is now worth 1.67 USD']
    """
    was, is_ = applied(decision, before), applied(decision, now)
    if was == is_:
        return []
    said = [sentence for term in was for sentence in _turned(term, was[term], is_[term])]
    both = [term for term in was if was[term] != 0 and is_[term] != 0]
    measure = _measure(decision, both)
    for term in both:
        assert measure is not None
        old, new = was[term] / was[measure], is_[term] / is_[measure]
        if term != measure and abs(new - old) > 1e-9 * abs(old):
            said.append(_moved(decision, term, measure, old, new))
    return said or ["all weights changed by the same factor, so that no exchange rate and no order changes"]


def _turned(term: str, was: float, now: float) -> list[str]:
    """A term that counts from now on, no longer, or the other way round."""
    if was == 0 and now != 0:
        return [f"{term} did not count and now does (its weight was 0 and is {now:g})"]
    if was != 0 and now == 0:
        return [f"{term} no longer counts (its weight was {was:g} and is 0)"]
    if was * now < 0:
        wanted = "more of it was wanted and now less is" if now < 0 else "less of it was wanted and now more is"
        return [f"{term} has turned round: {wanted} (its weight was {was:g} and is {now:g})"]
    return []


def _moved(decision: Decision, term: str, measure: str, old: float, new: float) -> str:
    """The two amounts with as many decimals as tell them apart."""
    told = ([_amount(decision, measure, value, decimals) for value in (old, new)] for decimals in count(2))
    was, now = next(amounts for amounts in told if amounts[0] != amounts[1])
    return f"1 {_singular(decision, term)} ({term}) was worth {was} ({measure}) and is now worth {now}"


def _measure(decision: Decision, terms: Iterable[str]) -> str | None:
    """The term in whose unit the others are told: the first in money, else the last."""
    counting = list(terms)
    money = [term for term in counting if _is_currency(decision.terms[term].unit)]
    return money[0] if money else counting[-1] if counting else None


def _is_currency(unit: str | None) -> bool:
    return unit is not None and len(unit) == 3 and unit.isalpha() and unit.isupper()


def _singular(decision: Decision, term: str) -> str:
    unit = decision.terms[term].unit
    if unit is None:
        return "unit"
    plural = unit.islower() and unit.endswith("s") and not unit.endswith("ss") and len(unit) > 2
    return unit[:-1] if plural else unit


def _amount(decision: Decision, term: str, value: float, decimals: int = 2) -> str:
    unit = decision.terms[term].unit or "units"
    if not _is_currency(unit):
        return f"{value:,.{decimals + 2}g} {unit}"
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.{decimals + 1}g} {unit}"
    while abs(round(value, decimals) - value) > CLOSE * abs(value):
        decimals += 1
    return f"{value:,.{decimals}f} {unit}"
