"""The ward: the quarantine of one source while one of its files is taken in.

An entry is one refused row. When its file comes again, the same row at the same place either is refused for the same
reasons (the entry stays), for others (a new entry replaces it) or no longer (the entry goes): never two for one row.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from poise.data import delta
from poise.data.judge import as_came
from poise.data.lake import INSTANT, Lake
from poise.data.reading import POSITION, Batch

ENTRY = {
    "_entry": pl.Int64(),
    "_at": INSTANT,
    "_ingest": pl.String(),
    "_path": pl.String(),
    "_format": pl.String(),
    "_position": pl.Int64(),
    "reasons": pl.List(pl.String()),
    "why": pl.List(pl.String()),
    "row": pl.String(),
}
"""Columns of `quarantine/<source>`. `_entry` numbers entries, `_at` is when the row was refused."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from. `ingest` names the content (`fingerprints.ingest_id`), `path` the file as it is shown."""

    ingest: str
    path: str
    format: str


def entries(lake: Lake, name: str) -> pl.DataFrame:
    """The open entries of a source's quarantine, in order."""
    url = lake.table("quarantine", name)
    if not delta.exists(url):
        return pl.DataFrame(schema=ENTRY)
    return delta.scan(url).collect().sort("_entry")


def next_entry(lake: Lake, name: str) -> int:
    """The number of the next entry of a source's quarantine."""
    url = lake.table("quarantine", name)
    largest = delta.scan(url).select(pl.col("_entry").max()).collect().item() if delta.exists(url) else None
    return 0 if largest is None else int(largest) + 1


def numbered(refused: pl.DataFrame, start: int, origin: Origin, at: pl.Expr) -> pl.DataFrame:
    """Refused rows as entries from number `start` on, refused `at` (microseconds)."""
    return refused.select(
        pl.int_range(start, start + refused.height, dtype=pl.Int64).alias("_entry"),
        at.cast(INSTANT).alias("_at"),
        pl.lit(origin.ingest).alias("_ingest"),
        pl.lit(origin.path).alias("_path"),
        pl.lit(origin.format).alias("_format"),
        pl.col(POSITION),
        "reasons",
        "why",
        "row",
    )


class Ward:
    """Receives refused rows of one file and settles the entries that it had before."""

    def __init__(self, lake: Lake, name: str, origin: Origin, now: int) -> None:
        self._lake, self._name, self._origin, self._now = lake, name, origin, now
        self._url = lake.table("quarantine", name)
        self._next, self._old = next_entry(lake, name), pl.DataFrame(schema=ENTRY)
        if delta.exists(self._url):
            self._old = delta.scan(self._url).filter(pl.col("_path") == origin.path).collect().sort("_entry")
        self._settled: list[pl.Series] = []

    def receive(self, batch: Batch, refused: pl.DataFrame) -> None:
        """Write the refused rows of `batch` that are no entries yet, and note which entries are settled."""
        fresh = refused
        if self._old.height:
            fresh = self._compared(batch, refused)
        if fresh.height:
            delta.write(self._url, self._numbered(fresh))

    def settle(self) -> int:
        """Take settled entries out, in one commit; how many."""
        gone = pl.concat(self._settled) if self._settled else pl.Series([], dtype=pl.Int64)
        if gone.len():
            left = entries(self._lake, self._name)
            delta.write(self._url, left.filter(~pl.col("_entry").is_in(gone.implode())), replace=True)
        return gone.len()

    def _compared(self, batch: Batch, refused: pl.DataFrame) -> pl.DataFrame:
        """The refused rows that are no entries yet; entries of this batch's rows that no longer hold are settled."""
        positions = batch.frame[POSITION]
        here = self._old.filter(pl.col(POSITION).is_between(positions.min(), positions.max()))
        if not here.height:
            return refused
        now = pl.DataFrame({POSITION: here[POSITION].unique().sort()})
        now = now.with_columns(as_came(batch.frame, now[POSITION]).alias("row"))
        same_row = here.join(now, on=[POSITION, "row"], how="semi")
        still = same_row.join(refused, on=[POSITION, "reasons"], how="semi").unique(POSITION, keep="first")
        self._settled.append(same_row.filter(~pl.col("_entry").is_in(still["_entry"].implode()))["_entry"])
        return refused.join(still, on=POSITION, how="anti", maintain_order="left")

    def _numbered(self, refused: pl.DataFrame) -> pl.DataFrame:
        start = self._next
        self._next += refused.height
        return numbered(refused, start, self._origin, pl.lit(self._now))


class Readmission(Ward):
    """The ward while its own entries are judged again: `group` holds the entries of one file.

    rows: the entries that can be judged, one per position, in order. broken: those of lines that were no rows at all.
    """

    def __init__(self, lake: Lake, name: str, origin: Origin, now: int, group: pl.DataFrame) -> None:
        super().__init__(lake, name, origin, now)
        line = pl.col("reasons").list.contains("line")
        once = group.unique(POSITION, keep="last").sort(POSITION)
        self.broken, self.rows = once.filter(line), once.filter(~line)
        self._settled.append(group.join(once, on="_entry", how="anti")["_entry"])

    def receive(self, batch: Batch, refused: pl.DataFrame) -> None:
        """Entries refused for the same reasons stay; the others go, those with new reasons as new entries."""
        here = self.rows.join(batch.frame.select(POSITION), on=POSITION, how="semi")
        still = here.join(refused, on=[POSITION, "reasons"], how="semi")
        self._settled.append(here.join(still, on="_entry", how="anti")["_entry"])
        changed = refused.join(still, on=POSITION, how="anti", maintain_order="left").drop("row")
        if changed.height:
            told = changed.join(here.select(POSITION, "row"), on=POSITION, how="left", maintain_order="left")
            delta.write(self._url, self._numbered(told))
