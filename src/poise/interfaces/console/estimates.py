"""What other weights would do, as it is drawn: each term's gain with its limits on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = {
    "gains": ("▲", "gains", "good"),
    "loses": ("▼", "loses", "bad"),
    "no clear change": ("○", "no clear change", "unsure"),
    "cannot tell": ("?", "cannot tell", "unsure"),
}
"""Effect -> symbol, words, tone."""
VERDICTS = {
    "holds": ("✓", "would hold", "good"),
    "breaks": ("✗", "would break", "bad"),
    "cannot tell": ("?", "cannot tell", "unsure"),
}
LEAST = 0.02
"""The scale reaches at least so far to each side: a share of what the term comes to now."""


def effects(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a preview tells, each term with `place`: where its gain and its limits stand on a scale of 0 to 100 whose
    middle is no change; None where they are not known.

    >>> share = {"value": 0.1, "low": 0.05, "high": 0.2}
    >>> told = {"terms": [{"term": "revenue", "effect": "gains", "gain": {"share": share}}], "requirements": []}
    >>> effects(told)["terms"][0]["place"]
    {'value': 75.0, 'low': 62.5, 'high': 100.0}
    """
    shares = [one["gain"]["share"] for one in told["terms"]]
    reach = max([LEAST, *(abs(v) for share in shares for v in share.values() if v is not None)])
    counts = str(told.get("counts", "lists"))
    return {
        **told,
        "counts": counts,
        "noun": counts.removesuffix("s"),
        "reach": reach,
        "terms": [
            {**one, "words": WORDS[one["effect"]], "place": _place(one["gain"]["share"], reach)}
            for one in told["terms"]
        ],
        "requirements": [{**one, "words": VERDICTS[one["verdict"]]} for one in told["requirements"]],
    }


def outcomes(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a change did, each term with `came` and `foretold` as places on one scale, as `effects` has them."""
    shares = [one[key]["share"] for one in told["terms"] for key in ("came", "foretold") if one[key] is not None]
    reach = max([LEAST, *(abs(v) for share in shares for v in share.values() if v is not None)])
    terms = []
    for one in told["terms"]:
        places = {key: None if one[key] is None else _place(one[key]["share"], reach) for key in ("came", "foretold")}
        terms.append({**one, "places": places})
    return {**told, "reach": reach, "terms": terms}


def _place(share: Mapping[str, float | None], reach: float) -> dict[str, float] | None:
    found = {name: value for name, value in share.items() if value is not None}
    if len(found) < 3:
        return None
    return {name: round(50 + 50 * value / reach, 2) for name, value in found.items()}
