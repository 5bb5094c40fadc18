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
            allowed = [_as(spec.type, value) for value in spec.values]
            listed = ", ".join(str(v) for v in spec.values[:10]) + (", …" if len(spec.values) > 10 else "")
            bad = ~pl.col(column).is_in(allowed)
            sentence = say("{} is '{}', which is not one of {}", column, pl.col(column), listed)
            yield Finding(f"values:{column}", bad, sentence)


def _as(kind: str, value: str | float | bool) -> str | float | bool:
    """An allowed value as the column holds it: `category` columns that came as numbers or bools are strings."""
    if kind in ("int", "float", "bool"):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
