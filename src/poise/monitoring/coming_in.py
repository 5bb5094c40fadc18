"""What came in of each source, counted in blocks of event time: how many rows, how many values missing, what was
refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.data import delta
from poise.data.lake import INSTANT, Lake
from poise.monitoring.base import Arrivals
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec

Ints = NDArray[np.int64]
MOST_BLOCKS = 20_000
"""More blocks than this are not counted one by one: those before are left out."""


def coming_in(
    system: SystemSpec, lake: Lake, start: int, until: int, step: int, known: int | None = None
) -> dict[str, Arrivals]:
    """Of every source that the lake holds, rows with `start` <= τ < `until` (microseconds) in blocks of `step`.

    known: up to then gaps between rows are usual ones; None: `until`."""
    blocks = max(-(-(until - start) // step), 1)
    if blocks > MOST_BLOCKS:
        start, blocks = until - MOST_BLOCKS * step, MOST_BLOCKS
    found = {}
    for source, spec in system.sources.items():
        rows = lake.scan(source)
        if rows is not None and spec.time is not None:
            columns = [name for name in column_types(spec, system) if name in rows.collect_schema()]
            made = _counted(lake, source, rows, columns, start, until, step, blocks)
            found[source] = replace(made, gap=_gap(rows, start, until if known is None else known))
    return found


def _gap(rows: pl.LazyFrame, start: int, until: int) -> int | None:
    time = pl.col("_time").dt.timestamp("us")
    within = rows.select(time).filter((time >= start) & (time < until)).unique().sort("_time")
    longest = within.select(pl.col("_time").diff().max()).collect().item()
    return None if longest is None else int(longest)


def _counted(
    lake: Lake, source: str, rows: pl.LazyFrame, columns: list[str], start: int, until: int, step: int, blocks: int
) -> Arrivals:
    time = pl.col("_time").dt.timestamp("us")
    block = ((time - start) // step).alias("_block")
    nulls = [pl.col(name).null_count().alias(name) for name in columns]
    within = rows.filter((time >= start) & (time < until))
    told = within.group_by(block).agg(pl.len().alias("_rows"), *nulls).collect()
    last = rows.filter(time < until).select(time.max()).collect().item()
    at = told["_block"].to_numpy()
    missing = {name: _filled(at, told[name].to_numpy(), blocks) for name in columns}
    refused = _refused(lake, source, start, until, step, blocks)
    counts = _filled(at, told["_rows"].to_numpy(), blocks)
    return Arrivals(source, start, counts, missing, refused, None if last is None else int(last))


def _refused(lake: Lake, source: str, start: int, until: int, step: int, blocks: int) -> Ints:
    url = lake.table("quarantine", source)
    if not delta.exists(url):
        return np.zeros(blocks, np.int64)
    came = pl.col("_at").cast(INSTANT).dt.timestamp("us")
    held = delta.scan(url).filter((came >= start) & (came < until)).select((came - start) // step).collect()
    return np.bincount(held.to_series().to_numpy(), minlength=blocks).astype(np.int64)


def _filled(at: Ints, counts: NDArray[np.uint32], blocks: int) -> Ints:
    out = np.zeros(blocks, np.int64)
    out[at] = counts
    return out
