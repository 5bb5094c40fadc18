"""*Trade-offs*: what the weights are, what others would do, and changing them.

Nothing is live before it is applied. A form says which version it was made from, so that of two people who change at
once one does and the other is told; a change that cannot be made is shown again as it was filled in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import isfinite, nan
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from poise.errors import PoiseError, RequestError
from poise.interfaces.console.asking import Told, ask, ask_if_there
from poise.interfaces.console.estimates import effects, outcomes
from poise.interfaces.console.front import plot
from poise.interfaces.console.look import Page
from poise.interfaces.console.overview import live_weights
from poise.interfaces.console.words import exact
from poise.serving.served import Served

WEIGHT = "w."
"""How the field of a term's weight begins."""
VERSIONS = 10
"""Versions of the weights that are shown."""
WEIGHTS, HISTORY, TAKE_BACK = "/v1/weights", "/v1/weights/history", "/v1/weights/take-back"
PREVIEW, SUGGEST, FRONT = "/v1/weights/preview", "/v1/weights/suggest", "/v1/weights/front"
PROPOSALS, REALISED = "/v1/weights/proposals", "/v1/weights/realised"
ACTS = ("approve", "decline", "withdraw")
SAID = {
    "applied": "These weights are live now.",
    "same": "These weights were live already; nothing was changed.",
    "taken-back": "The weights of before are live again, as a new version.",
    "proposed": "The change waits for approval; nothing has changed yet.",
    "approve": "It is approved.",
    "decline": "It is declined; nothing has changed.",
    "withdraw": "It is withdrawn; nothing has changed.",
}
"""What the page says after a form was sent: by a name in its address, so that no address makes it say anything else."""


async def trade_offs(request: Request, served: Served) -> Page:
    """The page, or with `part` what stands in one part of it: `estimates`, `front`, `realised`."""
    part = request.query_params.get("part")
    if part == "estimates":
        return Page("estimates", {"estimates": await _estimates(request, _wanted(request.query_params))})
    if part == "front":
        return Page("front", {"front": await _front(request)})
    if part == "realised":
        return Page("realised", {"realised": await _realised(request)})
    return await _page(request)


async def estimate(request: Request, served: Served, fields: Mapping[str, str]) -> Response:
    """To the page with the estimates of what the form says; where there is no script this is a button."""
    wanted = {name: text for name, text in fields.items() if name.startswith(WEIGHT)}
    return RedirectResponse(f"/trade-offs?{urlencode(wanted)}#estimates", 303)


async def apply(request: Request, served: Served, fields: Mapping[str, str]) -> Page | Response:
    """Make the weights of the form live, as `PUT /v1/weights` does."""
    try:
        asked = {"values": _values(_wanted(fields)), "why": fields.get("why", "").strip(), **_expected(fields)}
        asked |= {name: fields[name].strip() for name in ("who", "until") if fields.get(name, "").strip()}
        told = await ask(request, "PUT", WEIGHTS, asked)
    except PoiseError as error:
        return await _again(request, fields, error)
    done = "proposed" if "proposal" in told else "applied" if told.get("changed", True) else "same"
    return RedirectResponse(f"/trade-offs?done={done}", 303)


async def take_back(request: Request, served: Served, fields: Mapping[str, str]) -> Page | Response:
    """Make the weights of an earlier version live again, as `POST /v1/weights/take-back` does."""
    try:
        asked: dict[str, Any] = {"why": fields.get("why", "").strip(), **_expected(fields)}
        asked |= {"who": fields["who"].strip()} if fields.get("who", "").strip() else {}
        asked |= {"to": _whole(fields["to"], "to")} if fields.get("to") else {}
        told = await ask(request, "POST", TAKE_BACK, asked)
    except PoiseError as error:
        return await _again(request, fields, error)
    return RedirectResponse(f"/trade-offs?done={'proposed' if 'proposal' in told else 'taken-back'}", 303)


async def decide(request: Request, served: Served, fields: Mapping[str, str]) -> Page | Response:
    """Approve, decline or withdraw a proposal, as its route does."""
    try:
        name, act = fields.get("proposal", ""), fields.get("act", "")
        if act not in ACTS or not name.isalnum():
            raise RequestError("no proposal came with what to do about it", field="act", allowed=", ".join(ACTS))
        asked: dict[str, Any] = {key: fields[key].strip() for key in ("why", "who") if fields.get(key, "").strip()}
        if act != "withdraw":
            asked |= {"as": fields.get("as", "")}
            asked |= {"expected_version": _whole(fields["version"], "version")} if fields.get("version") else {}
        await ask(request, "POST", f"{PROPOSALS}/{name}/{act}", asked)
    except PoiseError as error:
        return await _again(request, {}, error)
    return RedirectResponse(f"/trade-offs?done={act}", 303)


async def _again(request: Request, fields: Mapping[str, str], error: PoiseError) -> Page:
    """The page as it was filled in, with what was wrong, and with what is live by now."""
    field = error.field if isinstance(error, RequestError) else None
    place = "" if field is None else f"{field}: "
    said = {"title": error.title, "message": f"{place}{error.message}", "hint": error.hint}
    return await _page(request, fields, said, error.status)


