"""Rows that came over HTTP as a batch: JSON lines are read as a .jsonl file of the source would be."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from poise.data.beyond import may_be_beyond, mended, readable
from poise.data.reading import FLAW, LINE, POSITION, Batch


def batch_of(body: bytes, positions: Sequence[int] | pl.Series, columns: Iterable[str]) -> Batch:
    """n JSON objects, one a line, as a batch of the `columns` as their text; a column that a row lacks is missing.

    positions: the number of each row, (n,), ascending. A line that cannot be read is a broken one, with its flaw, and
    costs no other.

    >>> batch = batch_of(b'{"x": 1, "more": 2}\\n{"x": "1.50"}', [7, 9], ["x", "y"])
    >>> batch.frame.rows()
    [('1', None, 7), ('1.50', None, 9)]
    """
    schema = dict.fromkeys(columns, pl.String())
    try:
        frame = _read(body, schema)
    except pl.exceptions.PolarsError:
        return _one_by_one(body.split(b"\n"), list(positions), schema)
    return Batch(frame.with_columns(pl.Series(POSITION, positions, dtype=pl.Int64)), False)


def _read(body: bytes, schema: dict[str, pl.String]) -> pl.DataFrame:
    return pl.read_ndjson(io.BytesIO(body), schema=schema) if body else pl.DataFrame(schema=schema)


def _one_by_one(lines: Sequence[bytes], positions: Sequence[int], schema: dict[str, pl.String]) -> Batch:
    """Where one line makes all unreadable: each by itself."""
    whole: list[tuple[int, bytes]] = []
    flawed: list[tuple[int, str, str]] = []
    for position, line in zip(positions, lines, strict=True):
        found, flaw = _looked_at(line)
        if flaw is None:
            whole.append((position, found))
        else:
            flawed.append((position, f"the line is not a JSON object: {flaw}", line.decode("utf-8", "replace")))
    good = _read(b"\n".join(line for _, line in whole), schema)
    good = good.with_columns(pl.Series(POSITION, [position for position, _ in whole], dtype=pl.Int64))
    bad = broken([line for *_, line in flawed], [why for _, why, _ in flawed], [at for at, *_ in flawed], schema)
    return Batch(pl.concat([good, bad.frame], how="diagonal").sort(POSITION), False)


def _looked_at(line: bytes) -> tuple[bytes, str | None]:
    """The line as Polars reads it, and what is wrong with it, if anything."""
    try:
        line = mended(line) if may_be_beyond(line) else line
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        return line, str(error)
    return line, readable(line)


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
