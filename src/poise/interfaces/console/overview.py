"""*Overview*: what the system is for, what is live since when, by whom and why, and whose requirements hold."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from poise.interfaces.console.asking import Refusal, Told, ask, ask_if_there
from poise.interfaces.console.look import Page
from poise.interfaces.console.monitors import last_look
from poise.interfaces.http.page import curl
from poise.serving.served import Served

BROKEN = ("fail", "insufficient")
_NOT_SAID = {"text": "", "sentence": "", "value": None}
"""What an old release may not say of a requirement."""


async def overview(request: Request, served: Served) -> Page:
    """The page."""
    releases, judged, weights, trouble, (looked, _), rollout = await asyncio.gather(
        ask(request, "GET", "/v1/releases"),
        ask(request, "GET", "/v1/requirements"),
        live_weights(request),
        _trouble(request),
        last_look(request),
        _rollout(request),
    )
    findings = [] if looked is None else [one for one in looked["findings"] if one["level"] == "alarm"]
    live = str(judged["release"])
    described, address = served.live.described(), str(request.base_url).rstrip("/")
    content = {
        "release": live,
        "came": await _came(request, live),
        "since": releases["since"],
        "contracts": releases["contracts"],
        "requirements": [
            {**_NOT_SAID, **one, "since": failing_since(one, live, releases), "now": _now(one, findings)}
            for one in judged["requirements"]
        ],
        "alarms": len(findings),
        "looked": None if looked is None else looked["until"],
        "rollout": rollout,
        "weights": weights,
        "troubles": [*trouble, *_not_answering(releases)],
        "clock": described["clock"],
        "curl": curl(address, described["route"], described["example"]),
    }
    return Page("overview", content)


async def live_weights(request: Request) -> Told | None:
    """The live weights as `/v1/weights` tells them; None of a system that decides nothing."""
    try:
        return await ask(request, "GET", "/v1/weights")
    except Refusal as error:
        if error.status == 422:
            return None
        raise


def failing_since(one: Mapping[str, Any], live: str, releases: Mapping[str, Any]) -> str | None:
    """Since when a requirement fails without a break, by how the releases up to the live one were judged; None where it
    does not.

    >>> bad = {"who": "sales", "metric": "decision.revenue", "text": "at least 95%", "status": "fail"}
    >>> def judged(name, at, status):
    ...     verdicts = [bad | {"status": status}]
    ...     return {"name": name, "status": "released", "created": at, "verdict": {"verdicts": verdicts}}
    >>> rows = [judged(f"r{at}", f"2026-03-0{at}", "fail" if at > 1 else "pass") for at in (3, 2, 1)]
    >>> failing_since(bad, "r3", {"since": "2026-03-03", "releases": rows})
    '2026-03-02'
    """
    if one["status"] not in BROKEN:
        return None
    since: str | None = releases["since"]
    released = [row for row in releases["releases"] if row["status"] in ("released", "retired")]
    names = [row["name"] for row in released]
    for row in released[names.index(live) if live in names else 0 :]:
        found = [v for v in row["verdict"].get("verdicts", ()) if _same(v, one)]
        if not found or found[0]["status"] not in BROKEN:
            break
        since = row["created"]
    return since


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in ("who", "metric", "text"))


def _now(one: Mapping[str, Any], alarms: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What the newest look found of a requirement that does not hold any more."""
    for alarm in alarms:
        asked = alarm["requirement"]
        if asked and one["who"] in alarm["who"] and (asked == one.get("text") or one["metric"] in asked):
            return alarm
    return None


async def _rollout(request: Request) -> Told | None:
    """A release that is on its way to everybody; None where there is none."""
    try:
        told = await ask_if_there(request, "GET", "/v1/rollout")
    except Refusal:
        return None
    return told if told and told.get("stage") in ("shadow", "canary") else None


async def _came(request: Request, release: str) -> Mapping[str, Any] | None:
    """The line of the history by which a release came to answer."""
    lines = await ask(request, "GET", "/v1/history", subject=release, limit=50)
    return next((line for line in lines["history"] if line["act"] in ("promote", "rollback")), None)


async def _trouble(request: Request) -> Sequence[str]:
    """What `/health/ready` says that is not as it should be."""
    try:
        told = await ask_if_there(request, "GET", "/health/ready")
    except Refusal as error:
        return [error.message]
    waiting = (told or {}).get("not_answering", ())
    return [f"release {name} should answer and does not; another one goes on in its place" for name in waiting]


def _not_answering(releases: Mapping[str, Any]) -> list[str]:
    return [
        f"{one['release']} (contract {one['contract']}) does not answer: {one['not_answering']}"
        for one in releases["contracts"]
        if "not_answering" in one
    ]
