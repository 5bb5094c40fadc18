"""The JSON Schema of the system file, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from poise import registry
from poise.spec.system import SystemSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of `poise.yaml`, the records of all registered kinds of features included.

    It knows keys, types and short forms; what only the whole file can tell (names, expressions) `poise check` tells.

    >>> json_schema()["properties"]["system"]["pattern"]
    '^[a-z][a-z0-9_-]{0,62}$'
    """
    kinds = {kind: registry.get("feature", kind).Spec for kind in registry.names("feature")}
    records = [SystemSpec, *kinds.values()]
    found, schema = models_json_schema([(record, "validation") for record in records], ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = schema["$defs"]
    system = definitions.pop(_name(found[SystemSpec, "validation"]))
    definitions["FeatureEntry"] = {
        "description": "One entry of `features:`, a kind of feature and what it takes.",
        "anyOf": [_entry(kind, found[record, "validation"]) for kind, record in kinds.items()],
    }
    return {"$schema": DIALECT, "title": "A system of Poise", **_untitled(system), "$defs": _untitled(definitions)}


def _name(reference: dict[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _entry(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {kind: record}, "required": [kind], "additionalProperties": False}


def _untitled(schema: Any, *, names: bool = False) -> Any:
    """Without the titles that repeat each key. `names`: the keys at this level are names, and `title` may be one."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _untitled(value, names=key in ("properties", "$defs") and not names)
        for key, value in schema.items()
        if names or key != "title" or not isinstance(value, str)
    }
