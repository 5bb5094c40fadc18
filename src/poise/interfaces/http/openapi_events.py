"""The part of the OpenAPI document that is about events: a route for each source, and its rows as it declares them."""

from __future__ import annotations

from collections.abc import Mapping

from poise.data.delivery import MOST_BYTES
from poise.data.roles import roles_of
from poise.interfaces.http.openapi_schema import Schema, object_of, ref, some
from poise.interfaces.http.problem import MEDIA_TYPE
from poise.serving.limits import Limits
from poise.spec.source import ColumnSpec, Source

_FATES = {
    "accepted": "on the disk, and seen by answers from now on",
    "duplicate": "the same row came before; nothing was done",
    "conflict": "another row with this identity came before; this one is in quarantine",
    "quarantined": "a check failed; the row is in quarantine with the reasons",
    "forgotten": "of a person who was to be forgotten; nothing was kept",
    "other": "not of this source, by its `where`; nothing was done",
}
_KINDS = {"int": "integer", "float": "number", "bool": "boolean"}
_REASON = object_of({"code": {"type": "string"}, "why": {"type": "string"}}, ["code", "why"])
_TOLD = object_of(
    {
        "fate": {
            "enum": list(_FATES),
            "description": "; ".join(f"`{fate}`: {what}" for fate, what in _FATES.items()),
        },
        "reasons": {"type": "array", "items": _REASON, "description": "of rows in quarantine"},
    },
    ["fate"],
)
_OTHER: Schema = {"type": "object", "description": "any other row: it goes into quarantine, and the answer says why"}
_ANSWER = object_of(
    {
        "source": {"type": "string"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "rows of each fate"},
        "rows": {"type": "array", "items": ref("EventFate"), "description": "one for each row, in order"},
        "undeclared": {
            "type": "array",
            "items": {"type": "string"},
            "description": "fields that the source does not declare: they are not read",
        },
    },
    ["source", "counts", "rows"],
)


def event_schemas(sources: Mapping[str, Source]) -> Schema:
    """The schemas of rows and answers.

    >>> source = Source.model_validate({"path": "o.csv", "id": "o", "columns": {"o": "string", "n": "int"}})
    >>> event_schemas({"orders": source})["Event_orders"]["required"]
    ['o']
    """
    rows = {f"Event_{name}": _row(source) for name, source in sources.items()}
    return {**rows, "EventFate": _TOLD, "EventsAnswer": _ANSWER}


def event_paths(sources: Mapping[str, Source], limits: Limits, refusals: Mapping[str, str]) -> Schema:
    """The path of each source. refusals: what each status means where a body is sent."""
    return {f"/v1/events/{name}": {"post": _send(name, limits, refusals)} for name in sources}


def _send(name: str, limits: Limits, refusals: Mapping[str, str]) -> Schema:
    one = ref(f"Event_{name}")
    many = some({"anyOf": [one, _OTHER]}, limits.rows, "rows", limits)
    wrapped = object_of({"rows": many}, ["rows"])
    is_list: Schema = {"required": ["rows"], "maxProperties": 1, "properties": {"rows": {"type": "array"}}}
    body: Schema = {"anyOf": [one, {**_OTHER, "not": is_list}, many, wrapped]}
    told = {"application/json": {"schema": ref("EventsAnswer")}}
    answer: Schema = {"description": "What became of each row", "content": told}
    busy = {"503": "Too much waits to be written (see Retry-After), or the disk does not take it: nothing was accepted"}
    problem = {MEDIA_TYPE: {"schema": ref("Problem")}}
    refused = {status: {"description": text, "content": problem} for status, text in {**refusals, **busy}.items()}
    return {
        "operationId": f"send_{name}",
        "summary": f"Take in rows of '{name}': answered once they are on the disk and answers see them",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": answer, **refused},
    }


def _row(source: Source) -> Schema:
    """A row as it is accepted; others are answered with the reasons why not."""
    needed = roles_of(source)
    named = list(zip(source.in_file.values(), source.columns.items(), strict=True))
    required = [key for key, (column, spec) in named if column in needed or spec.required]
    fields = {key: _field(spec, nullable=key not in required) for key, (_, spec) in named}
    text = f"fields beyond these are not read; at most {MOST_BYTES:,} bytes"
    return {"type": "object", "properties": fields, "required": required, "description": text}


def _field(spec: ColumnSpec, *, nullable: bool) -> Schema:
    kind = _KINDS.get(spec.type, "string")
    schema: Schema = {"type": [kind, "null"] if nullable else kind}
    if spec.type == "time":
        says = f"in the form {spec.format}" if spec.format else "ISO 8601"
        schema["description"] = f"{says}; without an offset local time of the column"
    if spec.values is not None:
        schema["enum"] = [*spec.values, *([None] if nullable else [])]
    bounds = {"minimum": spec.min, "maximum": spec.max}
    schema |= {name: value for name, value in bounds.items() if value is not None}
    return schema | ({"pattern": f"^(?:{spec.pattern})$"} if spec.pattern is not None else {})
