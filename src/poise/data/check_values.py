"""Check `values`: a value that is not one of those allowed."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from poise.data.base import Check, Finding, Setting, say
from poise.errors import SpecError


class ValuesCheck(Check):
    """Code `values:column`."""

    @classmethod
    def findings(cls, setting: Setting) -> Iterator[Finding]:
        """One finding per column with `values`; missing values pass."""
        for column, spec in setting.source.columns.items():
            if spec.values is None:
                continue
            if spec.type == "time":
                where = f"sources.{setting.name}.columns.{column}"
                raise SpecError(f"values cannot list instants, and '{column}' is time", where=where)
            allowed = [_as(column, spec.type, value, setting.name) for value in spec.values]
            listed = ", ".join(map(str, allowed[:10])) + (", …" if len(allowed) > 10 else "")
            bad = ~pl.col(column).is_in(allowed)
            sentence = say("{} is '{}', which is not one of {}", column, pl.col(column), listed)
            yield Finding(f"values:{column}", bad, sentence)


def _as(column: str, kind: str, value: str | float | bool, source: str) -> str | float | bool:
    """An allowed value as the column holds it: `category` columns that came as numbers or bools are strings."""
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
