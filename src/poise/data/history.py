"""From rows of the lake to the arrays that other stations compute with."""

from __future__ import annotations

import numpy as np
import polars as pl

from poise.spec.source import Source
from poise.table import MISSING_TIME, Column, History, Table


def to_history(name: str, source: Source, rows: pl.DataFrame) -> History:
    """`rows` (with `_time`, `_known` and `_seq`) as a History, in its order."""
    ordered = in_order(source, rows)
    columns = [column for column in ordered.columns if column not in ("_time", "_known", "_seq")]
    table = Table({column: to_column(ordered[column]) for column in columns}, ordered.height)
    first = None
    if source.kind == "table":
        assert source.key is not None
        keys = ordered.select(source.key)
        first = keys.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy().copy()
    return History(name, source.kind, _micros(ordered["_time"]), _micros(ordered["_known"]), table, first)


def in_order(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` by τ, then order of arrival. Versions of a table by arrival alone: those of files are stamped by the wall
    clock and those that a server accepts by its own, which may replay old times."""
    return rows.sort("_seq") if source.kind == "table" else by_time(rows)


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
