"""How far one term can be moved at the expense of others, and by which weights: told from the same lists as previews.

Among all weights that bring a term to some amount, those that change its weight alone lose least by the others' own
exchange rates: that is what a Lagrange multiplier says (Boyd & Vandenberghe, Convex Optimization, 2004, section 5.6).
So a trade-off is a line, and no search in many dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.errors import RequestError, did_you_mean
from poise.evaluation.off_policy import LoggedRows
from poise.serving.body import described
from poise.serving.preview import Asked, Preview

POINTS, LISTS = 9, 500
"""Points of a front on each side of now, at most, and the lists that each is told from."""
WIDEST = 64.0
"""The weight of a term is looked for up to so many times what it is, and down to a part as small."""
STEPS = 24
"""Halvings of the range in which a weight is looked for."""
FORM, FRONT_FORM = '{"term": "TERM", "gain": 0.03}', '{"term": "TERM"}'


def asked_gain(content: Mapping[str, Any], terms: Mapping[str, object]) -> tuple[str, float]:
    """Term and share of `{"term": …, "gain": 0.03}`. Raises `RequestError` for what does not fit."""
    _fields(content, ("term", "gain"), FORM)
    term, gain = _known(content.get("term"), terms), content.get("gain")
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not -1 < gain <= 10 or gain == 0:
        came = described(gain) if "gain" in content else "nothing"
        raise RequestError(
            f"{came} came", field="gain", allowed="a share from above -1 to 10, not 0 (0.03 is 3 % more)"
        )
    return term, float(gain)


def asked_term(content: Mapping[str, Any], terms: Mapping[str, object]) -> str:
    """The term of `{"term": …}`. Raises `RequestError` for what does not fit."""
    _fields(content, ("term",), FRONT_FORM)
    return _known(content.get("term"), terms)


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


def suggest(preview: Preview, now: Mapping[str, float], term: str, gain: float) -> dict[str, Any]:
    """The weights that bring `term` to (1 + gain) of what it comes to now, at the least loss of the others.

    Looked for by what the models expect of the newest lists (`expected`), which is smooth; what they would do is then
    told as any preview tells it, and the two may differ. `reached` says whether what was asked lies within what is
    told; else those weights stand there that come nearest. Raises `RequestError` where
    the term does not count now: there is no exchange rate to begin at.
    """
    _counts(now, term)
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
    told = preview.of(now, Asked(_scaled(now, term, high)))
    own = next(one for one in told["terms"] if one["term"] == term)
    farthest = own["gain"]["share"]["high" if more else "low"]
    reached = found and own["refused"] is None and (farthest is None or (farthest >= gain) == more)
    expected = _expected(preview, now, term, high)
    broken = [one["who"] for one in told["requirements"] if one["verdict"] == "breaks"]
    return {"asked": {"term": term, "gain": gain}, "expected": expected, "reached": reached, "breaks": broken, **told}


def front(preview: Preview, now: Mapping[str, float], term: str) -> dict[str, Any]:
    """What every term comes to as the weight of `term` grows and shrinks.

    Points in order of that weight, `now` among them, each with its gains as shares and their limits, and whether
    another point is surely at least as good in every term; `refused`: why nothing can be told of a point. Raises as
    `suggest` does.
    """
    _counts(now, term)
    factors = sorted({2.0 ** (step / 2) for step in range(-POINTS, POINTS + 1)})
    points = []
    for factor in factors:
        told = preview.of(now, Asked(_scaled(now, term, factor), LISTS))
        gains = {one["term"]: one["gain"]["share"] for one in told["terms"]}
        points.append({"values": told["values"], "now": factor == 1.0, "gains": gains, "refused": told["refused"]})
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
    before, after = (_model(preview.rows(values, LISTS)[term]) for values in (now, _scaled(now, term, factor)))
    return (after - before) / abs(before) if before else 0.0


def _model(rows: LoggedRows) -> float:
    assert rows.model is not None
    return float(rows.model.target.mean())
