"""Check `type`: a value that is there but is not of its column's declared type."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from poise.data.base import AS_CAME, LOCAL, Check, Finding, Setting, say

NOUNS = {
    "int": "a whole number",
    "float": "a finite number",
    "bool": "true or false",
    "time": "a time (ISO 8601, or as its format says)",
}


class TypeCheck(Check):
    """Codes `type:column` and, for local times that never were or were twice, `local_time:column`."""

    @classmethod
    def findings(cls, setting: Setting) -> Iterator[Finding]:
        """One finding per column whose type had to be parsed, two for local times."""
        for column in setting.source.columns:
            came = AS_CAME + column
            if came not in setting.helpers:
                continue
            noun = NOUNS.get(setting.types[column], "text")
            bad = pl.col(column).is_null() & pl.col(came).is_not_null()
            local = pl.col(LOCAL + column) if LOCAL + column in setting.helpers else None
            if local is not None:
                zone = setting.zones[column]
                gone = "{} is {}, a local time that the clocks of {} skipped or showed twice"
                yield Finding(f"local_time:{column}", local, say(gone, column, pl.col(came), zone))
                bad &= ~local.fill_null(False)
            yield Finding(f"type:{column}", bad, say("{} is '{}', which is not {}", column, pl.col(came), noun))
