"""*Decisions*: the newest ones, and why one was made: what `/v1/explain` answers, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from poise.errors import PoiseError
from poise.interfaces.console.asking import Refusal, Told, ask, ask_if_there
from poise.interfaces.console.look import Page
from poise.serving.served import Served

NEWEST = 20
"""Decisions that are listed."""
MOST = 12
"""Inputs of one row that are named; what the others add is summed up."""


async def decisions(request: Request, served: Served) -> Page:
    """The page: a field for an id, and beneath it why that decision was made, or the newest ones."""
    asked = request.query_params
    if asked.get("part") == "newest":
        return Page("newest", {"newest": await _newest(request)})
    number = (asked.get("id") or "").strip()
    content: dict[str, Any] = {"number": number, "why": None, "refused": None, "newest": None}
    if number:
        try:
            content["why"] = why(await ask(request, "POST", "/v1/explain", {"decision_id": number}))
        except PoiseError as error:
            content["refused"] = error.message
            return Page("decisions", content, error.status)
    elif "newest" in asked:
        content["newest"] = await _newest(request)
    return Page("decisions", content)


async def _newest(request: Request) -> Told:
    try:
        found = await ask_if_there(request, "GET", "/v1/decisions", limit=NEWEST)
    except Refusal as error:
        return {"decisions": [], "refused": str(error)}
    return found or {"decisions": [], "refused": "this server keeps no decisions"}


def why(told: Told) -> dict[str, Any]:
    """An explanation as the page shows it: its rows with a name, terms in order, and bars for what counted.

    >>> row = {"dish": "soup", "rank": 1, "contributions": {"price": -0.5, "kind": 1.0}, "said": "It won."}
    >>> made = why({"kind": "list", "release": "r1", "rows": [row], "decision_id": "D"})
    >>> made["rows"][0]["name"], [(one["input"], one["left"], one["width"]) for one in made["rows"][0]["bars"]]
    ('soup', [('kind', 50.0, 50.0), ('price', 25.0, 25.0)])
    """
    rows = [_row(told, row) for row in told.get("rows", ())]
    in_rows = [row["terms"] for row in rows] + [one["terms"] for row in rows for one in row["actions"]]
    terms = list(dict.fromkeys(term for terms in in_rows for term in terms))
    return {**told, "rows": rows, "terms": terms, "would_change": told.get("would_change") or {}}


def _row(told: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    known = {
        "position", "rank", "score", "propensity", "drawn", "terms", "contributions", "features", "predictions", "said",
        "left_out", "first_at", "not_kept", "row", "decision_id", "fallbacks", "missing", "actions", "over", "chosen",
        "would_change",
    }  # fmt: skip
    named = next((value for key, value in row.items() if key not in known), None)
    name = row.get("chosen", row.get("action")) if named is None else named
    return {
        "name": str(row.get("row", "") if name is None else name),
        "position": row.get("position"),
        "rank": row.get("rank"),
        "score": row.get("score"),
        "propensity": row.get("propensity"),
        "said": row.get("said", ""),
        "left_out": row.get("left_out"),
        "terms": row.get("terms") or {},
        "actions": [{"action": name, **one} for name, one in (row.get("actions") or {}).items()],
        "over": row.get("over"),
        "would_change": row.get("would_change") or {},
        "features": row.get("features") or {},
        "bars": bars((row.get("over") or row).get("contributions") or {}, row.get("features") or {}),
        "predictions": _predictions(row.get("predictions") or {}),
        "first_at": row.get("first_at") or (),
    }


def _predictions(found: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """Each prediction with what it is on average; of classes one each."""
    out = []
    for name, one in found.items():
        if "value" in one:
            out.append({"name": name, "value": one["value"], "average": one.get("average")})
        else:
            out += [
                {"name": f"{name} {kind}", "value": part["value"], "average": part.get("average")}
                for kind, part in one.items()
            ]
    return out


def bars(contributions: Mapping[str, float], features: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """What counted most, the largest first, as bars from the middle of 100 wide: `left` and `width`."""
    ranked = sorted(contributions.items(), key=lambda item: -abs(item[1]))
    largest = max((abs(value) for _, value in ranked), default=0.0) or 1.0
    shown = ranked[:MOST]
    rest = ranked[MOST:]
    if rest:
        shown = [*shown, (f"{len(rest)} more together", sum(value for _, value in rest))]
    return [
        {
            "input": name,
            "value": value,
            "feature": features.get(name),
            "known": name in features,
            "left": 50.0 - 50.0 * min(1.0, abs(value) / largest) if value < 0 else 50.0,
            "width": 50.0 * min(1.0, abs(value) / largest),
        }
        for name, value in shown
    ]