async def _page(
    request: Request,
    filled: Mapping[str, str] | None = None,
    refused: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Page:
    live = await live_weights(request)
    if live is None:
        return Page("trade-offs-none", {}, status)
    versions, proposals = await asyncio.gather(
        ask(request, "GET", HISTORY, limit=VERSIONS),
        ask_if_there(request, "GET", PROPOSALS, standing="open"),
    )
    given = dict(filled if filled is not None else request.query_params)
    wanted, suggested = _wanted(given), None
    if filled is None and given.get("suggest"):
        suggested = await _suggested(request, given)
        wanted = {term: exact(value) for term, value in suggested.get("values", {}).items()} or wanted
    told = None if filled is not None or not wanted else suggested or await _estimates(request, wanted)
    content = {
        "live": live,
        "terms": [_term(term, live, wanted) for term in live["values"]],
        "filled": given,
        "refused": refused,
        "done": SAID.get(given.get("done", "")) if filled is None else None,
        "estimates": told if suggested is None else {**suggested, "suggested": True},
        "front": await _front(request) if given.get("show") == "front" else None,
        "realised": await _realised(request) if given.get("show") == "realised" else None,
        "told_of": given.get("version", ""),
        "versions": versions["versions"],
        "proposals": (proposals or {}).get("proposals", ()),
    }
    return Page("trade-offs", content, status)


def _term(term: str, live: Told, wanted: Mapping[str, str]) -> dict[str, Any]:
    """A term's field and slider. The slider reaches from 0 to twice what is live, and beyond what is asked."""
    now = float(live["values"][term])
    text = wanted.get(term, exact(now))
    try:
        asked = float(text)
    except ValueError:
        asked = now
    most = max(2 * abs(now), 1.25 * abs(asked)) or 1.0
    return {
        "name": term,
        "unit": live["units"][term] or term,
        "live": exact(now),
        "value": text,
        "least": exact(-most if now < 0 or asked < 0 else 0.0),
        "most": exact(most),
        "step": exact(float(f"{most / 100:.1g}")),
    }


async def _estimates(request: Request, wanted: Mapping[str, str]) -> Told:
    """What `/v1/weights/preview` tells of weights, with what is drawn of it; or why it tells nothing."""
    try:
        values = _values(wanted) or (await ask(request, "GET", WEIGHTS))["values"]
        told = await ask_if_there(request, "POST", PREVIEW, {"values": values})
    except PoiseError as error:
        return {"refused": error.message, "hint": error.hint}
    return {"refused": "this server makes no estimates", "hint": None} if told is None else effects(told)


async def _suggested(request: Request, given: Mapping[str, str]) -> Told:
    """The weights that bring a term to what was asked at the least loss of the others."""
    try:
        gain = _number(given.get("gain", ""), "gain") / 100
        told = await ask(request, "POST", SUGGEST, {"term": given["suggest"], "gain": gain})
    except PoiseError as error:
        return {"refused": error.message, "hint": error.hint}
    return effects(told)


async def _front(request: Request) -> Told:
    """What `/v1/weights/front` tells, drawn: of two terms one moves, since only their ratio counts; of more, all."""
    try:
        terms = list((await ask(request, "GET", WEIGHTS))["values"])
        chosen = [name for name in map(request.query_params.get, ("term", "against")) if name in terms]
        across, up = [*dict.fromkeys([*chosen, *reversed(terms)]), None][:2]
        told = await ask_if_there(request, "POST", FRONT, {} if len(terms) > 2 else {"term": across})
    except PoiseError as error:
        return {"refused": error.message, "hint": error.hint}
    if told is None:
        return {"refused": "this server makes no estimates", "hint": None}
    return plot(told, str(across), up, terms)


async def _realised(request: Request) -> Told:
    """What a change did, beside what was foretold of it."""
    try:
        version = request.query_params.get("version")
        asked = {"version": _whole(version, "version")} if version else {}
        told = await ask_if_there(request, "POST", REALISED, asked)
    except PoiseError as error:
        return {"refused": error.message, "hint": error.hint}
    return {"refused": "this server makes no estimates", "hint": None} if told is None else outcomes(told)


def _wanted(fields: Mapping[str, str]) -> dict[str, str]:
    """Term -> what its field says."""
    return {name.removeprefix(WEIGHT): text.strip() for name, text in fields.items() if name.startswith(WEIGHT)}


def _values(wanted: Mapping[str, str]) -> dict[str, float]:
    return {term: _number(text, term) for term, text in wanted.items()}


def _expected(fields: Mapping[str, str]) -> dict[str, int]:
    return {"expected_version": _whole(fields["expected"], "expected")} if fields.get("expected") else {}


def _number(text: str, field: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = nan
    if not isfinite(value):
        raise RequestError(f"'{text[:40]}' came", field=field[:40], allowed="a number")
    return value


def _whole(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise RequestError(f"'{text[:40]}' came", field=field, allowed="the number of a version")
    return int(text)
