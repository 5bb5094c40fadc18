"""What pydantic found wrong with a record, as sentences: the key, what came, what is allowed."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic_core import ErrorDetails

from poise.errors import did_you_mean
from poise.spec.record import Record
from poise.spec.yaml_text import KeyPath

_QUOTED = re.compile(r"'([^']*)'")
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping ('key: value' lines)",
    "model_type": "a mapping ('key: value' lines)",
    "model_attributes_type": "a mapping ('key: value' lines)",
    "tuple_type": "a list",
    "list_type": "a list",
}
_LONGEST = 60  # characters of what came that are shown


def sentence(error: ErrorDetails, path: KeyPath, root: Any, base: KeyPath = ()) -> tuple[str, str | None]:
    """The sentence and the hint for one error; `path` is its place in the file, `root` the type found at `base`."""
    kind, spot = error["type"], dotted(path)
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        words = allowed_keys(root, path[len(base) : -1])
        inside = dotted(path[:-1]) or "the file"
        return f"unknown key '{key}' in {inside}", did_you_mean(key, words)
    if kind == "missing":
        key = str(error["loc"][-1])
        return f"{spot or 'the file'} needs the key '{key}'", None
    if kind == "value_error":
        return f"{spot}: {str(error['ctx']['error']) if 'ctx' in error else error['msg']}", None
    came = shown(error["input"])
    if kind == "literal_error":
        words = _QUOTED.findall(str(error["ctx"]["expected"])) or str(error["ctx"]["expected"]).split(" or ")
        return f"{spot}: {came} is not allowed", did_you_mean(str(error["input"]), words)
    if kind in _WANTED:
        return f"{spot}: {_WANTED[kind]} is needed; came: {came}", None
    if kind == "string_pattern_mismatch":
        return f"{spot}: {came} does not match {error['ctx']['pattern']}", None
    if kind in ("too_short", "too_long"):
        bound = error["ctx"].get("min_length", error["ctx"].get("max_length"))
        side = "at least" if kind == "too_short" else "at most"
        return f"{spot} needs {side} {bound} {'entry' if bound == 1 else 'entries'}; came: {came}", None
    return f"{spot}: {error['msg'][:1].lower() + error['msg'][1:]}; came: {came}", None


def dotted(path: Iterable[str | int]) -> str:
    """A path as people write it.

    >>> dotted(("features", 0, "window", "by"))
    'features[0].window.by'
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def shown(value: Any) -> str:
    """A value as it came, cut where it is long."""
    if value is None:
        return "nothing"
    text = f"'{value}'" if isinstance(value, str) else "true" if value is True else "false" if value is False else ""
    if isinstance(value, dict):
        text = "a mapping with " + (", ".join(f"'{key}'" for key in list(value)[:3]) or "no keys")
    text = text or ("an empty list" if value == [] else str(value))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def allowed_keys(root: Any, path: KeyPath) -> list[str]:
    """The keys that the records at `path` below type `root` have."""
    level = _options(root)
    for step in path:
        level = [option for each in level for option in _step(each, step)]
    return [
        field.alias or name
        for each in level
        if isinstance(each, type) and issubclass(each, Record)
        for name, field in each.model_fields.items()
    ]


def _step(annotation: Any, step: str | int) -> list[Any]:
    """The types that may stand one key (or index) below a type."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        for name, field in annotation.model_fields.items():
            if step in (name, field.alias):
                return _options(field.annotation)
        return []
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return _options(arguments[1])
    return _options(arguments[0]) if get_origin(annotation) in (tuple, list) else []


def _options(annotation: Any) -> list[Any]:
    """The members of a union, without what annotates them."""
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [option for each in get_args(annotation) for option in _options(each)]
    return [annotation]
