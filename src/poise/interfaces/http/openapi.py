"""The OpenAPI 3.1 document of a server, made from the contract of its release: requests, answers, errors, examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise import __version__
from poise.interfaces.http.openapi_events import event_paths, event_schemas
from poise.interfaces.http.openapi_lists import list_schemas
from poise.interfaces.http.openapi_schema import DECISION_ID, TIME, VERSION, Schema, object_of, ref, row, terms_object
from poise.interfaces.http.openapi_weights import weights_paths
from poise.interfaces.http.problem import MEDIA_TYPE
from poise.releases.contract import Contract, Output
from poise.serving.limits import Limits
from poise.serving.views import MOST_LINES
from poise.spec.source import Source

_REFUSALS = {
    "400": "The body is not JSON",
    "403": "A page of another site asks, or the Host is not this machine",
    "408": "The body came too slowly",
    "413": "The body, or its list of rows or candidates, is too long",
    "415": "The body is not said to be JSON, or is compressed",
    "422": "The request does not fit the contract; `field` and `allowed` say where and why",
    "431": "The headers are too long",
    "503": "Busy (see Retry-After), or no finite answer could be computed",
}


def openapi(
    contract: Contract,
    rows: Mapping[str, Mapping[str, Any]],
    request: Mapping[str, Any],
    limits: Limits,
    *,
    purpose: str,
    takes_in: Mapping[str, Source] | None = None,
) -> Schema:
    """The document. `rows` holds one row per source (`per`) that could be sent to be predicted for, `request` a body
    for `/v1/decide` where anything is decided; `takes_in` the sources whose events come in, if any do."""
    pers = tuple(per for per in contract.pers if contract.outputs_of(per))
    schemas: Schema = {"Problem": _PROBLEM, "Head": _HEAD}
    paths: Schema = {**_READING_PATHS}
    if pers:
        schemas |= {f"Row_{per}": row(contract.inputs_of(per), limits) for per in pers}
        schemas |= {f"Prediction_{per}": _prediction(contract.outputs_of(per)) for per in pers}
        schemas |= {"PredictRequest": _request(contract, pers, limits), "PredictAnswer": _predict_answer(pers)}
        shown: Schema = {per: {"value": _rows(per, rows[per], several=len(pers) > 1)} for per in pers}
        paths["/v1/predict"] = {"post": _ask("predict", "Predict every objective of each row", "Predict", shown)}
    if contract.decides_on is not None:
        schemas |= _decide_schemas(contract, contract.decides_on, limits)
        summary = "List the best candidates" if contract.lists else "Choose an action for each row"
        shown = {contract.decides_on: {"value": request if contract.lists else {"rows": [request]}}}
        paths |= weights_paths({term.name: term.unit for term in contract.terms}, _REFUSALS)
        paths["/v1/decide"] = {"post": _ask("decide", summary, "Decide", shown)}
    if takes_in:
        schemas |= event_schemas(takes_in)
        paths |= event_paths(takes_in, limits, _REFUSALS)
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


def _rows(per: str, row: Mapping[str, Any], *, several: bool) -> Schema:
    return {"rows": [row], **({"per": per} if several else {})}


def _request(contract: Contract, pers: tuple[str, ...], limits: Limits) -> Schema:
    """`{"rows": […]}` or one row on its own, for each source that may be sent."""
    beside: Schema = {"time": {**TIME, "description": "the instant to answer for; default now. Role operate only"}}
    forms = []
    for per in pers:
        named = {**beside, "per": {"const": per}}
        needs = ["per"] if len(pers) > 1 and per != contract.decides_on else []
        rows = {"type": "array", "items": ref(f"Row_{per}"), "minItems": 1, "maxItems": limits.rows}
        forms.append(object_of({"rows": rows, **named}, ["rows", *needs]))
        one = row(contract.inputs_of(per), limits)
        alone = {name: schema for name, schema in one["properties"].items() if name not in ("rows", "time", "per")}
        forms.append(object_of({**alone, **named}, [*(n for n in one["required"] if n in alone), *needs]))
    return {"anyOf": forms}


def _prediction(outputs: tuple[Output, ...]) -> Schema:
    return object_of({o.name: _predicted(o) for o in outputs}, [o.name for o in outputs])


def _predicted(output: Output) -> Schema:
    probability: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    if output.classes:
        return object_of(dict.fromkeys(output.classes, probability), list(output.classes))
    return {"type": "number"} if output.type == "regression" else probability


def _predict_answer(pers: tuple[str, ...]) -> Schema:
    kinds = [ref(f"Prediction_{per}") for per in pers]
    return {
        "allOf": [ref("Head")],
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": {"anyOf": kinds}}},
        "required": ["predictions"],
    }


def _decide_schemas(contract: Contract, per: str, limits: Limits) -> Schema:
    if contract.item is not None:
        return list_schemas(contract, contract.item, limits)
    return {"DecideRequest": _request(contract, (per,), limits), **_action_schemas(contract, per)}


def _action_schemas(contract: Contract, per: str) -> Schema:
    action: Schema = {"type": "string", "enum": list(contract.actions)}
    scored = object_of(
        {"action": action, "score": {"type": "number"}, "terms": terms_object(contract.terms)},
        ["action", "score", "terms"],
    )
    left_out = object_of({"action": action, "why": {"type": "string"}}, ["action", "why"])
    decision: Schema = {
        "type": "object",
        "properties": {
            "decision_id": DECISION_ID,
            "chosen": action,
            "fallback": {"type": "boolean", "description": "no action had a score; the rule's action was taken"},
            "actions": {"type": "array", "items": scored, "description": "the highest score first"},
            "left_out": {"type": "array", "items": left_out},
            "predictions": ref(f"Prediction_{per}"),
        },
        "required": ["decision_id", "chosen", "fallback", "actions", "left_out", "predictions"],
    }
    one = {"allOf": [ref("Head"), ref("Decision")], "properties": {"weights": VERSION}, "required": ["weights"]}
    many = {
        "allOf": [ref("Head")],
        "properties": {"weights": VERSION, "decisions": {"type": "array", "items": ref("Decision")}},
        "required": ["weights", "decisions"],
    }
    return {"Decision": decision, "DecideAnswer": {"type": "object", "anyOf": [one, many]}}


def _ask(name: str, summary: str, kind: str, examples: Schema) -> Schema:
    body = {"application/json": {"schema": ref(f"{kind}Request"), "examples": examples}}
    answer = {"description": "The answer", "content": {"application/json": {"schema": ref(f"{kind}Answer")}}}
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
    return {"description": description, "content": {MEDIA_TYPE: {"schema": ref("Problem")}}}


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
        "time": {"anyOf": [TIME, {"type": "null"}], "description": "T: the instant that was answered for"},
        "clock": object_of({"kind": {"enum": ["wall", "replay"]}, "time": TIME}, ["kind", "time"]),
        "unknown": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "features without a value, and in how many of the rows",
        },
    },
    "required": ["release", "time", "clock", "unknown"],
}
