"""Rows that came over HTTP as a batch: JSON lines are read as a .jsonl file of the source would be."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence

import polars as pl

from poise.data.reading import FLAW, LINE, POSITION, Batch


def batch_of(body: bytes, positions: Sequence[int] | pl.Series, columns: Iterable[str]) -> Batch:
    """n JSON objects, one a line, as a batch of the `columns` as their text; a column that a row lacks is missing.

    positions: the number of each row, (n,), ascending.

    >>> batch = batch_of(b'{"x": 1, "more": 2}\\n{"x": "1.50"}', [7, 9], ["x", "y"])
    >>> batch.frame.rows()
    [('1', None, 7), ('1.50', None, 9)]
    """
    schema = dict.fromkeys(columns, pl.String())
    frame = pl.read_ndjson(io.BytesIO(body), schema=schema) if body else pl.DataFrame(schema=schema)
    return Batch(frame.with_columns(pl.Series(POSITION, positions, dtype=pl.Int64)), False)


def batch_of_entries(rows: pl.DataFrame, format: str) -> Batch:
    """Entries as the batch that they came in: strings where all values came as text, else as the JSON types say."""
    text = io.BytesIO("\n".join(rows["row"].to_list()).encode())
    if format in ("csv", "jsonl"):
        # All of one file have the same names; of those that came over HTTP, columns may have been declared since.
        names = dict.fromkeys(name for row in rows["row"] for name in json.loads(row))
        frame = pl.read_ndjson(text, schema=dict.fromkeys(names, pl.String()))
    else:
        frame = pl.read_ndjson(text, infer_schema_length=None)
    return Batch(frame.with_columns(rows[POSITION]), format == "csv")


def broken(lines: Sequence[str], flaws: Sequence[str], positions: Sequence[int], columns: Iterable[str]) -> Batch:
    """n rows that are no JSON objects, with what is wrong with each, (n,)."""
    frame = pl.DataFrame(schema={**dict.fromkeys(columns, pl.String()), POSITION: pl.Int64()})
    told = {POSITION: list(positions), FLAW: list(flaws), LINE: list(lines)}
    rows = pl.DataFrame(told, schema={POSITION: pl.Int64(), FLAW: pl.String(), LINE: pl.String()})
    return Batch(pl.concat([frame, rows], how="diagonal"), False)
