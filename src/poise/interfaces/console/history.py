"""*History*: everything that was done, in order, and what was live at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from poise.errors import PoiseError
from poise.interfaces.console.asking import Refusal, Told, ask
from poise.interfaces.console.look import Page
from poise.interfaces.http.query import whole
from poise.serving.served import Served

AT_ONCE = 50
"""Lines on one page."""
VERSIONS = 1_000
"""Versions of the weights among which those of a time are looked for."""


async def history(request: Request, served: Served) -> Page:
    """The page: the newest lines, or those before a number; of one act or one subject if asked."""
    asked = request.query_params
    act, subject = asked.get("act") or None, (asked.get("subject") or "").strip() or None
    before = whole(request, "before", 0, 0, 2**53) or None
    told, then = await asyncio.gather(
        ask(request, "GET", "/v1/history", act=act, subject=subject, before=before, limit=AT_ONCE + 1),
        _then(request, asked.get("at")),
    )
    lines = told["history"]
    kept = {name: value for name, value in (("act", act), ("subject", subject)) if value}
    older = f"/history?{urlencode({**kept, 'before': lines[AT_ONCE - 1]['seq']})}" if len(lines) > AT_ONCE else None
    content = {
        "lines": [{**line, "told": _told(line["details"])} for line in lines[:AT_ONCE]],
        "acts": told.get("acts", ()),
        "act": act,
        "subject": subject or "",
        "older": older,
        "newest": f"/history?{urlencode(kept)}" if before else None,
        "at": asked.get("at") or "",
        "then": then,
    }
    return Page("history", content)


async def _then(request: Request, at: str | None) -> Told | None:
    """What was live at a time, in words; None where nobody asks."""
    if not at:
        return None
    try:
        found = await ask(request, "GET", "/v1/releases", at=at)
        weights = None
        if found["weights"] is not None:
            versions = (await ask(request, "GET", "/v1/weights/history", limit=VERSIONS))["versions"]
            weights = next((one for one in versions if one["version"] == found["weights"]), None)
    except Refusal as error:
        return {"refused": str(error)}
    except PoiseError as error:
        return {"refused": error.message}
    return {"refused": None, "contracts": found["contracts"], "version": found["weights"], "weights": weights}


def _told(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The details of a line that one look takes in: names with values that are no lists or objects of many.

    >>> _told({"from": 3, "values": {"revenue": 0.4}, "verdicts": [{}, {}], "by": None})
    [('from', '3'), ('values', 'revenue 0.4')]
    """
    found = []
    for name, value in details.items():
        if isinstance(value, Mapping):
            if all(not isinstance(one, Mapping | list) for one in value.values()):
                found.append((name, ", ".join(f"{key} {one}" for key, one in value.items())))
        elif isinstance(value, list):
            if value and all(not isinstance(one, Mapping | list) for one in value):
                found.append((name, ", ".join(map(str, value))))
        elif value is not None:
            found.append((name, str(value)))
    return [(name, text[:200]) for name, text in found if text]
