"""The part of the OpenAPI document that is about explanations: `POST /v1/explain`."""

from __future__ import annotations

from collections.abc import Mapping

from poise.interfaces.http.openapi_schema import DECISION_ID, FALLBACKS, Schema, object_of, ref, refusal
from poise.releases.contract import Contract

_ADDS: Schema = {
    "type": ["object", "null"],
    "additionalProperties": {"type": "number"},
    "description": "input -> what it adds; with `average` they add up to `value`. null: the value is missing",
}
_ONE: Schema = {
    "type": "object",
    "properties": {
        "value": {"type": ["number", "null"]},
        "average": {"type": ["number", "null"]},
        "contributions": _ADDS,
    },
}


def explain_paths(contract: Contract, refusals: Mapping[str, str]) -> Schema:
    """The path. refusals: what each status means."""
    number = {"type": "string", "minLength": 1}
    by_id = object_of({"decision_id": number, "item": {"type": ["string", "number", "null"]}}, ["decision_id"])
    asked: list[Schema] = [by_id]
    if contract.decides_on is not None:
        asked.append(ref("DecideRequest"))
    if contract.outputs:
        asked.append(ref("PredictRequest"))
    statuses = {**refusals, "404": "There is no such decision, or the item was no candidate of it"}
    return {
        "/v1/decisions": {
            "get": {
                "operationId": "decisions",
                "summary": "Which decisions were made last, the newest first, and what came out",
                "parameters": [
                    {
                        "name": "limit",
                        "in": "query",
                        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
                        "description": "how many",
                    }
                ],
                "responses": {
                    "200": {"description": "The decisions", "content": {"application/json": {"schema": _newest()}}},
                    **{status: refusal(text) for status, text in sorted(refusals.items())},
                },
            }
        },
        "/v1/explain": {
            "post": {
                "operationId": "explain",
                "summary": "Say why a decision was made, or why one would be",
                "description": "Explanations are made one at a time, beside what answers; 503 where too many wait.",
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": asked}}}},
                "responses": {
                    "200": {"description": "Why", "content": {"application/json": {"schema": _answer()}}},
                    **{status: refusal(text) for status, text in sorted(statuses.items())},
                },
            }
        },
    }


def _newest() -> Schema:
    one: Schema = {
        "type": "object",
        "properties": {
            "decision_id": {"type": "string"},
            "time": {"type": ["string", "null"]},
            "kind": {"enum": ["list", "choice"]},
            "release": {"type": "string"},
            "weights": {"type": ["integer", "null"]},
            "outcome": {"type": "array", "description": "the first items that were shown, or the action"},
            "more": {"type": "integer", "description": "how many more items were shown"},
        },
    }
    return object_of({"decisions": {"type": "array", "items": one}}, ["decisions"])


def _answer() -> Schema:
    row: Schema = {
        "type": "object",
        "properties": {
            "features": {"type": "object", "description": "what the models saw"},
            "predictions": {"type": "object", "description": "objective (and class) -> value, average, contributions"},
            "terms": {"type": "object", "additionalProperties": _ONE},
            "contributions": _ADDS,
            "position": {"type": ["integer", "null"], "description": "of a list: the place where it was shown"},
            "propensity": {"type": "number", "description": "of a list: how probable it was to be shown there"},
            "drawn": {"type": "string", "description": "the method that drew the order, where that made the place"},
            "said": {"type": "string", "description": "a few sentences for the person who was decided about"},
        },
    }
    return {
        "type": "object",
        "properties": {
            "kind": {"enum": ["list", "choice", "predictions"]},
            "decision_id": DECISION_ID,
            "release": {"type": "string"},
            "time": {"type": ["string", "null"]},
            "rows": {"type": "array", "items": row},
            "fallbacks": FALLBACKS,
            "explored": {"type": "object", "description": "how a list's order was drawn, as its answer said"},
        },
        "required": ["kind", "release", "time", "rows"],
    }
