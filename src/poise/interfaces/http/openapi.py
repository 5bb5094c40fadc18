"""The OpenAPI 3.1 document of a server, made from the contract of its release: requests, answers, errors, examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise import __version__
from poise.interfaces.http.openapi_weights import weights_paths
from poise.interfaces.http.problem import MEDIA_TYPE
from poise.releases.contract import Contract, Input, Output
from poise.serving.limits import Limits
from poise.serving.views import MOST_LINES

Schema = dict[str, Any]
_TIME: Schema = {"type": "string", "format": "date-time"}
_REFUSALS = {
    "400": "The body is not JSON",
    "403": "A page of another site asks, or the Host is not this machine",
    "408": "The body came too slowly",
    "413": "The body or the list of rows is too long",
    "415": "The body is not said to be JSON, or is compressed",
    "422": "The request does not fit the contract; `field` and `allowed` say where and why",
    "431": "The headers are too long",
    "503": "Busy (see Retry-After), or no finite answer could be computed",
}


def openapi(contract: Contract, examples: Mapping[str, Mapping[str, Any]], limits: Limits, *, purpose: str) -> Schema:
    """The document. `examples` holds one row per source (`per`) that could be sent."""
    decides = contract.decides_on
    schemas: Schema = {f"Row_{per}": _row(contract.inputs_of(per), limits) for per in contract.pers}
    schemas |= {f"Prediction_{per}": _prediction(contract.outputs_of(per)) for per in contract.pers}
    schemas |= {"PredictRequest": _request(contract, contract.pers, limits), "PredictAnswer": _predict_answer(contract)}
    schemas |= {"Problem": _PROBLEM, "Head": _HEAD}
    paths: Schema = {
        "/v1/predict": {"post": _ask("predict", "Predict every objective of each row", "Predict", examples)},
        **_READING_PATHS,
    }
    if decides is not None:
        schemas |= {"DecideRequest": _request(contract, (decides,), limits), **_decide_schemas(contract, decides)}
        chosen = {decides: examples[decides]}
        paths |= weights_paths({term.name: term.unit for term in contract.terms}, _REFUSALS)
        paths["/v1/decide"] = {"post": _ask("decide", "Choose an action for each row", "Decide", chosen)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": contract.system,
            "version": str(contract.major),
            "description": purpose,
            "x-poise": __version__,
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _row(inputs: tuple[Input, ...], limits: Limits) -> Schema:
    return _object({i.name: _field(i, limits) for i in inputs}, [i.name for i in inputs if i.required])


def _field(spec: Input, limits: Limits) -> Schema:
    """The schema of one input; nullable ones also take null."""
    kind = {"int": "integer", "float": "number", "bool": "boolean"}.get(spec.type, "string")
    schema: Schema = {"type": [kind, "null"] if spec.nullable else kind}
    if spec.values is not None:
        schema["enum"] = [*spec.values, *([None] if spec.nullable else [])]
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


def _request(contract: Contract, pers: tuple[str, ...], limits: Limits) -> Schema:
    """`{"rows": […]}` or one row on its own, for each source that may be sent."""
    beside: Schema = {"time": {**_TIME, "description": "the instant to answer for; default now. Role operate only"}}
    forms = []
    for per in pers:
        named = {**beside, "per": {"const": per}}
        needs = ["per"] if len(pers) > 1 and per != contract.decides_on else []
        rows = {"type": "array", "items": _ref(f"Row_{per}"), "minItems": 1, "maxItems": limits.rows}
        forms.append(_object({"rows": rows, **named}, ["rows", *needs]))
        row = _row(contract.inputs_of(per), limits)
        alone = {name: schema for name, schema in row["properties"].items() if name not in ("rows", "time", "per")}
        forms.append(_object({**alone, **named}, [*(n for n in row["required"] if n in alone), *needs]))
    return {"anyOf": forms}


def _prediction(outputs: tuple[Output, ...]) -> Schema:
    return _object({o.name: _predicted(o) for o in outputs}, [o.name for o in outputs])


def _predicted(output: Output) -> Schema:
    probability: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    if output.classes:
        return _object(dict.fromkeys(output.classes, probability), list(output.classes))
    return {"type": "number"} if output.type == "regression" else probability


def _predict_answer(contract: Contract) -> Schema:
    kinds = [_ref(f"Prediction_{per}") for per in contract.pers]
    return {
        "allOf": [_ref("Head")],
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": {"anyOf": kinds}}},
        "required": ["predictions"],
    }


def _decide_schemas(contract: Contract, per: str) -> Schema:
    action: Schema = {"type": "string", "enum": list(contract.actions)}
    terms = {t.name: {"type": ["number", "null"], "description": t.unit or "no unit"} for t in contract.terms}
    scored = _object(
        {"action": action, "score": {"type": "number"}, "terms": _object(terms, list(terms))},
        ["action", "score", "terms"],
    )
    left_out = _object({"action": action, "why": {"type": "string"}}, ["action", "why"])
    decision: Schema = {
        "type": "object",
        "properties": {
            "decision_id": {"type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{26}$"},
            "chosen": action,
            "fallback": {"type": "boolean", "description": "no action had a score; the rule's action was taken"},
            "actions": {"type": "array", "items": scored, "description": "the highest score first"},
            "left_out": {"type": "array", "items": left_out},
            "predictions": _ref(f"Prediction_{per}"),
        },
        "required": ["decision_id", "chosen", "fallback", "actions", "left_out", "predictions"],
    }
    weights: Schema = {"type": "integer", "description": "the version of the weights"}
    one = {"allOf": [_ref("Head"), _ref("Decision")], "properties": {"weights": weights}, "required": ["weights"]}
    many = {
        "allOf": [_ref("Head")],
        "properties": {"weights": weights, "decisions": {"type": "array", "items": _ref("Decision")}},
        "required": ["weights", "decisions"],
    }
    return {"Decision": decision, "DecideAnswer": {"type": "object", "anyOf": [one, many]}}


def _ask(name: str, summary: str, kind: str, examples: Mapping[str, Mapping[str, Any]]) -> Schema:
    several = len(examples) > 1
    shown = {per: {"value": {"rows": [row], **({"per": per} if several else {})}} for per, row in examples.items()}
    body = {"application/json": {"schema": _ref(f"{kind}Request"), "examples": shown}}
    answer = {"description": "The answer", "content": {"application/json": {"schema": _ref(f"{kind}Answer")}}}
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": body},
        "responses": {"200": answer, **{status: _refusal(text) for status, text in _REFUSALS.items()}},
    }


def _read(name: str, summary: str, parameters: list[Schema] | None = None) -> Schema:
    answer = {"description": "The answer", "content": {"application/json": {"schema": {"type": "object"}}}}
    refusals = {"403": _refusal(_REFUSALS["403"]), "503": _refusal("Not now")}
    if parameters:
        refusals["422"] = _refusal("A parameter is not allowed")
    operation: Schema = {"operationId": name, "summary": summary, "responses": {"200": answer, **refusals}}
    return {"get": operation | ({"parameters": parameters} if parameters else {})}


def _refusal(description: str) -> Schema:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _ref("Problem")}}}


def _object(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


_READING_PATHS: Schema = {
    "/v1/releases": _read("releases", "All releases and candidates, and which is live since when"),
    "/v1/requirements": _read("requirements", "Who requires what of the live release, and what was measured"),
    "/v1/history": _read(
        "history",
        "Who did what to what, when and why, the newest first",
        [
            _query("limit", {"type": "integer", "minimum": 1, "maximum": MOST_LINES, "default": 100}, "how many lines"),
            _query("after", {"type": "integer", "minimum": 0, "default": 0}, "only lines with a higher number"),
            _query("subject", {"type": "string"}, "only lines of this release, candidate or version of the weights"),
        ],
    ),
    "/health/live": _read("live", "Whether the process answers"),
    "/health/ready": _read("ready", "Whether a rehearsal request has been answered, so that callers may come"),
}
_PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "the place in the request, e.g. rows[3].carrier"},
        "allowed": {"type": "string"},
        "hint": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_HEAD: Schema = {
    "type": "object",
    "properties": {
        "release": {"type": "string"},
        "time": {"anyOf": [_TIME, {"type": "null"}], "description": "T: the instant that was answered for"},
        "clock": _object({"kind": {"enum": ["wall", "replay"]}, "time": _TIME}, ["kind", "time"]),
        "unknown": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "features without a value, and in how many of the rows",
        },
    },
    "required": ["release", "time", "clock", "unknown"],
}
