"""Check `pattern`: a string that a regular expression does not match as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from poise.data.base import Check, Finding, Setting, say
from poise.errors import SpecError


class PatternCheck(Check):
    """Code `pattern:column`. Patterns are those of Rust's `regex`: linear time, no look-around."""

    @classmethod
    def findings(cls, setting: Setting) -> Iterator[Finding]:
        """One finding per column with `pattern`; missing values pass."""
        for column, spec in setting.source.columns.items():
            if spec.pattern is None:
                continue
            where = f"sources.{setting.name}.columns.{column}.pattern"
            if spec.type not in ("string", "category", "text"):
                raise SpecError(f"a pattern matches strings, and '{column}' is {spec.type}", where=where)
            whole = f"^(?:{spec.pattern})$"
            try:
                pl.Series([""]).str.contains(whole)
            except pl.exceptions.ComputeError as error:
                raise SpecError(f"'{spec.pattern}' is not a regular expression: {error}", where=where) from None
            sentence = say("{} is '{}', which does not match {}", column, pl.col(column), spec.pattern)
            yield Finding(f"pattern:{column}", ~pl.col(column).str.contains(whole), sentence)
