"""The hashes of `poise.data.prints` from Polars columns, and the known ids of a source from the lake."""

from __future__ import annotations

import numpy as np
import polars as pl

from poise.data.id_hash import ABSENT, Hashes, of_numbers, of_pieces
from poise.data.known_ids import KnownIds
from poise.data.lake import Lake
from poise.data.prints import Prints, prints_of
from poise.spec.source import Source

STEP = 1_000_000
"""Rows of the lake that are hashed at a time."""


def frame_prints(source: Source, rows: pl.DataFrame) -> Prints | None:
    """The hashes of typed rows; equal to those of the same rows in arrays."""
    return prints_of(source, lambda name: hashed(rows[name]))


def hashed(values: pl.Series) -> Hashes:
    """One hash per value of a typed column, shape (n,).

    >>> from poise.data.id_hash import of_strings
    >>> bool((hashed(pl.Series(["a", "é"])) == of_strings(["a", "é"])).all())
    True
    """
    gone = values.is_null().to_numpy()
    if values.dtype == pl.String:
        filled = values.fill_null("")
        lengths = filled.str.len_bytes().cast(pl.Int64).to_numpy()
        data = "" if filled.is_empty() else filled.str.join("").item()
        found = of_pieces(data.encode(), lengths)
    elif values.dtype == pl.Float64:
        found = of_numbers(values.fill_null(0.0).to_numpy())
    else:
        found = of_numbers(values.cast(pl.Int64).fill_null(0).to_numpy())
    return np.where(gone, ABSENT, found)


def known_in_lake(lake: Lake, name: str, source: Source, version: int | None = None) -> KnownIds | None:
    """The known ids of the accepted rows of source `name`, of a version or the newest.

    None for a log without `id`. For a process beside the server: this reads the identity of every row of the lake.
    """
    if not source.identity:
        return None
    rows = lake.scan(name, version)
    if rows is None:
        return KnownIds()
    wanted = dict.fromkeys([*source.identity, *(source.columns if source.kind == "table" else ())])
    names = rows.collect_schema().names()
    absent = [pl.lit(None, pl.String).alias(column) for column in wanted if column not in names]
    lazy = rows.with_columns(absent).select(*wanted)
    known = KnownIds(int(1.2 * lazy.select(pl.len()).collect().item()))
    for frame in lazy.collect_batches(chunk_size=STEP):
        found = frame_prints(source, frame)
        assert found is not None
        known.add(found.prints)
    return known
