"""Quantities with units, as people write them: durations, sizes, percentages.

Each is an annotated type whose Python value is a plain number in one base unit: microseconds, bytes, fractions.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

DURATIONS = {
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 7 * 86_400_000_000,
    "y": 365 * 86_400_000_000,
}
"""Microseconds per unit of a duration. A year is 365 days; months have no fixed length and are not offered."""

SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
"""Bytes per unit of a size."""

_QUANTITY = re.compile(r"\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([A-Za-z%]*)\s*")


def parse_duration(value: Any) -> int:
    """Microseconds of a duration such as `6h`, `100ms`, `30min`, `7d`; whole numbers are microseconds already.

    >>> parse_duration("6h") // 1_000_000
    21600
    >>> parse_duration("5m")
    Traceback (most recent call last):
    ValueError: '5m' is not a duration: write a number and one of ms, s, min, h, d, w, y, e.g. '6h'
    """
    return _parse(value, DURATIONS, "a duration", "'6h'")


def parse_size(value: Any) -> int:
    """Bytes of a size such as `20MB` or `16KiB`.

    >>> parse_size("20MB")
    20000000
    """
    return _parse(value, SIZES, "a size", "'20MB'")


def parse_fraction(value: Any) -> float:
    """A fraction from `2%` or 0.02.

    >>> parse_fraction("2%")
    0.02
    """
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a fraction: write e.g. 2% or 0.02")
    if isinstance(value, int | float):
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in ("%", ""):
        raise ValueError(f"{value!r} is not a fraction: write e.g. 2% or 0.02")
    return float(match[1]) / (100 if match[2] else 1)


def _parse(value: Any, units: dict[str, int], noun: str, example: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        came = "nothing" if value is None else repr(value)
        raise ValueError(f"{came} is not {noun}: write a number and one of {', '.join(units)}, e.g. {example}")
    return round(float(match[1]) * units[match[2]])


Duration = Annotated[
    int, BeforeValidator(parse_duration), WithJsonSchema({"type": ["string", "integer"], "examples": ["6h", "30min"]})
]
"""A duration in microseconds."""
Size = Annotated[
    int, BeforeValidator(parse_size), WithJsonSchema({"type": ["string", "integer"], "examples": ["20MB"]})
]
"""A size in bytes."""
Fraction = Annotated[
    float, BeforeValidator(parse_fraction), WithJsonSchema({"type": ["string", "number"], "examples": ["2%", 0.02]})
]
"""A fraction; `2%` is 0.02."""


def duration_text(value: int) -> str:
    """A duration as people write it, in the largest unit that divides it.

    >>> duration_text(21_600_000_000), duration_text(90_000_000)
    ('6h', '90s')
    """
    for unit in ("d", "h", "min", "s", "ms"):
        if value and value % DURATIONS[unit] == 0:
            return f"{value // DURATIONS[unit]}{unit}"
    return f"{value / 1000:g}ms"
