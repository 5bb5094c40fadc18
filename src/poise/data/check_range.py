"""Check `range`: a number below `min` or above `max`."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from poise.data.base import Check, Finding, Setting, say
from poise.errors import SpecError


class RangeCheck(Check):
    """Code `range:column`; the sentence says which bound."""

    @classmethod
    def findings(cls, setting: Setting) -> Iterator[Finding]:
        """One finding per column with a bound; missing values pass."""
        for column, spec in setting.source.columns.items():
            if spec.min is None and spec.max is None:
                continue
            if spec.type not in ("int", "float"):
                where = f"sources.{setting.name}.columns.{column}"
                raise SpecError(f"min and max bound numbers, and '{column}' is {spec.type}", where=where)
            value = pl.col(column)
            low = pl.lit(False) if spec.min is None else value < spec.min
            high = pl.lit(False) if spec.max is None else value > spec.max
            below = say("{} is {}, below its min {}", column, value, f"{spec.min or 0:g}")
            above = say("{} is {}, above its max {}", column, value, f"{spec.max or 0:g}")
            bad = low if spec.max is None else high if spec.min is None else low | high
            yield Finding(f"range:{column}", bad, pl.when(low).then(below).otherwise(above))
