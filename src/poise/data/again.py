"""Judging refused rows again, after the rules or the columns changed."""

from __future__ import annotations

import polars as pl

from poise.data.delta_log import APP
from poise.data.intake import Intake
from poise.data.judge import Judge, reasons_of
from poise.data.lake import Lake
from poise.data.lines import batch_of_entries
from poise.data.reading import BATCH, Batch
from poise.data.report import Counts
from poise.data.ward import Origin, Readmission


def again(system: str, lake: Lake, judge: Judge, group: pl.DataFrame, *, now: int, live: bool) -> Counts:
    """Judge entries of the quarantine that came in one file, or by one journal; those that pass are accepted once.

    system: its name. now: microseconds. live: as in `ingest`; what a journal brought counts from now on in any case,
    since no answer can have seen it.
    """
    first = group.row(0, named=True)
    origin = Origin(first["_ingest"], first["_path"], first["_format"])
    ward = Readmission(lake, judge.name, origin, now, group)
    as_of = int(group["_at"].dt.timestamp("us").min())  # type: ignore[arg-type]
    late = live or origin.ingest.startswith(APP)
    intake = Intake(system, judge, lake, origin, now=now, live=late, ward=ward, as_of=as_of)
    counts = Counts()
    for rows in ward.rows.iter_slices(BATCH):
        counts.add(intake.take(filled(batch_of_entries(rows, origin.format), judge)))
    intake.finish()
    broken = ward.broken
    counts.add(Counts(rows_in=broken.height, quarantined=broken.height, reasons=reasons_of(broken)))
    return counts


def filled(batch: Batch, judge: Judge) -> Batch:
    """A batch with all columns that the source declares today; those that it lacks are missing."""
    lacks = dict.fromkeys(name for name in judge.source.in_file.values() if name not in batch.frame.columns)
    return Batch(batch.frame.with_columns(pl.lit(None, pl.String).alias(name) for name in lacks), batch.text)
