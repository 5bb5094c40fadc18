"""Check `future`: a row whose τ, or whose known time, is further ahead of the clock than five minutes."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from poise.clock import to_text
from poise.data.base import Check, Finding, Setting, say


class FutureCheck(Check):
    """Code `future:column`. Such rows can be re-admitted once their time has come."""

    @classmethod
    def findings(cls, setting: Setting) -> Iterator[Finding]:
        """One finding for `time:` and one for `known:`."""
        limit = pl.lit(setting.ahead).cast(pl.Datetime("us", "UTC"))
        for column in dict.fromkeys((setting.source.time, setting.source.known)):
            if column is not None:
                sentence = "{} is {}, after {} (now, and 5 minutes for clocks that differ)"
                why = say(sentence, column, pl.col(column), to_text(setting.ahead))
                yield Finding(f"future:{column}", pl.col(column) > limit, why)
