"""The values that a column may have, as its typed rows hold them."""

from __future__ import annotations

from poise.errors import SpecError


def allowed_value(column: str, kind: str, value: str | float | bool, source: str) -> str | float | bool:
    """One of a column's `values` as the column holds it: `category` columns that came as numbers or bools are strings.

    Raises `SpecError` where a column of type `kind` cannot hold it.

    >>> allowed_value("size", "category", 2.0, "orders"), allowed_value("size", "int", 2.0, "orders")
    ('2', 2)
    """
    whole = isinstance(value, float) and value.is_integer() and not isinstance(value, bool)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and (whole or type(value) is int):
        return int(value)
    if kind in ("int", "float", "bool"):
        where = f"sources.{source}.columns.{column}.values"
        raise SpecError(f"{value!r} is not a value of a column of type {kind}", where=where)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if whole else str(value)
