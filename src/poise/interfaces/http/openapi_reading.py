"""The part of the OpenAPI document that is about routes that only read: releases, requirements, history, health."""

from __future__ import annotations

from poise.interfaces.http.openapi_schema import Schema, refusal
from poise.serving.views import MOST_LINES

LARGEST = 2**53


def _read(
    name: str,
    summary: str,
    parameters: list[Schema] | None = None,
    media: str = "application/json",
    not_yet: str | None = None,
) -> Schema:
    schema = {"type": "object" if media == "application/json" else "string"}
    answer = {"description": "The answer", "content": {media: {"schema": schema}}}
    refusals = {"403": refusal("A page of another site asks, or the Host is not this machine")}
    refusals["503"] = refusal("Not now")
    if not_yet is not None:
        refusals["409"] = refusal(not_yet)
    if parameters:
        refusals["422"] = refusal("A parameter is not allowed")
    operation: Schema = {"operationId": name, "summary": summary, "responses": {"200": answer, **refusals}}
    return {"get": operation | ({"parameters": parameters} if parameters else {})}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _number(least: int, most: int, default: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


READING_PATHS: Schema = {
    "/v1/releases": _read(
        "releases",
        "All releases and candidates, which of them answer by which contract since when, and by which weights",
        [_query("at", {"type": "string", "format": "date-time"}, "what was live then; default now")],
    ),
    "/v1/requirements": _read("requirements", "Who requires what of the live release, and what was measured"),
    "/v1/history": _read(
        "history",
        "Who did what to what, when and why, the newest first",
        [
            _query("limit", _number(1, MOST_LINES, 100), "how many lines"),
            _query("after", _number(0, LARGEST, 0), "only lines with a higher number"),
            _query("before", _number(1, LARGEST, LARGEST), "only lines with a lower number"),
            _query("act", {"type": "string"}, "only lines of this act, e.g. promote"),
            _query("subject", {"type": "string"}, "only lines of this release, candidate or version of the weights"),
        ],
    ),
    "/v1/usage": _read(
        "usage",
        "Which token uses which contract, and which fields of it, since when",
        [_query("token", {"type": "string"}, "only what this one uses")],
    ),
    "/v1/monitor": _read(
        "monitor", "What the newest 'poise monitor' found, what to read first at the front", not_yet="Nobody looked yet"
    ),
    "/v1/capacity": _read(
        "capacity", "How often actions that may be taken only so often were, and what each must gain"
    ),
    "/health/live": _read("live", "Whether the process answers"),
    "/health/ready": _read("ready", "Whether a rehearsal request has been answered, so that callers may come"),
    "/metrics": _read("metrics", "What this server did, for Prometheus", media="text/plain"),
    "/openapi.json": _read("openapi", "This document"),
    "/": _read("front", "A page for people: what this is, and how to ask it", media="text/html"),
}
"""Method and path of each, with what is said of them."""
