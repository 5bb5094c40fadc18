"""Retention: rows older than a source's `keep` are deleted, from accepted rows, raw rows and quarantine alike.

Accepted rows go first, then entries of quarantine, then the raw rows of which neither is left: a kill between them
leaves only what the next call deletes.
"""

from __future__ import annotations

import polars as pl

from poise.clock import DAY
from poise.data import delta
from poise.data.judge import Judge
from poise.data.lake import INSTANT, Lake, Part
from poise.data.lines import batch_of_entries
from poise.data.reading import POSITION, Batch
from poise.data.ward import entries
from poise.spec.system import SystemSpec

OLD_VERSIONS = 7
"""Days after which files and log entries of versions with expired rows are gone too: nothing reads one for longer."""
TABLES: tuple[Part, ...] = ("accepted", "quarantine", "raw")


def expire(system: SystemSpec, lake: Lake, name: str, now: int, app: str = "") -> int:
    """Delete rows of source `name` whose τ is before `now` (microseconds) minus `keep`; how many.

    Refused rows count by their τ, or where that cannot be told by when they were refused. app: the journal that is
    being written to the lake; rows that it has only begun to write stay. For whoever holds the lake; nothing where the
    source does not say `keep`. The replay clock of old data stands at their newest row.
    """
    keep, before = system.sources[name].keep, kept_since(system, lake, name, now)
    if keep is None or before is None:
        return 0
    accepted = lake.table("accepted", name)
    upto = (app, delta.position(accepted, app)) if app else None
    gone = 0
    if _old(accepted, before):
        gone = delta.delete(accepted, f"_time < {_instant(before)}", upto=upto)
    gone += _refused(system, lake, name, before)
    _raw(lake, name, upto)
    for part in TABLES:
        delta.drop_versions(lake.table(part, name), min(OLD_VERSIONS, keep // DAY))
    return gone


def kept_since(system: SystemSpec, lake: Lake, name: str, now: int) -> int | None:
    """Rows of source `name` with an earlier τ than this are deleted at `now` (microseconds); None where all stay."""
    keep = system.sources[name].keep
    if keep is None:
        return None
    return (_newest(system, lake) if system.clock == "replay" else now) - keep


def _newest(system: SystemSpec, lake: Lake) -> int:
    """Where a replay clock stands: the largest τ of any source."""
    marks = [lake.watermark(system, name) for name, source in system.sources.items() if source.time is not None]
    return max((mark for mark in marks if mark is not None), default=0)


def _old(url: str, before: int) -> bool:
    """Whether any accepted row is older: a deletion that deletes nothing would still be a version."""
    if not delta.exists(url):
        return False
    least = delta.scan(url).select(pl.col("_time").min().dt.timestamp("us")).collect().item()
    return least is not None and int(least) < before


def _refused(system: SystemSpec, lake: Lake, name: str, before: int) -> int:
    """Take refused rows that are older out of quarantine; how many."""
    held = entries(lake, name)
    if not held.height:
        return 0
    judge, gone = Judge(system, name), []
    line = pl.col("reasons").list.contains("line")
    gone.append(held.filter(line & (pl.col("_at") < pl.lit(before).cast(INSTANT)))["_entry"])
    for group in held.filter(~line).partition_by("_format"):
        batch = batch_of_entries(group, group["_format"][0])
        lacks = [column for column in judge.source.in_file.values() if column not in batch.frame.columns]
        frame = batch.frame.with_columns(pl.lit(None, pl.String).alias(column) for column in lacks)
        typed, _ = judge.typed(Batch(frame, batch.text))
        assert judge.source.time is not None
        when = typed[judge.source.time].fill_null(group["_at"])
        gone.append(group.filter(when < pl.lit(before).cast(INSTANT))["_entry"])
    expired = pl.concat(gone)
    if expired.len():
        left = held.filter(~pl.col("_entry").is_in(expired.implode()))
        delta.write(lake.table("quarantine", name), left, replace=True)
    return expired.len()


def _raw(lake: Lake, name: str, upto: tuple[str, int] | None) -> None:
    """Delete raw rows of which neither an accepted nor a refused row is left."""
    place = ["_ingest", POSITION]
    raw, *others = (lake.table(part, name) for part in ("raw", "accepted", "quarantine"))
    kept = [delta.scan(url).select(place) for url in others if delta.exists(url)]
    if not kept or not delta.exists(raw):
        return
    orphans = delta.scan(raw).select(place).join(pl.concat(kept), on=place, how="anti")
    if upto is not None:  # what follows was written to raw before a kill, and is about to be accepted
        orphans = orphans.filter((pl.col("_ingest") != upto[0]) | (pl.col(POSITION) <= upto[1]))
    found = orphans.collect(engine="streaming")
    if found.height:
        delta.delete_matching(raw, found)


def _instant(micros: int) -> str:
    return f"arrow_cast({micros}, 'Timestamp(Microsecond, Some(\"UTC\"))')"
