"""Kinds: what each column of a table is, by its values: number, flag, category, text, time, id, or of no use."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from poise.assessment.case import ColumnKind
from poise.assessment.date_text import spelt_dates
from poise.assessment.number_text import plain_numbers, spelt_numbers
from poise.data.instants import UTC
from poise.data.parse import BOOLS, MISSING_TEXT
from poise.spec.source import ColumnType

MORE_MISSING = ("?", "-", "--", "none", "None", "NONE", "n/a", "N.A.", "#N/A", "<NA>", "NULL", "Null", "NaT", "missing")
"""Words that mean missing in tables that people keep, beside those of `poise.data.parse`."""
ID_NAME = re.compile(
    r"(^|[_\W])(id|uuid|guid|key|index|rownames?|row_?(no|number|id)|unnamed.*)$|[a-z]Id$|^(id|ID)", re.I
)
UNIQUE = 0.95
"""A column of strings is an id where so many of its values occur once."""
WORDS = 4.0
"""Strings with so many words on average, that rarely repeat, are prose."""
REPEATS = 0.5
"""Prose repeats in fewer rows than this; categories with fewer rows per level than 1 / this are of no use."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What a column is, its typed values (Float64, String, or UTC instants), and words on how that was understood."""

    kind: ColumnKind
    type: ColumnType
    values: pl.Series
    format: str | None = None
    note: str | None = None
    dropped: str | None = None

    @property
    def unique(self) -> bool:
        """Whether nearly every row has a value of its own."""
        return self.values.drop_nulls().n_unique() >= UNIQUE * self.values.count()


def kind_of(column: pl.Series) -> Kind:
    """What a column is. Never raises for odd values: what cannot be used says why.

    >>> kind_of(pl.Series("n", ["1", "2", "", "4.5"])).kind, kind_of(pl.Series("b", ["yes", "no"])).kind
    ('number', 'flag')
    """
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return Kind("other", "string", column, dropped=f"it holds {column.dtype}, not single values")
    if column.dtype == pl.Null:
        return _empty(column)
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        column = without_missing(column)
    if column.count() == 0:
        return _empty(column)
    if column.dtype == pl.String:
        return _of_text(column)
    if column.dtype == pl.Boolean:
        return _varied(Kind("flag", "bool", column.cast(pl.Float64)))
    if column.dtype in (pl.Date,) or isinstance(column.dtype, pl.Datetime):
        return _varied(Kind("time", "time", _instants(column)))
    if isinstance(column.dtype, pl.Duration):
        seconds = column.dt.total_microseconds().cast(pl.Float64) / 1e6
        return _varied(Kind("number", "float", seconds, note="a duration, in seconds"))
    if column.dtype == pl.Time:
        return _varied(
            Kind("number", "float", column.cast(pl.Int64).cast(pl.Float64) / 3.6e12, note="the hour of the day")
        )
    return _number(column, column.dtype.is_integer())


def without_missing(text: pl.Series) -> pl.Series:
    """Text with every spelling of missing as null, and without blanks around it."""
    words = [*MISSING_TEXT, *MORE_MISSING]
    stripped = text.str.strip_chars()
    return (
        pl.DataFrame({"x": stripped}).select(pl.when(~pl.col("x").is_in(words)).then(pl.col("x")))["x"].alias(text.name)
    )


def _empty(column: pl.Series) -> Kind:
    return Kind("empty", "float", column, dropped="it has no values")


def _instants(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        return column.cast(pl.Datetime("us", column.dtype.time_zone)).dt.convert_time_zone("UTC")
    return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _of_text(column: pl.Series) -> Kind:
    plain = plain_numbers(column)
    if plain is not None:
        values, note = plain
        return _number(values, bool((values.drop_nulls() == values.drop_nulls().floor()).all()), note)
    words = column.str.to_lowercase().unique().drop_nulls()
    if len(words) == 2 and all(word in BOOLS for word in words.to_list()):
        return Kind(
            "flag", "bool", column.str.to_lowercase().replace_strict(BOOLS, return_dtype=pl.Boolean).cast(pl.Float64)
        )
    dates = spelt_dates(column)
    if dates is not None:
        values, format, doubt = dates
        return _varied(Kind("time", "time", values, format, doubt))
    spelt = spelt_numbers(column)
    if spelt is not None:
        values, note = spelt
        return _number(values, False, note)
    return _strings(column)


def _strings(column: pl.Series) -> Kind:
    there = column.drop_nulls()
    levels, n = there.n_unique(), len(there)
    if levels == 1:
        return _varied(Kind("category", "category", column))
    words = float(there.head(2_000).str.count_matches(r"\S+").to_numpy().mean())
    if words >= WORDS and levels > REPEATS * n and n > 10:
        return Kind("text", "text", column)
    if levels >= UNIQUE * n and n > 10:
        return Kind("id", "string", column, dropped=f"nearly every row has its own value ({levels:,} in {n:,} rows)")
    if levels > REPEATS * n and n > 10:
        said = f"{levels:,} values in {n:,} rows, too few rows for each to learn from"
        return Kind("id", "string", column, dropped=said)
    return Kind("category", "category", column)


def _number(column: pl.Series, whole: bool, note: str | None = None) -> Kind:
    values = column.cast(pl.Float64)
    infinite = int(values.is_infinite().sum())
    if infinite or values.is_nan().any():
        values = values.set(~values.is_finite().fill_null(True), None)
    if infinite:
        note = "; ".join(filter(None, [note, f"{infinite:,} infinite values are taken as missing"]))
    there = values.drop_nulls()
    if not len(there):
        return _empty(column)
    kind = Kind("number", "int" if whole else "float", values, note=note)
    if whole and len(there) > 10 and there.n_unique() == len(there) and _numbering(values.name, there):
        return Kind("id", "int", values, dropped="it numbers the rows: every row has its own value")
    return _varied(kind)


def _numbering(name: str, values: pl.Series) -> bool:
    """Whether whole numbers that never repeat number the rows: by their name, or leaving next to nothing out."""
    span = float(np.ptp(values.to_numpy())) + 1
    return bool(ID_NAME.search(name)) or span <= 1.1 * len(values)


def _varied(kind: Kind) -> Kind:
    there = kind.values.drop_nulls()
    if there.n_unique() > 1:
        return kind
    shown = there[0]
    return Kind("constant", kind.type, kind.values, kind.format, kind.note, f"it is always {shown!r:.60}")


__all__ = ["UTC", "Kind", "kind_of", "without_missing"]
