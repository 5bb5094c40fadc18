"""The part of the OpenAPI document that is about previews of weights."""

from __future__ import annotations

from collections.abc import Mapping

from poise.interfaces.http.openapi_schema import Schema, object_of, refusal
from poise.interfaces.http.openapi_weights import LARGEST, WEIGHT
from poise.serving.preview import MOST as MOST_LISTS

_LIMITS: Schema = {
    "type": "object",
    "properties": {name: {"type": ["number", "null"]} for name in ("value", "low", "high")},
    "description": "an estimate with its one-sided 95 % limits; null: the log cannot tell",
}
_TERM: Schema = {
    "type": "object",
    "properties": {
        "term": {"type": "string"},
        "unit": {"type": ["string", "null"]},
        "who": {"type": "array", "items": {"type": "string"}, "description": "who requires something of it"},
        "now": {"type": ["number", "null"], "description": "what it comes to per list under the live weights"},
        "then": _LIMITS,
        "gain": _LIMITS,
        "effect": {"enum": ["gains", "loses", "no clear change", "cannot tell"]},
        "sentence": {"type": "string"},
        "effective": {"type": "number", "description": "how many lists of the other kind the log is worth"},
        "covered": {"type": "number", "minimum": 0, "maximum": 1},
        "refused": {"type": ["string", "null"]},
    },
    "required": ["term", "then", "gain", "effect", "sentence", "refused"],
}


def preview_paths(terms: tuple[str, ...], refusals: Mapping[str, str]) -> Schema:
    """The paths. refusals: what each status means where a body is sent."""
    values: Schema = {
        "type": "object",
        "properties": dict.fromkeys(terms, WEIGHT),
        "additionalProperties": False,
        "minProperties": 1,
    }
    lists: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_LISTS, "default": MOST_LISTS}
    term: Schema = {"type": "string", "enum": list(terms)}
    gain: Schema = {"type": "number", "exclusiveMinimum": -1, "maximum": 10, "not": {"const": 0}}
    version: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": LARGEST}
    version["description"] = "default the newest change"
    one = object_of({"term": term, "gain": gain}, ["term", "gain"])
    goals: Schema = {**values, "properties": dict.fromkeys(terms, gain)}
    told = object_of({"release": {"type": "string"}, "terms": {"type": "array", "items": _TERM}}, ["release", "terms"])
    came: Schema = {"type": "array", "items": {"type": "object"}}
    realised = object_of({"version": {"type": "integer"}, "terms": came}, ["version", "terms"])
    line = object_of({"points": {"type": "array", "items": {"type": "object"}}}, ["points"])
    acts = {
        "preview": ("What other weights would do", object_of({"values": values, "lists": lists}, ["values"]), told),
        "suggest": ("By which weights terms gain", {"anyOf": [one, object_of({"goals": goals}, ["goals"])]}, told),
        "realised": (
            "What a change was foretold to do, and what it did",
            object_of({"version": version}, []),
            realised,
        ),
        "front": ("What all terms come to as one weight moves, or all", object_of({"term": term}, []), line),
    }
    return {
        f"/v1/weights/{act}": {
            "post": {
                "operationId": f"{act}Weights",
                "summary": summary,
                "description": "Nothing is changed. Told from logged lists, one at a time, beside what answers.",
                "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
                "responses": {
                    "200": {
                        "description": "Who gains, who loses",
                        "content": {"application/json": {"schema": {**answer, "additionalProperties": True}}},
                    },
                    **{status: refusal(text) for status, text in sorted(refusals.items())},
                },
            }
        }
        for act, (summary, asked, answer) in acts.items()
    }
