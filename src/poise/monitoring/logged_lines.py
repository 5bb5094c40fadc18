"""Records of the decision log whose outcomes can be known by now, the newest."""

from __future__ import annotations

import polars as pl

from poise.data import delta
from poise.data.lake import INSTANT, Lake

MOST = 20_000
"""Records that are read, the newest whose outcomes can be known."""
VERSION = pl.col("decision").str.extract(r'"weights":(\d+)').cast(pl.Int64)
"""Of a logged decision, the version of the weights that it was made by."""


def lines(
    lake: Lake,
    kind: str,
    release: str,
    most: int,
    until: int | None,
    *,
    since: int | None = None,
    weights: range | None = None,
) -> list[str]:
    """The newest `most` records of a kind (`list`, `choice`) that `release` answered, by one of these versions of the
    weights, with since <= T <= until (microseconds), in the order of T; where answers have no T, when they were written
    counts."""
    log = delta.scan(lake.decisions).filter((pl.col("kind") == kind) & (pl.col("release") == release))
    if until is not None:
        log = log.filter(pl.coalesce("time", "_at") <= pl.lit(until).cast(INSTANT))
    if since is not None:
        log = log.filter(pl.coalesce("time", "_at") >= pl.lit(since).cast(INSTANT))
    if weights is not None:
        log = log.filter(VERSION.is_between(weights.start, weights.stop, closed="left"))
    place = ["time", "_at", "_position"]
    return log.select(*place, "decision").top_k(most, by=place).collect().sort(place)["decision"].to_list()


def releases_by(lake: Lake, kind: str, weights: int) -> dict[str, int]:
    """How many records of a kind each release answered by a version of the weights, the most first."""
    if not delta.exists(lake.decisions):
        return {}
    log = delta.scan(lake.decisions).filter((pl.col("kind") == kind) & VERSION.eq(weights))
    found = log.group_by("release").len().sort("len", "release", descending=True).collect()
    return dict(zip(found["release"].to_list(), found["len"].to_list(), strict=True))
