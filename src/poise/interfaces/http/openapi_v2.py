"""The part of the OpenAPI document that is about the Open Inference Protocol: what each model takes and answers.

The protocol's own description fits every server and therefore says little. This one names the models, inputs and
outputs of one release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.interfaces.http.openapi_schema import Schema, field, object_of, ref
from poise.interfaces.http.v2_models import Model, models_of
from poise.interfaces.http.v2_request import CONTENT_TYPES
from poise.interfaces.http.v2_tensors import BOOL, BYTES, NUMBERS, datatype_of
from poise.releases.contract import Contract, Input, Output
from poise.serving.limits import Limits

SHOWN = 3
"""Numbers of rows that the schemas of requests show."""
_STRING: Schema = {"type": "string"}
_OPEN: Schema = {"type": ["object", "null"], "additionalProperties": False}
_ERROR = object_of({"error": _STRING}, ["error"])
_TENSOR: Schema = {
    "type": "object",
    "properties": {
        "name": _STRING,
        "datatype": {"enum": [BYTES, BOOL, *NUMBERS]},
        "shape": {"type": "array", "items": {"type": "integer"}, "description": "-1: as many as there are rows"},
        "parameters": {"type": "object", "description": "what is allowed, and what the numbers mean"},
    },
    "required": ["name", "datatype", "shape"],
}
_METADATA = object_of(
    {
        "name": _STRING,
        "versions": {"type": "array", "items": _STRING, "description": "the releases that are served"},
        "platform": _STRING,
        "inputs": {"type": "array", "items": ref("TensorMetadata")},
        "outputs": {"type": "array", "items": ref("TensorMetadata")},
    },
    ["name", "versions", "platform", "inputs", "outputs"],
)
_SERVER = object_of(
    {"name": _STRING, "version": _STRING, "extensions": {"type": "array", "items": _STRING}},
    ["name", "version", "extensions"],
)
_PARAMETERS: Schema = {
    "type": "object",
    "properties": {
        "time": {"type": ["string", "null"], "description": "T: the instant that was answered for"},
        "clock": {"enum": ["wall", "replay"]},
        "contract": {"type": "integer"},
    },
    "required": ["time", "clock", "contract"],
    "additionalProperties": {"type": "integer"},
    "description": "`unknown.<feature>`: in how many of the rows a feature had no value",
}
_ROWS = (
    "Any number of rows may come: [n] or [n, 1] is the shape of every input, and n the number of its values. One to "
    f"{SHOWN} rows are shown here, since a schema cannot say that all inputs have the same number. Instead of `data`, "
    "the bytes of a tensor may follow the JSON (extension binary_tensor_data)."
)


def v2_schemas(contract: Contract, limits: Limits, *, timed: bool) -> Schema:
    """The schemas of the protocol's documents, and of each model's requests and answers."""
    schemas: Schema = {
        "V2Error": _ERROR,
        "ServerMetadata": _SERVER,
        "TensorMetadata": _TENSOR,
        "ModelMetadata": _METADATA,
    }
    predicting = _predicting(contract)
    if predicting:
        schemas["InferenceParameters"] = _parameters(timed=timed)
    for per in {model.per: None for model in predicting}:
        for spec in contract.inputs_of(per):
            schemas[f"Tensor_{per}_{spec.name}"] = _input(spec, limits)
    for model in predicting:
        schemas[f"InferenceRequest_{model.name}"] = _request(model, contract)
        schemas[f"InferenceAnswer_{model.name}"] = _answer(model)
    return schemas


def v2_paths(contract: Contract, release: str, rows: Mapping[str, Mapping[str, Any]], refusals: Schema) -> Schema:
    """The paths. rows: an example of a row of each source. refusals: what each status means where a body is sent."""
    version = {"name": "version", "in": "path", "required": True, "schema": {"enum": [release]}}
    paths: Schema = {
        "/v2": _get("v2", "What this server is", "ServerMetadata"),
        "/v2/health/live": _get("v2Live", "Whether the process answers", {"live": True}),
        "/v2/health/ready": _get("v2Ready", "Whether callers may come", {"live": True, "ready": True}),
        "/v2/models": _get("v2Models", "Which models there are", {"models": list(models_of(contract))}),
    }
    for name, model in models_of(contract).items():
        for end, more in (("", []), ("/versions/{version}", [version])):
            base, of = f"/v2/models/{name}{end}", name + ("_of_release" if more else "")
            told = _get(f"v2Metadata_{of}", f"The inputs and outputs of '{name}'", "ModelMetadata")
            ready = _get(f"v2Ready_{of}", f"Whether '{name}' answers", {"name": name, "ready": True})
            infer = {"post": _infer(of, model, rows.get(model.per), refusals)} if model.outputs else None
            found = {base: told, f"{base}/ready": ready, **({f"{base}/infer": infer} if infer else {})}
            paths |= {path: {**item, **({"parameters": more} if more else {})} for path, item in found.items()}
    return paths


def _predicting(contract: Contract) -> list[Model]:
    return [model for model in models_of(contract).values() if model.outputs]


def _parameters(*, timed: bool) -> Schema:
    return {
        **_OPEN,
        "properties": {
            "binary_data_output": {"type": ["boolean", "null"], "description": "outputs as bytes behind the JSON"},
            "missing": {"type": ["string", "null"], "description": "the text that means missing in tensors of BYTES"},
            "content_type": {"enum": [*CONTENT_TYPES, None]},
            **({"time": {"type": ["string", "null"], "format": "date-time"}} if timed else {}),
        },
    }


def _input(spec: Input, limits: Limits) -> Schema:
    """One input of any number of rows. Values are bound as those of `/v1/predict` are."""
    value = field(spec, limits)
    kinds: list[str] = [BYTES]
    if datatype_of(spec.type) != BYTES:
        kinds = [*([BOOL] if spec.type == "bool" else []), *NUMBERS]
        value = {"anyOf": [value, {"enum": [0, 1]}]} if spec.type == "bool" else value
    nested: Schema = {"type": "array", "items": value, "minItems": 1, "maxItems": 1}
    data: list[Schema] = [{"type": "array", "items": one} for one in (value, nested)]
    known = {"content_type": {"enum": [*CONTENT_TYPES, None]}}
    fields: Schema = {
        "name": {"const": spec.name},
        "datatype": {"enum": kinds},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 2},
        "parameters": {**_OPEN, "properties": known},
        "data": {"anyOf": data},
    }
    return object_of(fields, ["name", "datatype", "shape", "data"])


def _request(model: Model, contract: Contract) -> Schema:
    specs = [one.spec for one in model.fields.values()]
    tensors = [ref(f"Tensor_{model.per}_{spec.name}") for spec in specs]
    named: list[Schema] = [{"properties": {"name": {"const": spec.name}}, "required": ["name"]} for spec in specs]
    needed = [{"contains": one, "minContains": 1} for one, spec in zip(named, specs, strict=True) if spec.required]
    once: list[Schema] = [{"contains": one, "minContains": 0, "maxContains": 1} for one in named]
    inputs: Schema = {"type": "array", "items": {"anyOf": tensors}, "minItems": 1, "allOf": [*needed, *once]}
    wanted = object_of(
        {
            "name": {"enum": list(model.outputs)},
            "parameters": {**_OPEN, "properties": {"binary_data": {"type": ["boolean", "null"]}}},
        },
        ["name"],
    )
    outputs: Schema = {"type": ["array", "null"], "items": wanted, "description": "each at most once; default all"}
    outputs["allOf"] = [
        {"contains": {"properties": {"name": {"const": name}}}, "minContains": 0, "maxContains": 1}
        for name in model.outputs
    ]
    whole = object_of(
        {
            "id": {"type": ["string", "null"], "description": "comes back with the answer"},
            "parameters": {"anyOf": [ref("InferenceParameters"), {"type": "null"}]},
            "inputs": inputs,
            "outputs": outputs,
            "model_name": {"enum": [model.name, "", None]},
        },
        ["inputs"],
    )
    return {**whole, "description": _ROWS, "anyOf": [_of_rows(n) for n in range(1, SHOWN + 1)]}


def _of_rows(n: int) -> Schema:
    """The constraint that all inputs have n rows."""
    data = {"minItems": n, "maxItems": n}
    one = {"properties": {"shape": {"enum": [[n], [n, 1]]}, "data": data}}
    return {"title": f"{n} row{'s' * (n > 1)}", "properties": {"inputs": {"items": one}}}


def _answer(model: Model) -> Schema:
    fields: Schema = {
        "model_name": {"const": model.name},
        "model_version": {"type": "string", "description": "the release that answered"},
        "id": _STRING,
        "parameters": _PARAMETERS,
        "outputs": {"type": "array", "items": {"anyOf": [_output(one) for one in model.outputs.values()]}},
    }
    return object_of(fields, ["model_name", "model_version", "parameters", "outputs"])


def _output(output: Output) -> Schema:
    least = 2 if output.classes else 1
    says: Schema = {
        "binary_data_size": {"type": "integer", "description": "bytes behind the JSON, in the place of `data`"},
        "fallback": {"type": "string", "description": "what answered where the model could not, and why"},
    }
    fields: Schema = {
        "name": {"const": output.name},
        "datatype": {"const": "FP64"},
        "shape": {"type": "array", "items": {"type": "integer"}, "minItems": least, "maxItems": least},
        "parameters": {"type": "object", "properties": says},
        "data": {"type": "array", "items": {"type": "number"}},
    }
    return object_of(fields, ["name", "datatype", "shape"])


def _infer(of: str, model: Model, row: Mapping[str, Any] | None, refusals: Schema) -> Schema:
    request: Schema = {"schema": ref(f"InferenceRequest_{model.name}")}
    if row is not None:
        sent = [one.spec for one in model.fields.values() if one.spec.name in row]
        request["example"] = {"inputs": [_example(spec, row) for spec in sent]}
    answer: Schema = {"application/json": {"schema": ref(f"InferenceAnswer_{model.name}")}}
    answer["application/octet-stream"] = {}
    length = {"schema": {"type": "integer"}, "description": "the body's bytes of JSON; those of outputs follow them"}
    headers = {"inference-header-content-length": {**length, "required": False}}
    summary = f"Predict {', '.join(model.outputs)} of each row"
    answers = {"200": {"description": "The answer", "headers": headers, "content": answer}, **_errors(refusals)}
    body = {"required": True, "content": {"application/json": request}}
    return {"operationId": f"v2Infer_{of}", "summary": summary, "requestBody": body, "responses": answers}


def _example(spec: Input, row: Mapping[str, Any]) -> Schema:
    return {"name": spec.name, "datatype": datatype_of(spec.type), "shape": [1], "data": [row[spec.name]]}


def _errors(refusals: Mapping[str, str]) -> Schema:
    told: Schema = {"application/json": {"schema": ref("V2Error")}}
    return {status: {"description": text, "content": told} for status, text in refusals.items()}


def _get(name: str, summary: str, content: str | Schema) -> Schema:
    """A route that is read. content: the name of the schema of its answer, or what it answers."""
    schema = ref(content) if isinstance(content, str) else {"const": content}
    answer: Schema = {"description": "The answer", "content": {"application/json": {"schema": schema}}}
    refused = _errors({"400": "A header does not fit", "403": "Not for you", "404": "No such model", "503": "Not now"})
    return {"get": {"operationId": name, "summary": summary, "responses": {"200": answer, **refused}}}
