"""Intake: the one way by which rows come into the lake, whatever brought them.

Order of commits, so that a kill at any point loses nothing and a repeat doubles nothing: `raw` and `quarantine` first,
then `accepted`, then entries of quarantine that are resolved are taken out, then (by the caller) the record of the
ingest. Rows are recognised by identity, raw rows by (`_ingest`, `_position`), entries of quarantine by (file, position,
content).
"""

from __future__ import annotations

import polars as pl

from poise.data import delta
from poise.data.base import Finding
from poise.data.forgotten import Forgotten
from poise.data.identity import Identity
from poise.data.judge import Judge, described, reasons_of
from poise.data.lake import INSTANT, Lake
from poise.data.raw import as_text
from poise.data.reading import POSITION, Batch
from poise.data.report import Counts
from poise.data.unwanted import without
from poise.data.ward import Origin, Ward
from poise.spec.source import Source


class Intake:
    """Takes in the batches of one file for one source, in order.

    now: when rows are accepted, in microseconds. live: rows arrive beside a running server, so that nobody can have
    known them before now: κ = max(κ, now). as_of: these rows came earlier and were refused at that instant; versions of
    a table that were accepted since are not replaced by them. since: these rows were accepted at that instant before
    the columns of their source changed. forgotten: people whose rows are left out.
    """

    def __init__(
        self,
        system_name: str,
        judge: Judge,
        lake: Lake,
        origin: Origin,
        *,
        now: int,
        live: bool,
        ward: Ward | None = None,
        as_of: int | None = None,
        since: int | None = None,
        forgotten: Forgotten | None = None,
    ) -> None:
        self._forgotten = forgotten
        self._judge, self._lake, self._origin = judge, lake, origin
        self._now, self._live, self._system = now, live, system_name
        self._accepted, earlier = now if since is None else since, since is not None and judge.source.kind == "table"
        content = tuple(judge.source.columns)
        self._identity = Identity(lake, judge.name, judge.source, content, origin.ingest, as_of, files_only=earlier)
        self._ward = ward or Ward(lake, judge.name, origin, now)
        self._next = lake.largest_seq(judge.name) + 1
        self._raw = _raw_positions(lake, judge.name, origin.ingest)

    def take(self, batch: Batch) -> Counts:
        """Judge the batch, keep every row of it somewhere, and say how many went where."""
        judged, left_out = without(self._judge.judge(batch, self._now), self._judge, self._forgotten)
        fate = self._identity.sort(judged.good)
        fresh = judged.good if fate.fresh.all() else judged.good.filter(fate.fresh)
        refused = judged.refused
        if fate.conflict.any():
            refused = pl.concat([refused, self._contradicting(judged.good.filter(fate.conflict), batch)]).sort(POSITION)
        self._keep_raw(batch, fresh, refused)
        self._ward.receive(batch, refused)
        if fresh.height:
            delta.write(self._lake.table("accepted", self._judge.name), self._stamped(fresh))
        counts = Counts(
            rows_in=batch.frame.height,
            accepted=fresh.height,
            duplicates=int(fate.known.sum()),
            quarantined=refused.height,
            other_rows=judged.other,
            forgotten=left_out,
            reasons=reasons_of(refused),
        )
        assert counts.balanced(), f"rows of '{self._judge.name}' went missing: {counts}"
        return counts

    def nothing(self) -> None:
        """Let the source have its table of accepted rows, without a row in it yet."""
        url = self._lake.table("accepted", self._judge.name)
        if not delta.exists(url):
            columns = {column: pl.String() for column in self._judge.source.in_file.values()}
            empty = Batch(pl.DataFrame(schema={POSITION: pl.Int64(), **columns}), text=True)
            delta.write(url, self._stamped(self._judge.judge(empty, self._now).good))

    def finish(self) -> None:
        """After the last batch: take out of quarantine what was resolved."""
        self._ward.settle()

    def _contradicting(self, rows: pl.DataFrame, batch: Batch) -> pl.DataFrame:
        code, why = self._identity.conflicts()
        masks = pl.DataFrame({"hit:0": pl.repeat(True, rows.height, eager=True)})
        return described(rows, masks, [Finding(code, pl.lit(True), why)], batch.frame)

    def _keep_raw(self, batch: Batch, fresh: pl.DataFrame, refused: pl.DataFrame) -> None:
        kept = pl.concat([fresh[POSITION], refused[POSITION]]).sort()
        if self._raw.len():
            kept = kept.filter(~kept.is_in(self._raw.implode()))
        if kept.len():
            rows = batch.frame[batch.frame[POSITION].search_sorted(kept)]
            delta.write(self._lake.table("raw", self._judge.name), as_text(rows, self._origin.ingest))

    def _stamped(self, fresh: pl.DataFrame) -> pl.DataFrame:
        """Accepted rows with their reserved columns, these first."""
        time, known = times(self._judge.source, pl.lit(self._accepted), live=self._live)
        start = self._next
        self._next += fresh.height
        return fresh.select(
            time.cast(INSTANT).alias("_time"),
            known.cast(INSTANT).alias("_known"),
            pl.int_range(start, start + fresh.height, dtype=pl.Int64).alias("_seq"),
            pl.lit(self._origin.ingest).alias("_ingest"),
            pl.col(POSITION),
            pl.lit(self._system).alias("_system"),
            *self._judge.columns,
        )


def times(source: Source, accepted: pl.Expr, *, live: bool) -> tuple[pl.Expr, pl.Expr]:
    """τ and κ of typed rows that were `accepted` then (microseconds). live: nobody can have known them before.

    A table's rows are of when they were accepted; rows without time have neither.
    """
    accepted = accepted.cast(INSTANT)
    if source.kind == "table":
        return accepted, accepted
    if source.time is None:
        nothing = pl.lit(None, INSTANT)
        return nothing, nothing
    time = pl.col(source.time)
    known = time if source.known is None else pl.max_horizontal(time, pl.col(source.known))
    return time, pl.max_horizontal(known, accepted) if live else known


def _raw_positions(lake: Lake, name: str, ingest: str) -> pl.Series:
    url = lake.table("raw", name)
    if not delta.exists(url):
        return pl.Series([], dtype=pl.Int64)
    return delta.scan(url).filter(pl.col("_ingest") == ingest).select(POSITION).collect().to_series()
