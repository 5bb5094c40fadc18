"""A source whose columns changed, while its files are taken in again: what of it did not come from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from poise.data import delta, fingerprints
from poise.data.again import again
from poise.data.judge import Judge
from poise.data.lake import Lake
from poise.data.rejudged import OURS, Kept
from poise.data.report import Counts, SourceReport
from poise.data.ward import entries


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """kept: what was left of the source before its files were read. taken: content -> when it was first taken in."""

    kept: Kept
    taken: Mapping[str, int]

    def finish(self, system: str, lake: Lake, judge: Judge, report: SourceReport, now: int) -> None:
        """After the files: judge again what had been refused, and put versions of a table in order; say so."""
        counts = self._refused(system, lake, judge, now)
        counts.add(self.kept.counts)
        if judge.source.kind == "table" and counts.accepted:
            self._arrange(lake, judge.name)
        report.counts.add(counts)
        if counts.rows_in:
            report.warnings.append(
                f"{counts.rows_in:,} of these rows came over HTTP and were judged again as they came, by the columns "
                f"of today: {counts.accepted:,} accepted, {counts.quarantined:,} quarantined"
            )

    def _refused(self, system: str, lake: Lake, judge: Judge, now: int) -> Counts:
        """Rows that had been refused come after the files, which they may contradict."""
        counts, name = Counts(), judge.name
        held = entries(lake, name).filter(pl.col("_entry").is_in(self.kept.refused.implode()))
        for group in held.partition_by("_ingest", "_path", maintain_order=True):
            counts.add(again(system, lake, judge, group, now=now, live=True))
        return counts

    def _arrange(self, lake: Lake, name: str) -> None:
        """Number versions of a table's rows as they came: files taken in before, then HTTP, then new files."""
        rows = lake.scan(name)
        assert rows is not None
        before = [fingerprints.ingest_id(name, content) for content in self.taken]
        rank = pl.when(OURS).then(1).when(pl.col("_ingest").is_in(before)).then(0).otherwise(2)
        ordered = rows.collect().sort(rank, "_seq")
        if not ordered["_seq"].is_sorted():
            numbered = ordered.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("_seq"))
            delta.write(lake.table("accepted", name), numbered, replace=True)
