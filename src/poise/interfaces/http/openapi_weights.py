"""The part of the OpenAPI document that is about live weights, for the terms of one release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.decisions.weights import LEAST, MOST
from poise.interfaces.http.openapi_schema import REASON
from poise.interfaces.http.problem import MEDIA_TYPE
from poise.serving.weights import MOST_VERSIONS, WHO

Schema = dict[str, Any]
LARGEST = 2**53 - 1
WEIGHT: Schema = {
    "type": "number",
    "description": f"utility per unit of the term: 0, or of a size from {LEAST:g} to {MOST:g}",
    "anyOf": [
        {"const": 0},
        {"minimum": LEAST, "maximum": MOST},
        {"minimum": -MOST, "maximum": -LEAST},
    ],
}
_BESIDE: Schema = {
    "why": {**REASON, "description": "the reason, for the history"},
    "who": {"type": ["string", "null"], "maxLength": WHO, "description": "who decides; default 'not said (HTTP)'"},
    "expected_version": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": LARGEST,
        "description": "change only if this version is live (0: none yet), else 409 says which is and who set it",
    },
}

_TOLD: Schema = {"description": "The answer", "content": {"application/json": {"schema": {"type": "object"}}}}


def weights_paths(units: Mapping[str, str | None], refusals: Mapping[str, str]) -> Schema:
    """The paths. units: of each term. refusals: what each status means where a body is sent."""
    values: Schema = {
        "type": "object",
        "properties": {term: {**WEIGHT, "title": unit or "no unit"} for term, unit in units.items()},
        "additionalProperties": False,
        "minProperties": 1,
        "description": "terms that are not named keep their weight",
    }
    to: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": LARGEST}
    to["description"] = "a version; default the one before the live one"
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_VERSIONS, "default": 100}
    parameters = [{"name": "limit", "in": "query", "schema": limit, "description": "how many versions"}]
    example = {"values": dict.fromkeys(list(units)[:1], 0.5), "why": "sales asked for it", "who": "ana"}
    until: Schema = {"type": ["string", "null"], "format": "date-time"}
    until["description"] = "from then on those before are live again"
    own = {"values": values, "until": until}
    put = _change("setWeights", "Change weights", own, ["values"], refusals, example)
    waits = _TOLD | {"description": "Nothing changed yet: `proposal` says who has to approve it first"}
    put["responses"]["202"] = waits
    back = _change(
        "takeBackWeights", "Make earlier weights live again", {"to": to}, [], refusals, {"why": "complaints"}
    )
    back["responses"]["202"] = waits
    see = _read("weights", "The live weights, and what they say: who set them, when and why", refusals)
    past = _read("weightsHistory", "All versions of the weights, the newest first", refusals)
    return {
        "/v1/weights": {"get": see, "put": put},
        "/v1/weights/history": {"get": past | {"parameters": parameters}},
        "/v1/weights/take-back": {"post": back},
    }


def _change(
    name: str, summary: str, own: Schema, needed: list[str], refusals: Mapping[str, str], example: Schema
) -> Schema:
    schema = {
        "type": "object",
        "properties": {**own, **_BESIDE},
        "required": [*needed, "why"],
        "additionalProperties": False,
    }
    stale = {
        "409": "Another version than the expected one is live, there are no such earlier weights, or all would be 0; "
        "nothing has changed"
    }
    return {
        "operationId": name,
        "summary": f"{summary}; in force with this server's next decision, and elsewhere within a second",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}},
        "responses": _responses({**refusals, **stale}),
    }


def _read(name: str, summary: str, refusals: Mapping[str, str]) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "responses": _responses({status: refusals[status] for status in ("403", "422", "503")}),
    }


def _responses(refusals: Mapping[str, str]) -> Schema:
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"200": _TOLD, **{status: {"description": text, "content": problem} for status, text in refusals.items()}}
