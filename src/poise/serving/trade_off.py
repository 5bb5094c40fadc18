"""How far one term can be moved at the expense of others, and by which weights: told from the same lists as previews.

Among all weights that bring a term to some amount, those that change its weight alone lose least by the others' own
exchange rates: that is what a Lagrange multiplier says (Boyd & Vandenberghe, Convex Optimization, 2004, section 5.6).
So a trade-off of one term is a line. Where several are asked for, or a stakeholder's bound would be broken, weights are
looked for in all directions (`poise.serving.directions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from poise.errors import RequestError, did_you_mean
from poise.evaluation.off_policy import LoggedRows
from poise.serving.body import described
from poise.serving.directions import not_beaten, over, within
from poise.serving.preview import Asked, Preview

POINTS, LISTS = 9, 500
"""Points of a front on each side of now, at most, and the lists that each is told from."""
LOOKED = 200
"""Lists by which weights are looked for in all directions: models expect much the same of more."""
WIDEST = 64.0
"""The weight of a term is looked for up to so many times what it is, and down to a part as small."""
STEPS_BACK = 5
"""Where the log says that a bound is broken which the models thought kept, a third of the way back is gone so often."""
STEPS = 24
"""Halvings of the range in which a weight is looked for."""
FORM, FRONT_FORM = '{"term": "TERM", "gain": 0.03} or {"goals": {"TERM": 0.03}}', '{"term": "TERM"} or {}'


def asked_goals(content: Mapping[str, Any], terms: Mapping[str, object]) -> dict[str, float]:
    """Terms and shares of `{"term": …, "gain": 0.03}` or `{"goals": {…: 0.03, …: -0.01}}`.

    Raises `RequestError` for what does not fit.
    """
    if "goals" not in content:
        _fields(content, ("term", "gain"), FORM)
        return {_known(content.get("term"), terms): _gain(content.get("gain"), "gain", "gain" in content)}
    _fields(content, ("goals",), FORM)
    goals = content["goals"]
    if not isinstance(goals, Mapping) or not goals:
        raise RequestError(f"{described(goals)} came", field="goals", allowed="an object of one or more terms")
    return {_known(term, terms): _gain(gain, f"goals.{term}"[:100], True) for term, gain in goals.items()}


def _gain(gain: object, field: str, given: bool) -> float:
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not -1 < gain <= 10 or gain == 0:
        came = described(gain) if given else "nothing"
        raise RequestError(f"{came} came", field=field, allowed="a share from above -1 to 10, not 0 (0.03 is 3 % more)")
    return float(gain)


def asked_term(content: Mapping[str, Any], terms: Mapping[str, object]) -> str | None:
    """The term of `{"term": …}`; None of `{}`, which asks for all. Raises `RequestError` for what does not fit."""
    _fields(content, ("term",), FRONT_FORM)
    return _known(content["term"], terms) if "term" in content else None


def _fields(content: Mapping[str, Any], known: tuple[str, ...], form: str) -> None:
    for name in content:
        if name not in known:
            raise RequestError("there is no such field", field=name[:100], allowed=form)


def _known(term: object, terms: Mapping[str, object]) -> str:
    if isinstance(term, str) and term in terms:
        return term
    came = "nothing" if term is None else described(term)
    hint = did_you_mean(term, terms) if isinstance(term, str) else None
    raise RequestError(f"{came} came", field="term", allowed=f"one of {', '.join(terms)}", hint=hint)


def suggest(preview: Preview, now: Mapping[str, float], goals: Mapping[str, float]) -> dict[str, Any]:
    """The weights that bring each term of `goals` to (1 + its share) of what it comes to now, within the bounds of all
    stakeholders (requirements relative to what is live), at the least loss by the exchange rates of now.

    Looked for by what the models expect of the newest lists (`expected`), which no outcome enters; what they would do
    is then told by outcomes, as any preview tells it, so that its limits are not those of the best of many. The two may
    differ. `reached` says whether what was asked lies within what is told; else those weights stand there that come
    nearest. `binds`: the bounds that stand in the way of a cheaper way, or of any. Raises `RequestError` where a term
    does not count now: there is no exchange rate to begin at.
    """
    for term in goals:
        _counts(now, term)
    expected = partial(_shares, preview, now, lists=LOOKED)
    binds: list[str] = []
    values = _on_the_line(preview, now, *next(iter(goals.items()))) if len(goals) == 1 else None
    if values is None or over(expected(values), preview.bounds):
        values, binds = within(expected, now, _worth(preview, now), goals, preview.bounds, values)
    told = preview.of(now, Asked(values))
    for _ in range(STEPS_BACK if binds else 0):
        if not any(one["verdict"] == "breaks" for one in told["requirements"]):
            break
        values = {term: _between(now[term], values[term]) for term in values}
        told = preview.of(now, Asked(values))
    shares = _shares(preview, now, values)
    reached = all(_reached(told, term, gain) for term, gain in goals.items())
    broken = [one["who"] for one in told["requirements"] if one["verdict"] == "breaks"]
    term, gain = next(iter(goals.items()))
    return {
        "asked": {"term": term, "gain": gain, "goals": dict(goals)},
        "expected": shares[term],
        "expected_of": shares,
        "reached": reached,
        "breaks": broken,
        "binds": binds,
        **told,
    }


def _between(one: float, other: float) -> float:
    """A third of the way from the other weight to one of the same sign, as ratios."""
    return float(f"{np.sign(one) * abs(one) ** (1 / 3) * abs(other) ** (2 / 3):.4g}") if one * other > 0 else one


def _reached(told: Mapping[str, Any], term: str, gain: float) -> bool:
    """Whether what was asked of a term lies within what the log tells of it."""
    own = next(one for one in told["terms"] if one["term"] == term)
    farthest = own["gain"]["share"]["high" if gain > 0 else "low"]
    return own["refused"] is None and (farthest is None or (farthest >= gain) == (gain > 0))


def _on_the_line(preview: Preview, now: Mapping[str, float], term: str, gain: float) -> dict[str, float]:
    """The weights that bring one term that far by its own weight alone, or come nearest."""
    more, up = gain > 0, (gain > 0) == (now[term] > 0)
    low, high, found = 1.0, 1.0, False
    for _ in range(int(WIDEST).bit_length() - 1):
        low, high = high, high * 2 if up else high / 2
        if found := (_expected(preview, now, term, high) >= gain) == more:
            break
    for _ in range(STEPS if found else 0):
        middle = (low * high) ** 0.5
        if (_expected(preview, now, term, middle) >= gain) == more:
            high = middle
        else:
            low = middle
        if max(low, high) / min(low, high) < 1.005:
            break
    return _scaled(now, term, high)


def front(preview: Preview, now: Mapping[str, float], term: str | None) -> dict[str, Any]:
    """What every term comes to as the weight of `term` grows and shrinks; without one, as all weights move.

    Points in order of that weight, or of the loss by the exchange rates of now, `now` among them, each with its gains
    as shares and their limits (of each point by itself), and whether another point is surely at least as good in every
    term; `refused`: why nothing can be told of a point. Without a term: those of many sampled weights that no other is
    expected to beat. Raises as `suggest` does.
    """
    if term is not None:
        _counts(now, term)
        factors = sorted({2.0 ** (step / 2) for step in range(-POINTS, POINTS + 1)})
        chosen = [dict(now) if factor == 1.0 else _scaled(now, term, factor) for factor in factors]
    else:
        chosen = [dict(now), *not_beaten(partial(_shares, preview, now, lists=LOOKED), now, _worth(preview, now))]
    points = []
    for values in chosen:
        told = preview.of(now, Asked(values, LISTS))
        gains = {one["term"]: one["gain"]["share"] for one in told["terms"]}
        points.append({"values": values, "now": values == dict(now), "gains": gains, "refused": told["refused"]})
    known = [one for one in points if one["refused"] is None]
    for one in points:
        one["dominated"] = one in known and any(_better(other, one) for other in known)
    return {"term": term, "lists": min(LISTS, preview.lists), "points": points}


def _counts(now: Mapping[str, float], term: str) -> None:
    if not now[term]:
        raise RequestError(f"{term} does not count now (its weight is 0)", field="term", allowed="a term that counts")


def _better(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether `one` surely comes to at least as much in every term, and to more in some: by its lower limits."""
    pairs = [(one["gains"][term]["low"], other["gains"][term]["value"]) for term in one["gains"]]
    if any(low is None or value is None for low, value in pairs):
        return False
    return all(low >= value for low, value in pairs) and any(low > value + 1e-9 for low, value in pairs)


def _scaled(now: Mapping[str, float], term: str, factor: float) -> dict[str, float]:
    return {**now, term: float(f"{now[term] * factor:.4g}")}


def _expected(preview: Preview, now: Mapping[str, float], term: str, factor: float) -> float:
    """The gain of a term as a share of now, as the models expect it."""
    return _shares(preview, now, _scaled(now, term, factor))[term]


def _shares(
    preview: Preview, now: Mapping[str, float], values: Mapping[str, float], lists: int = LISTS
) -> dict[str, float]:
    """The gain of every term as a share of now, as the models expect it; no outcome enters."""
    before, after = (preview.rows(one, lists) for one in (now, values))
    found = {term: (_model(before[term]), _model(after[term])) for term in before}
    return {term: (then - was) / abs(was) if was else 0.0 for term, (was, then) in found.items()}


def _worth(preview: Preview, now: Mapping[str, float]) -> dict[str, float]:
    """Term -> what all that it comes to now is worth by the weights of now, as the models expect it."""
    return {term: now[term] * abs(_model(rows)) for term, rows in preview.rows(now, LISTS).items()}


def _model(rows: LoggedRows) -> float:
    assert rows.model is not None
    return float(rows.model.target.mean())
