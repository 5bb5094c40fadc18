"""How many of the lists that were logged explored, block by block."""

from __future__ import annotations

from typing import Any

import polars as pl

from poise.data import delta
from poise.data.lake import INSTANT, Lake

NOT_EXPLORED = '"explored":null'
"""What stands in the record of a list that was shown as the scores have it (`poise.serving.decision_log`)."""


def explored(lake: Lake, since: int, until: int, step: int) -> dict[str, list[Any]] | None:
    """`times` (the end of each block), `lists` and `explored` of the lists answered with since <= T < until
    (microseconds) in blocks of `step`; None where none was logged."""
    if not delta.exists(lake.decisions):
        return None
    time = pl.coalesce("time", "_at").cast(INSTANT).dt.timestamp("us")
    lists = delta.scan(lake.decisions).filter((pl.col("kind") == "list") & (time >= since) & (time < until))
    tried = (~pl.col("decision").str.contains(NOT_EXPLORED, literal=True)).sum()
    told = lists.group_by(((time - since) // step).alias("block")).agg(pl.len().alias("lists"), tried.alias("explored"))
    rows = told.collect().sort("block")
    if not rows.height:
        return None
    ends = [since + (block + 1) * step for block in rows["block"].to_list()]
    return {"times": ends, "lists": rows["lists"].to_list(), "explored": rows["explored"].to_list()}
