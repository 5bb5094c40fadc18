"""Weights: utility per unit of each term. They are never normalised; what they say is an exchange rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from poise.errors import NotNow, RequestError, did_you_mean
from poise.spec.decision import Decision

LEAST, MOST = 1e-12, 1e12
"""A weight is 0 or of a size between these: what it is multiplied with, and the ratio of two, stay finite numbers."""


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


def checked(decision: Decision, values: Mapping[str, object], *, field: str = "weights") -> dict[str, float]:
    """`values` with 1 for each term left out, in the order of the terms.

    Raises `RequestError`, which names `field` and the term, for a term that does not exist and for a weight that is no
    number, not finite, or too large or small.

    >>> decision = Decision(per="rides", choose=("go", "stay"), terms={"fare": {"go": "2", "stay": "0"}})
    >>> checked(decision, {})
    {'fare': 1.0}
    >>> checked(decision, {"fair": 2.0})
    Traceback (most recent call last):
    poise.errors.RequestError: weights.fair: there is no term 'fair' (did you mean 'fare'?)
    """
    return {**dict.fromkeys(decision.terms, 1.0), **checked_some(decision, values, field=field)}


def checked_some(decision: Decision, values: Mapping[str, object], *, field: str = "weights") -> dict[str, float]:
    """`values` alone, checked as `checked` does."""
    out = {}
    for term, value in values.items():
        if term not in decision.terms:
            hint = did_you_mean(term, decision.terms)
            raise RequestError(f"there is no term '{term}'", field=f"{field}.{term}", hint=hint)
        if (fault := _fault(value)) is not None:
            allowed = f"0, or a number of a size from {LEAST:g} to {MOST:g}"
            raise RequestError(f"the weight of '{term}' is {fault}", field=f"{field}.{term}", allowed=allowed)
        assert isinstance(value, int | float)
        out[term] = float(value)
    return out


def counting(values: Mapping[str, float], *, field: str = "weights") -> None:
    """Raise `NotNow` where all of `values` are 0: nothing is better than anything else then, so that what comes
    first would be chosen, which nobody can have meant.

    >>> counting({"fare": 0.0, "calm": 0.0})
    Traceback (most recent call last):
    poise.errors.NotNow: weights: all weights would be 0, and nothing better than anything else ...
    """
    if not any(values.values()):
        text = "all weights would be 0, and nothing better than anything else"
        raise NotNow(text, field=field, hint="give at least one term a weight other than 0")


def _fault(value: object) -> str | None:
    """How a value that cannot be a weight is described; None where it can."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
        return text if len(text) <= 60 else f"{text[:59]}…"
    if isinstance(value, int) and abs(value) > MOST:
        return "larger than that" if abs(value) >= 10**20 else f"{value}"
    return None if value == 0 or (isfinite(value) and LEAST <= abs(value) <= MOST) else f"{value}"


def applied(decision: Decision, values: Mapping[str, float]) -> dict[str, float]:
    """What live weights mean for `decision`, whose terms may be others than when they were set: a term that they lack
    has the file's weight, and a weight of a term that is gone means nothing.

    >>> terms = {"fare": {"go": "2", "stay": "0"}, "calm": {"go": "0", "stay": "1"}}
    >>> applied(Decision(per="rides", choose=("go", "stay"), terms=terms, weights={"calm": 3}), {"fare": 2, "tips": 1})
    {'fare': 2.0, 'calm': 3.0}
    """
    seeded = checked(decision, decision.weights)
    return {**seeded, **checked_some(decision, {t: value for t, value in values.items() if t in seeded})}
