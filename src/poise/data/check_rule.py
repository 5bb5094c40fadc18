"""Check `rule`: an expression over several columns that must be true."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from poise.data.base import Check, Finding, Setting
from poise.data.expressions import condition


class RuleCheck(Check):
    """Code `rule:name`."""

    @classmethod
    def findings(cls, setting: Setting) -> Iterator[Finding]:
        """One finding per entry of `rules`. A comparison with a missing value is false, so such rows are refused."""
        for name, text in setting.source.rules.items():
            holds = condition(text, setting.types, where=f"sources.{setting.name}.rules.{name}")
            sentence = f"the rule '{name}' does not hold: {text}"
            yield Finding(f"rule:{name}", ~holds.fill_null(False), pl.lit(sentence))
