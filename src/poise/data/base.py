"""What a check promises: findings, each a vectorised test for refused rows with a code and a sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from poise.spec.source import ColumnType, Source

AS_CAME = "came:"
"""Prefix of the helper column that holds a column as it came, missing values already null, where typing changed it."""
LOCAL = "local:"
"""Prefix of the helper column that is true where a local time was skipped or shown twice by the clocks of its zone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a row can be refused.

    code: stable, `kind:column`, e.g. `range:price`. bad: a boolean expression; null counts as false. why: a string
    expression with the sentence; it is evaluated on refused rows only, so it may be slow.
    """

    code: str
    bad: pl.Expr
    why: pl.Expr


@dataclass(frozen=True, slots=True)
class Setting:
    """What checks are made from: the source, its types and what this batch holds.

    types: declared and derived columns. helpers: names of the columns with the prefixes above that exist in this batch.
    zones: the zone of each declared `time` column. ahead: the latest τ (microseconds) that is not in the future.
    """

    name: str
    source: Source
    types: Mapping[str, ColumnType]
    helpers: frozenset[str]
    zones: Mapping[str, str]
    ahead: int


class Check(ABC):
    """One kind of check. A plug-in is one file with one of these, named in the registry's role `check`."""

    @classmethod
    @abstractmethod
    def findings(cls, setting: Setting) -> Iterable[Finding]:
        """The findings of this kind for one source.

        Raises `SpecError` where the source asks for something that this check cannot honour.
        """


def say(template: str, *values: pl.Expr | str) -> pl.Expr:
    """A sentence per row: each `{}` of `template` filled in; missing values read as `missing`.

    >>> pl.DataFrame({"x": [1, None]}).select(say("x is {}", pl.col("x"))).to_series().to_list()
    ['x is 1', 'x is missing']
    """
    shown = [v if isinstance(v, str) else v.cast(pl.String).fill_null("missing").str.slice(0, 200) for v in values]
    return pl.format(template, *[pl.lit(v) if isinstance(v, str) else v for v in shown])
