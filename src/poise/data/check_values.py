"""Check `values`: a value that is not one of those allowed."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from poise.data.allowed import allowed_value
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
            allowed = [allowed_value(column, spec.type, value, setting.name) for value in spec.values]
            listed = ", ".join(map(str, allowed[:10])) + (", …" if len(allowed) > 10 else "")
            bad = ~pl.col(column).is_in(allowed)
            sentence = say("{} is '{}', which is not one of {}", column, pl.col(column), listed)
            yield Finding(f"values:{column}", bad, sentence)
