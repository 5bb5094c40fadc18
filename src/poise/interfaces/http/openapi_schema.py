"""The pieces that OpenAPI schemas are made of: objects, references, and the columns that a contract takes."""

from __future__ import annotations

from typing import Any

from poise.interfaces.http.problem import MEDIA_TYPE
from poise.releases.contract import Input, TermOutput
from poise.serving.limits import Limits
from poise.serving.weights import WHY

Schema = dict[str, Any]
TIME: Schema = {"type": "string", "format": "date-time"}
ASKED_TIME: Schema = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "the instant to answer for; default now. Role operate only; 409 where this server has gone past it",
}
DECISION_ID: Schema = {"type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{26}$"}
SAYS = r"[^\t-\r\u001c- \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""The pattern of a text that is not blank, as Python counts blanks. (\\S of JSON Schema counts some others.)"""
REASON: Schema = {"type": "string", "minLength": 1, "maxLength": WHY, "pattern": SAYS}
VERSION: Schema = {"type": "integer", "description": "the version of the weights"}


def row(inputs: tuple[Input, ...], limits: Limits) -> Schema:
    """A row with these columns, and none else."""
    return object_of({i.name: field(i, limits) for i in inputs}, [i.name for i in inputs if i.required])


def field(spec: Input, limits: Limits) -> Schema:
    """The schema of one input; nullable ones also take null."""
    kind = {"int": "integer", "float": "number", "bool": "boolean"}.get(spec.type, "string")
    schema: Schema = {"type": [kind, "null"] if spec.nullable or not spec.required else kind}
    if spec.values is not None:
        schema["enum"] = [*spec.values, *([None] if spec.nullable or not spec.required else [])]
    bounds = {"minimum": spec.min, "maximum": spec.max}
    if spec.type == "int":
        bounds = {
            name: limits.digits * sign if v is None else v
            for (name, v), sign in zip(bounds.items(), (-1, 1), strict=True)
        }
    schema |= {name: value for name, value in bounds.items() if value is not None}
    if kind == "string":
        schema["maxLength"] = limits.string
    if spec.type == "time":
        schema |= {
            "format": "date-time",
            "description": f"ISO 8601; without an offset local time in {spec.timezone or 'UTC'}",
        }
    return schema | ({"pattern": f"^(?:{spec.pattern})$"} if spec.pattern is not None else {})


def object_of(properties: Schema, required: list[str]) -> Schema:
    """An object with these fields, and none else."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def some(items: Schema, most: int, what: str, limits: Limits) -> Schema:
    """A list of 1 to `most`. No `maxItems`: where what comes is long, the limit of the body is reached before it."""
    text = f"at most {most:,} {what}, and {limits.body:,} bytes in all; more are answered 413"
    return {"type": "array", "items": items, "minItems": 1, "description": text}


def ref(name: str) -> Schema:
    """The schema of that name among the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


def refusal(description: str) -> Schema:
    """A response that is a problem document."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": ref("Problem")}}}


def terms_object(terms: tuple[TermOutput, ...]) -> Schema:
    """What a candidate is worth in each term; null where that is missing."""
    fields: Schema = {t.name: {"type": ["number", "null"], "description": t.unit or "no unit"} for t in terms}
    return object_of(fields, list(fields))


FALLBACKS: Schema = {
    "type": "object",
    "additionalProperties": object_of({"by": {"type": "string"}, "why": {"type": "string"}}, ["by", "why"]),
    "description": "what something else than its model answered for; absent where every model answered",
}
