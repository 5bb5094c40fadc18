"""The part of the OpenAPI document that is about proposals: changes of weights that wait for stakeholders."""

from __future__ import annotations

from collections.abc import Mapping

from poise.interfaces.http.openapi_schema import REASON, Schema, object_of, refusal
from poise.interfaces.http.proposals import PROPOSALS
from poise.serving.proposals import STANDINGS
from poise.serving.weights import WHO

_WHO: Schema = {"type": ["string", "null"], "maxLength": WHO}
_ONE = object_of(
    {
        "name": {"type": "string"},
        "version": {"type": "integer"},
        "standing": {"enum": list(STANDINGS)},
        "values": {"type": "object", "additionalProperties": {"type": "number"}},
        "waits_for": {"type": "array", "items": {"type": "string"}, "description": "who has not approved yet"},
    },
    ["name", "version", "standing", "values", "waits_for"],
) | {"additionalProperties": True}


def proposal_paths(refusals: Mapping[str, str]) -> Schema:
    """The paths. refusals: what each status means where a body is sent."""
    own: Schema = {
        "as": {
            "type": "string",
            "minLength": 1,
            "maxLength": WHO,
            "description": "the stakeholder for whom it is said",
        },
        "why": REASON,
        "who": _WHO,
        "expected_version": {"type": ["integer", "null"], "minimum": 1, "maximum": 2**53 - 1},
    }
    said = object_of(own, ["as", "why"])
    over = object_of({"why": REASON, "who": _WHO}, ["why"])
    standing: Schema = {"type": "string", "enum": list(STANDINGS)}
    listed = {"200": _told(object_of({"proposals": {"type": "array", "items": _ONE}}, ["proposals"]))}
    few = {status: refusals[status] for status in ("403", "422", "503")}
    return {
        PROPOSALS: {
            "get": {
                "operationId": "proposals",
                "summary": "Changes of weights that wait for stakeholders, or did, the newest first",
                "parameters": [{"name": "standing", "in": "query", "schema": standing}],
                "responses": listed | {status: refusal(text) for status, text in few.items()},
            }
        },
        **{
            f"{PROPOSALS}/{{name}}/{act}": {"post": _act(act, summary, schema, refusals)}
            for act, (summary, schema) in {
                "approve": ("Approve for a stakeholder; the last approval puts the weights in force", said),
                "decline": ("Say no for a stakeholder: the proposal is over", said),
                "withdraw": ("Take a proposal back before it is in force", over),
            }.items()
        },
    }


def _act(act: str, summary: str, schema: Schema, refusals: Mapping[str, str]) -> Schema:
    stale = {
        "409": "The proposal is not open, does not wait for this stakeholder, was overtaken, or is not that version"
    }
    answer = object_of({"proposal": _ONE, "changed": {"type": "boolean"}}, ["proposal", "changed"])
    return {
        "operationId": f"{act}Proposal",
        "summary": summary,
        "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": _told(answer),
            **{status: refusal(text) for status, text in sorted({**refusals, **stale}.items())},
        },
    }


def _told(schema: Schema) -> Schema:
    return {"description": "The answer", "content": {"application/json": {"schema": schema}}}
