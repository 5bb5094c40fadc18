"""The part of the OpenAPI document that is about the release on its way to everybody."""

from __future__ import annotations

from collections.abc import Mapping

from poise.interfaces.http.openapi_schema import REASON, SAYS, Schema, refusal
from poise.serving.weights import WHO

_TOLD: Schema = {"description": "Where it stands", "content": {"application/json": {"schema": {"type": "object"}}}}
_WHO: Schema = {"type": ["string", "null"], "minLength": 1, "maxLength": WHO, "pattern": SAYS}
_SHARE: Schema = {"type": ["number", "null"], "exclusiveMinimum": 0, "exclusiveMaximum": 1}


def rollout_paths(refusals: Mapping[str, str]) -> Schema:
    """The paths. refusals: what each status means where a body is sent."""
    beside: Schema = {
        "why": {**REASON, "description": "the reason, for the history"},
        "who": {**_WHO, "description": "who decides; default 'not said (HTTP)'"},
    }
    share: Schema = {"share": {**_SHARE, "description": "stay a canary, and answer this share of the callers"}}
    see: Schema = {
        "operationId": "rollout",
        "summary": "The release that is on its way to everybody, its guardrails, and what is next",
        "responses": {
            "200": _TOLD,
            **{status: refusal(refusals[status]) for status in ("403", "409", "422", "503")},
        },
    }
    return {
        "/v1/rollout": {"get": see},
        "/v1/rollout/advance": {
            "post": _step("advanceRollout", "The next stage, or a larger share", beside | share, refusals)
        },
        "/v1/rollout/undo": {"post": _step("undoRollout", "Take the release back that is under way", beside, refusals)},
    }


def _step(name: str, summary: str, fields: Schema, refusals: Mapping[str, str]) -> Schema:
    schema = {"type": "object", "properties": fields, "required": ["why"], "additionalProperties": False}
    stale = {"409": "Nothing is under way, or it was changed meanwhile; nothing has changed"}
    content = {"application/json": {"schema": schema, "example": {"why": "all well since yesterday", "who": "ana"}}}
    return {
        "operationId": name,
        "summary": f"{summary}; in force within a second",
        "requestBody": {"required": True, "content": content},
        "responses": {"200": _TOLD, **{s: refusal(text) for s, text in {**refusals, **stale}.items()}},
    }
