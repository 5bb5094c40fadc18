"""The part of the OpenAPI document that is about the two routes that answer by models: `/v1/predict`, `/v1/decide`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.interfaces.http.openapi_lists import list_schemas
from poise.interfaces.http.openapi_schema import (
    ASKED_TIME,
    DECISION_ID,
    FALLBACKS,
    TIME,
    VERSION,
    Schema,
    object_of,
    ref,
    refusal,
    row,
    some,
    terms_object,
)
from poise.releases.contract import Contract, Output
from poise.serving.limits import Limits


def ask_schemas(contract: Contract, limits: Limits, *, timed: bool) -> Schema:
    """The schemas of requests and answers."""
    pers = predicted(contract)
    schemas: Schema = {"Head": _HEAD}
    if pers:
        schemas |= {f"Row_{per}": row(contract.inputs_of(per), limits) for per in pers}
        schemas |= {f"Prediction_{per}": _prediction(contract.outputs_of(per)) for per in pers}
        schemas["PredictRequest"] = _request(contract, pers, limits, timed=timed)
        schemas["PredictAnswer"] = _predict_answer(pers)
    if contract.decides_on is not None:
        schemas |= _decide_schemas(contract, contract.decides_on, limits, timed=timed)
    return schemas


def ask_paths(
    contract: Contract,
    rows: Mapping[str, Mapping[str, Any]],
    request: Mapping[str, Any],
    refusals: Mapping[str, str],
) -> Schema:
    """The paths. rows: a row of each source, request: a body for `/v1/decide`, as examples. refusals: what each status
    means."""
    pers, paths = predicted(contract), {}
    if pers:
        shown: Schema = {per: {"value": _rows(per, rows[per], several=len(pers) > 1)} for per in pers}
        summary = "Predict every objective of each row"
        paths["/v1/predict"] = {"post": _ask("predict", summary, "Predict", shown, refusals)}
    if contract.decides_on is not None:
        summary = "List the best candidates" if contract.lists else "Choose an action for each row"
        shown = {contract.decides_on: {"value": request if contract.lists else {"rows": [request]}}}
        paths["/v1/decide"] = {"post": _ask("decide", summary, "Decide", shown, refusals)}
    return paths


def predicted(contract: Contract) -> tuple[str, ...]:
    """The sources whose rows are predicted for."""
    return tuple(per for per in contract.pers if contract.outputs_of(per))


def _rows(per: str, row: Mapping[str, Any], *, several: bool) -> Schema:
    return {"rows": [row], **({"per": per} if several else {})}


def _request(contract: Contract, pers: tuple[str, ...], limits: Limits, *, timed: bool, prefix: str = "Row") -> Schema:
    """`{"rows": […]}` or one row on its own, for each source that may be sent."""
    beside: Schema = {"time": ASKED_TIME} if timed else {}
    forms = []
    for per in pers:
        named = {**beside, "per": {"const": per}}
        needs = ["per"] if len(pers) > 1 and per != contract.decides_on else []
        rows = some(ref(f"{prefix}_{per}"), limits.rows, "rows", limits)
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


def _decide_schemas(contract: Contract, per: str, limits: Limits, *, timed: bool) -> Schema:
    if contract.item is not None:
        return list_schemas(contract, contract.item, limits, timed=timed)
    asked = contract.to_decide
    named = {} if asked is contract else {f"Decide_{per}": row(asked.inputs_of(per), limits)}
    request = _request(asked, (per,), limits, timed=timed, prefix="Decide" if named else "Row")
    return {**named, "DecideRequest": request, **_action_schemas(contract, per)}


def _action_schemas(contract: Contract, per: str) -> Schema:
    action: Schema = {"type": "string", "enum": list(contract.actions)}
    chance: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    each = "how probable each of the actions was"
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
            "propensity": {**chance, "description": "how probable it was that this action is taken"},
            "policy": {
                **object_of(dict.fromkeys(contract.actions, chance), list(contract.actions)),
                "description": each,
            },
            "explored": {"anyOf": [_EXPLORED, {"type": "null"}]},
            "fallback": {"type": "boolean", "description": "no action had a score; the rule's action was taken"},
            "actions": {"type": "array", "items": scored, "description": "the highest score first"},
            "left_out": {"type": "array", "items": left_out},
            "predictions": ref(f"Prediction_{per}"),
            "capacity": _CAPACITY,
            **({} if contract.price is None else {"price": {"type": "number", "description": "what is chosen"}}),
        },
        "required": [
            *("decision_id", "chosen", "propensity", "policy", "explored"),
            *("fallback", "actions", "left_out", "predictions"),
        ],
    }
    one = {"allOf": [ref("Head"), ref("Decision")], "properties": {"weights": VERSION}, "required": ["weights"]}
    many = {
        "allOf": [ref("Head")],
        "properties": {"weights": VERSION, "decisions": {"type": "array", "items": ref("Decision")}},
        "required": ["weights", "decisions"],
    }
    return {"Decision": decision, "DecideAnswer": {"type": "object", "anyOf": [one, many]}}


def _ask(name: str, summary: str, kind: str, examples: Schema, refusals: Mapping[str, str]) -> Schema:
    body = {"application/json": {"schema": ref(f"{kind}Request"), "examples": examples}}
    answer = {"description": "The answer", "content": {"application/json": {"schema": ref(f"{kind}Answer")}}}
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": body},
        "responses": {"200": answer, **{status: refusal(text) for status, text in refusals.items()}},
    }


_CAPACITY: Schema = {
    "type": "object",
    "description": "each action that may be taken only so often: how often it was with this row, and what it must gain",
    "additionalProperties": object_of(
        {
            "at_most": {"type": "integer", "minimum": 0},
            "every": {"enum": ["hour", "day", "week"]},
            "used": {"type": "integer", "minimum": 0},
            "price": {"type": "number", "minimum": 0},
        },
        ["at_most", "every", "used", "price"],
    ),
}
_EXPLORED: Schema = {
    "type": "object",
    "description": "how the action was drawn; null where the best one is taken for certain",
    "properties": {
        "method": {"const": "epsilon"},
        "share": {"type": "number", "description": "how often another action than the best is taken"},
        "never": {"type": "array", "items": {"type": "string"}},
        "near": {"type": ["integer", "null"]},
        "seed": {"type": "integer", "minimum": 0},
        "cost": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "number"},
            "description": "share of each term that exploration costs on average; null: not known",
        },
    },
    "required": ["method", "share", "never", "near", "seed", "cost"],
}
_HEAD: Schema = {
    "type": "object",
    "properties": {
        "release": {"type": "string"},
        "contract": {"type": "integer", "minimum": 1, "description": "the contract that was answered by"},
        "time": {"anyOf": [TIME, {"type": "null"}], "description": "T: the instant that was answered for"},
        "clock": object_of({"kind": {"enum": ["wall", "replay"]}, "time": TIME}, ["kind", "time"]),
        "unknown": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "features without a value, and in how many of the rows",
        },
        "fallbacks": FALLBACKS,
    },
    "required": ["release", "contract", "time", "clock", "unknown"],
}
