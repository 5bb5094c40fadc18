"""Typing: each declared column as it came to its declared type, vectorised; what does not fit becomes null.

`check_type` then compares: there before, null after typing, means a wrong type. Spellings that are taken:

| type | taken |
|---|---|
| int | whole numbers, also `3.0` and `3e0` |
| float | finite numbers |
| bool | true/false, t/f, yes/no, y/n, 1/0 in any case |
| string, category, text | strings; whole numbers and bools become their plain spelling (`12`, `true`) |
| time | see `poise.data.instants` |

In CSV the empty string and `NA`, `N/A`, `NaN`, `nan`, `null`, `NULL` are missing; elsewhere only null and NaN are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import polars as pl

from poise.data.base import AS_CAME, LOCAL
from poise.data.instants import UTC, instants
from poise.errors import DataError
from poise.spec.source import ColumnSpec, ColumnType

MISSING_TEXT = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
TRUE = ("true", "t", "yes", "y", "1", "1.0")
FALSE = ("false", "f", "no", "n", "0", "0.0")
BOOLS = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
EXACT = 2.0**53  # beyond this, neighbouring whole numbers are the same float


@dataclass(frozen=True, slots=True)
class Typed:
    """How one column is typed: its value, and helper columns (`came:`, `local:`) where a value may not fit."""

    value: pl.Expr
    helpers: dict[str, pl.Expr]


def typed(name: str, spec: ColumnSpec, came: pl.DataType, zone: str, *, text: bool) -> Typed:
    """Column `name` that came as Polars type `came`. `zone` localises naive times; `text` says it is from a CSV.

    Raises `DataError` for nested columns, which hold no single value per row.
    """
    if came.is_nested() or came in (pl.Object, pl.Binary):
        raise DataError(f"column '{name}' holds {came}", hint="a column of numbers, strings, bools or times is needed")
    raw = missing_as_null(name, came, text=text)
    if spec.type == "time":
        value, local = instants(raw, came, spec.format, zone)
        helpers = {LOCAL + name: local} if local is not None else {}
    else:
        value, helpers = _value(raw, spec.type, came), {}
    if value is None:
        return Typed(raw, {})
    return Typed(value, {AS_CAME + name: raw, **helpers})


def fits(values: pl.Series, kind: ColumnType, *, text: bool) -> bool:
    """Does the column hold nothing but values of its type already, so that there is nothing to do?"""
    if kind == "float" and values.dtype == pl.Float64:
        return isfinite(values.sum())  # one NaN or infinity makes the sum so; a sum that overflows only costs time
    if text:
        return False
    ready = {"int": pl.Int64, "bool": pl.Boolean, "time": UTC, "float": None}.get(kind, pl.String)
    return ready is not None and values.dtype == ready


def missing_as_null(name: str, came: pl.DataType, *, text: bool) -> pl.Expr:
    """The column with every spelling of missing as null."""
    column = pl.col(name)
    if came.is_float():
        return column.fill_nan(None)
    if isinstance(came, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if text:
        return pl.when(column.is_in(MISSING_TEXT)).then(None).otherwise(column)
    return column


def _value(raw: pl.Expr, kind: str, came: pl.DataType) -> pl.Expr | None:
    """The typed value; None where the column already holds nothing but values of this type."""
    if kind in ("string", "category", "text"):
        return _string(raw, came)
    stringy = came in (pl.String, pl.Categorical, pl.Enum)
    if kind == "bool":
        return _bool(raw, came, stringy)
    numeric = came.is_numeric()
    if not (numeric or stringy or came in (pl.Boolean, pl.Null)):
        return pl.lit(None, pl.Int64 if kind == "int" else pl.Float64)
    number = raw.str.strip_chars().cast(pl.Float64, strict=False) if stringy else raw.cast(pl.Float64)
    if kind == "float":
        return pl.when(number.is_finite()).then(number)
    if came.is_integer() or came == pl.Boolean:
        return None if came == pl.Int64 else raw.cast(pl.Int64, strict=False)
    whole = pl.when((number == number.floor()) & (number.abs() <= EXACT)).then(number).cast(pl.Int64, strict=False)
    return pl.coalesce(raw.str.strip_chars().cast(pl.Int64, strict=False), whole) if stringy else whole


def _string(raw: pl.Expr, came: pl.DataType) -> pl.Expr | None:
    if came in (pl.String, pl.Categorical, pl.Enum):
        return None
    if came.is_float():
        whole = (raw == raw.floor()) & (raw.abs() <= EXACT)
        return pl.when(whole).then(raw.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(raw.cast(pl.String))
    return raw.cast(pl.String)


def _bool(raw: pl.Expr, came: pl.DataType, stringy: bool) -> pl.Expr | None:
    if came == pl.Boolean:
        return None
    if stringy:
        word = raw.str.strip_chars().str.to_lowercase()
        return word.replace_strict(BOOLS, default=None, return_dtype=pl.Boolean)
    if came.is_numeric():
        return pl.when(raw == 1).then(True).when(raw == 0).then(False)
    return pl.lit(None, pl.Boolean)
