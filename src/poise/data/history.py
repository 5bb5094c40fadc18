"""From rows of the lake to the arrays that other stations compute with."""

from __future__ import annotations

import numpy as np
import polars as pl

from poise.spec.source import Source
from poise.table import MISSING_TIME, Column, History, Table

BEFORE_ALL = MISSING_TIME + 1
"""τ of the first version of a table's row: it holds for all earlier T, and whatever came later replaces it."""


def to_history(name: str, source: Source, rows: pl.DataFrame, held: pl.DataFrame | None = None) -> History:
    """`rows` (with `_time`, `_known` and `_seq`) as a History, sorted by τ, then order of arrival.

    held: keys of a table of which there were rows before these. Which version of a table's row is the first is told by
    arrival alone: those of files are stamped by the wall clock, those that a server accepts perhaps by a replayed one.
    """
    if source.kind == "table":
        rows = _with_firsts(source, rows, held)
    ordered = by_time(rows)
    columns = [column for column in ordered.columns if column not in ("_time", "_known", "_seq", "_first")]
    table = Table({column: to_column(ordered[column]) for column in columns}, ordered.height)
    first = ordered["_first"].to_numpy().copy() if source.kind == "table" else None
    return History(name, source.kind, _micros(ordered["_time"]), _micros(ordered["_known"]), table, first)


def _with_firsts(source: Source, rows: pl.DataFrame, held: pl.DataFrame | None) -> pl.DataFrame:
    """Rows of a table in order of arrival, with `_first`, and the τ of those that are."""
    assert source.key is not None
    key, ordered = list(source.key), rows.sort("_seq")
    first = ordered.select(pl.struct(key).is_first_distinct()).to_series()
    if held is not None:
        known = held.select(key).unique().with_columns(_held=True)
        joined = ordered.select(key).join(known, on=key, how="left", nulls_equal=True, maintain_order="left")
        first = first & joined["_held"].is_null()
    time = pl.when(first).then(pl.lit(BEFORE_ALL).cast(rows.schema["_time"])).otherwise(pl.col("_time"))
    return ordered.with_columns(time.alias("_time"), first.alias("_first"))


def by_time(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` by τ, then order of arrival: as most logs come."""
    if rows["_seq"].is_sorted() and rows["_time"].is_sorted():
        return rows
    return rows.sort("_time", "_seq", nulls_last=False)


def to_column(values: pl.Series) -> Column:
    """A Polars column as an array: numbers and bools as float64, instants as int64, strings as codes.

    >>> to_column(pl.Series(["b", None, "b"])).values.tolist()
    [0, -1, 0]
    """
    if values.dtype == pl.String:
        levels = values.drop_nulls().unique(maintain_order=True)
        codes = values.cast(pl.Enum(levels)).to_physical().cast(pl.Int32).fill_null(-1)
        return Column.coded(codes.to_numpy().copy(), levels.to_list())
    if isinstance(values.dtype, pl.Datetime):
        return Column.times(_micros(values))
    return Column.numbers(values.cast(pl.Float64).fill_null(np.nan).to_numpy().copy())


def _micros(values: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return values.dt.timestamp("us").fill_null(MISSING_TIME).to_numpy().copy()
