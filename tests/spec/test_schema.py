"""The JSON Schema accepts the examples, knows every kind of feature, and refuses misspelt keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poise import registry
from poise.spec.schema import DIALECT, json_schema
from poise.spec.yaml_text import load

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/*.yaml"))
PAGE = (Path(__file__).parents[2] / "docs" / "spec.md").read_text()
SYSTEMS = re.findall(r"```yaml\n(format: 1\n.*?)```", PAGE, re.DOTALL)
KINDS: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterator[str]:
    """The part of JSON Schema 2020-12 that pydantic writes, checked plainly."""
    if "$ref" in schema:
        yield from faults(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, path)
    if "anyOf" in schema and all(list(faults(value, option, root, path)) for option in schema["anyOf"]):
        yield f"{path}: fits no option"
    kinds = schema.get("type", [])
    if kinds and not any(fits(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{path}: not {kinds}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{path}: not {schema['const']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: does not match"
    if isinstance(value, dict):
        yield from object_faults(value, schema, root, path)
    if isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            yield from faults(each, schema["items"], root, f"{path}[{index}]")


def fits(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        return isinstance(value, int if kind == "integer" else int | float) and not isinstance(value, bool)
    return isinstance(value, KINDS[kind])


def object_faults(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{path}: lacks {key}" for key in schema.get("required", ()) if key not in value)
    for key, each in value.items():
        below = properties.get(key, others)
        if below is False:
            yield f"{path}.{key}: unknown"
        elif isinstance(below, dict):
            yield from faults(each, below, root, f"{path}.{key}")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_examples_fit(path: Path) -> None:
    schema = json_schema()
    assert list(faults(load(path.read_text(), path.name).content, schema, schema)) == []


@pytest.mark.parametrize("text", SYSTEMS, ids=lambda text: text.split("system: ")[1].split("\n")[0])
def test_the_systems_of_the_page_fit(text: str) -> None:
    schema = json_schema()
    assert list(faults(load(text, "f").content, schema, schema)) == []


def test_keys_of_lists_are_known() -> None:
    schema, text = json_schema(), next(text for text in SYSTEMS if "explore:" in text)
    for old, new in (("  item:", "  itm:"), ("method:", "metod:"), ("plackett-luce", "placket"), ("top: 20", "top: a")):
        assert list(faults(load(text.replace(old, new, 1), "f").content, schema, schema)), new


def test_the_shop_fits_and_misspelt_keys_do_not(shop: str) -> None:
    schema = json_schema()
    assert list(faults(load(shop, "f").content, schema, schema)) == []
    for old, new in (
        ("purpose:", "porpose:"),
        ("- clock:", "- clok:"),
        ("late:", "lat:"),
        ("over:", "ovr:"),
        ("min:", "mim:"),
    ):
        assert list(faults(load(shop.replace(old, new, 1), "f").content, schema, schema)), new


def test_it_is_json_with_references_that_resolve() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"] == DIALECT
    references = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(schema)))
    assert references and references <= set(schema["$defs"])
    kinds = {key for option in schema["$defs"]["FeatureEntry"]["anyOf"] for key in option["properties"]}
    assert kinds == set(registry.names("feature"))
