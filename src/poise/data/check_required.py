"""Check `required`: a missing value where one is needed, by `required: true` or because it says whose row it is."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from poise.data.base import AS_CAME, Check, Finding, Setting
from poise.data.roles import roles_of


class RequiredCheck(Check):
    """Codes `required:column`, and `missing:column` for id, key, time and known columns."""

    @classmethod
    def findings(cls, setting: Setting) -> Iterator[Finding]:
        """A value that came but could not be typed is not reported twice: that is `type:column`."""
        roles = roles_of(setting.source)
        for column, role in roles.items():
            sentence = f"{column} is missing, and it is the row's {role}"
            yield Finding(f"missing:{column}", _absent(column, setting), pl.lit(sentence))
        for column, spec in setting.source.columns.items():
            if spec.required and column not in roles:
                sentence = f"{column} is missing, and it is required"
                yield Finding(f"required:{column}", _absent(column, setting), pl.lit(sentence))


def _absent(column: str, setting: Setting) -> pl.Expr:
    came = AS_CAME + column
    gone = pl.col(column).is_null()
    return gone & pl.col(came).is_null() if came in setting.helpers else gone
