"""JSON as releases hold it: the same content gives the same bytes, and a number that is none is null.

JSON has no NaN and no infinity. Writing one breaks strict readers, dropping one silently hides a fault: here it becomes
null, and its place is named.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from poise.errors import Tampered

NOT_FINITE = "not_finite"
"""The key under which a written object names the places that held NaN or an infinity."""


def finite(value: Any, place: str = "") -> tuple[Any, list[str]]:
    """`value` as plain JSON values, and the places of the numbers that became null.

    Takes dicts, lists, tuples, sets (sorted), NumPy arrays and numbers, paths; anything else raises `TypeError`.

    >>> finite({"auc": float("nan"), "n": np.int64(3)})
    ({'auc': None, 'n': 3}, ['auc'])
    """
    if value is None or isinstance(value, bool | int | str):
        return value, []
    if isinstance(value, float):
        return (float(value), []) if math.isfinite(value) else (None, [place or "the value"])
    if isinstance(value, np.generic | np.ndarray):
        return finite(value.tolist(), place)
    if isinstance(value, Mapping):
        return _finite_mapping(value, place)
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        pairs = [finite(item, f"{place}[{i}]") for i, item in enumerate(value)]
        return [item for item, _ in pairs], [found for _, places in pairs for found in places]
    if isinstance(value, Path):
        return str(value), []
    raise TypeError(f"{place or 'the value'} is a {type(value).__name__}, which JSON cannot hold")


def _finite_mapping(value: Mapping[Any, Any], place: str) -> tuple[dict[str, Any], list[str]]:
    out: dict[str, Any] = {}
    places: list[str] = []
    for key, item in value.items():
        name = str(key)
        out[name], found = finite(item, f"{place}.{name}" if place else name)
        places += found
    return out, places


def to_json(value: Any) -> str:
    """Deterministic JSON text: sorted keys, two spaces, UTF-8 as it is, a final line end.

    An object in which NaN or an infinity became null says so under `not_finite`.

    >>> print(to_json({"b": 1, "a": float("inf")}), end="")
    {
      "a": null,
      "b": 1,
      "not_finite": [
        "a"
      ]
    }
    """
    plain, places = finite(value)
    if places and isinstance(plain, dict):
        plain[NOT_FINITE] = sorted({*plain.get(NOT_FINITE, []), *places})
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=2) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `to_json(value)` to `path`, a new file."""
    path.write_text(to_json(value), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`. Raises `Tampered` where the file is absent or not a JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Tampered(f"{path.name} cannot be read: {error.strerror}", where=str(path.parent)) from error
    except (ValueError, RecursionError) as error:
        raise Tampered(f"{path.name} is not JSON: {error}", where=str(path.parent)) from error
    if not isinstance(content, dict):
        raise Tampered(f"{path.name} holds a {type(content).__name__}, not an object", where=str(path.parent))
    return content
