"""Rows that came over HTTP to a source whose columns changed: judged again from raw, for no file gives them again.

The raw table has every value as the text it came as; what a row had beside the columns of then is not there. The three
tables are written one after the other, each at once, so that a kill between them leaves what the next ingest, which
finds the columns changed still, does again from the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from poise.data import delta
from poise.data.again import filled
from poise.data.base import Finding
from poise.data.delta_log import APP
from poise.data.drain_source import left_out, shown
from poise.data.identity import Identity
from poise.data.intake import times
from poise.data.judge import REFUSED, Judge, described, reasons_of
from poise.data.lake import INSTANT, RESERVED, Lake
from poise.data.reading import LINE, POSITION, Batch
from poise.data.report import Counts
from poise.data.ward import ENTRY, Origin, entries, numbered
from poise.errors import StateError

PLACE = ["_ingest", POSITION]
OURS = pl.col("_ingest").str.starts_with(APP)
KNOWN = "known:"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of a source. counts: of rows that had been accepted. refused: entries of the quarantine that were
    there before, not judged again yet."""

    counts: Counts
    refused: pl.Series


def keep_rows(system: str, lake: Lake, judge: Judge, now: int) -> Kept:
    """Leave in the tables of a source only what journals brought, by its columns of today; in the order of arrival.

    Rows keep the instant at which they became known; those that do not pass go to quarantine. Whoever holds the lake
    calls this, then takes the files in. Holds all rows that journals brought in memory. Raises `StateError` where raw
    rows are gone: then nothing is changed.
    """
    name = judge.name
    held, raw, refused = _held(lake, name), _ours(lake.table("raw", name)), entries(lake, name).filter(OURS)
    came, batch = _as_they_came(judge, held, raw)
    good, bad = _judged(judge, batch, max(now, _latest(came)))
    fresh = _stamped(system, judge, good, came, now)
    refused = refused.join(held, on=PLACE, how="anti", maintain_order="left")  # left of a kill
    told = _as_entries(judge, bad, came, refused, now)
    _replace(lake.table("raw", name), raw)
    _replace(lake.table("quarantine", name), pl.concat([refused, told]))
    delta.write(lake.table("accepted", name), fresh, replace=True)
    n = len(came)
    counts = Counts(n, fresh.height, n - fresh.height - bad.height, bad.height, reasons=reasons_of(bad))
    return Kept(counts, refused["_entry"])


def _ours(url: str) -> pl.DataFrame:
    if not delta.exists(url):
        return pl.DataFrame(schema={"_ingest": pl.String(), POSITION: pl.Int64(), LINE: pl.String()})
    return delta.scan(url).filter(OURS).collect()


def _held(lake: Lake, name: str) -> pl.DataFrame:
    """Where the accepted rows of journals stood, when they became known, and in which order they came."""
    wanted, rows = [*PLACE, "_known", "_seq"], lake.scan(name)
    if rows is None:
        return pl.DataFrame(schema={column: RESERVED[column] for column in wanted})
    return rows.filter(OURS).select(wanted).collect().sort("_seq")


def _as_they_came(judge: Judge, held: pl.DataFrame, raw: pl.DataFrame) -> tuple[pl.DataFrame, Batch]:
    """Per accepted row where it stood and since when it is known; and the rows as a batch, numbered in that order."""
    rows = held.join(raw, on=PLACE, how="inner", maintain_order="left")
    if rows.height < held.height:
        raise StateError(
            f"the raw table of '{judge.name}' lacks {held.height - rows.height:,} rows that came over HTTP, so that "
            "they cannot be judged by its changed columns",
            hint="put its columns back, or restore the lake",
        )
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    came = rows.select(*PLACE, pl.col("_known").dt.timestamp("us").alias(KNOWN))
    frame = rows.drop(*PLACE, "_known", "_seq", LINE).with_columns(number.alias(POSITION))
    return came, filled(Batch(frame, text=False), judge)


def _latest(came: pl.DataFrame) -> int:
    return int(came[KNOWN].max() or 0)  # type: ignore[arg-type]


def _judged(judge: Judge, batch: Batch, now: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that pass, one per identity, and those that go to quarantine."""
    judged = judge.judge(batch, now)
    good, refused = judged.good, [judged.refused]
    if judged.other:
        gone = ~batch.frame[POSITION].is_in(pl.concat([good[POSITION], judged.refused[POSITION]]).implode())
        refused.append(left_out(batch, batch.frame.filter(gone), f"its 'where' is false: {judge.source.where}"))
    if judge.source.identity and judge.source.kind != "table":
        fate = Identity(None, judge.name, judge.source, tuple(judge.source.columns), "").sort(good)
        refused.append(_conflicting(judge, good.filter(fate.conflict), batch))
        good = good.filter(fate.fresh)
    return good, pl.concat(refused).sort(POSITION)


def _conflicting(judge: Judge, rows: pl.DataFrame, batch: Batch) -> pl.DataFrame:
    if not rows.height:
        return pl.DataFrame(schema=REFUSED)
    code, why = Identity(None, judge.name, judge.source, (), "").conflicts()
    masks = pl.DataFrame({"hit:0": pl.repeat(True, rows.height, eager=True)})
    return described(rows, masks, [Finding(code, pl.lit(True), why)], batch.frame)


def _stamped(system: str, judge: Judge, good: pl.DataFrame, came: pl.DataFrame, now: int) -> pl.DataFrame:
    """Accepted rows with their reserved columns, these first."""
    places = came[good[POSITION]]
    # Rows of a log without time were known at no instant; a table's rows are of one.
    known = places[KNOWN].fill_null(now) if judge.source.kind == "table" else places[KNOWN]
    time, since = times(judge.source, pl.col(KNOWN), live=True)
    return good.with_columns(known, *places.select(PLACE)).select(
        time.cast(INSTANT).alias("_time"),
        since.cast(INSTANT).alias("_known"),
        pl.int_range(good.height, dtype=pl.Int64).alias("_seq"),
        *PLACE,
        pl.lit(system).alias("_system"),
        *judge.columns,
    )


def _as_entries(judge: Judge, bad: pl.DataFrame, came: pl.DataFrame, held: pl.DataFrame, now: int) -> pl.DataFrame:
    """Rows that do not pass, as entries of the quarantine after those that it has."""
    largest = held["_entry"].max()
    start = 0 if largest is None else int(largest) + 1  # type: ignore[arg-type]
    told = numbered(bad, start, Origin("", shown(judge.name), "jsonl"), pl.lit(now))
    return told.with_columns(came[bad[POSITION]].select(PLACE)).cast(pl.Schema(ENTRY))


def _replace(url: str, rows: pl.DataFrame) -> None:
    if delta.exists(url):
        delta.write(url, rows, replace=True)
    elif rows.height:
        delta.write(url, rows)
