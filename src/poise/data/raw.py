"""Rows as they came, each value as its text: one shape for all formats, exact for every number."""

from __future__ import annotations

import polars as pl

from poise.data.reading import FLAW, LINE, POSITION


def as_text(rows: pl.DataFrame, ingest: str) -> pl.DataFrame:
    """`rows` of a batch with every column as text, under their own names, and `_ingest`, `_position` and `_line`.

    Floats are written in the shortest form that reads back the same, 32-bit ones widened first; instants in ISO 8601.
    """
    shown = [_text(column, kind) for column, kind in rows.schema.items() if column not in (POSITION, FLAW, LINE)]
    line = pl.col(LINE) if LINE in rows.columns else pl.lit(None, pl.String)
    return rows.select(pl.lit(ingest).alias("_ingest"), pl.col(POSITION), line.alias(LINE), *shown)


def _text(column: str, kind: pl.DataType) -> pl.Expr:
    value = pl.col(column)
    if kind == pl.Float32:
        return value.cast(pl.Float64).cast(pl.String)
    if isinstance(kind, pl.Datetime):
        return value.dt.to_string("iso:strict")
    return value.cast(pl.String)
