"""Quarantine: what was refused and why; and letting rows in again after a rule was mended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from poise.clock import Clock, ReplayClock
from poise.data import delta, fingerprints
from poise.data.again import again
from poise.data.ingest import TURN, WALL
from poise.data.judge import Judge
from poise.data.lake import Lake
from poise.data.ledger import Ledger
from poise.data.report import Counts
from poise.data.ward import entries
from poise.errors import DataError, SpecError, did_you_mean
from poise.spec.system import SystemSpec


@dataclass(frozen=True, slots=True)
class Group:
    """The refused rows of one source for one reason. `example` is the sentence of one of them, `entry` its number."""

    source: str
    reason: str
    rows: int
    example: str
    entry: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """One refused row: its reasons (code and sentence each), where it stood, when it was refused, and what it held."""

    source: str
    entry: int
    path: str
    position: int
    at: int
    reasons: tuple[tuple[str, str], ...]
    row: dict[str, Any]


def listing(lake: Lake, sources: Sequence[str], reason: str | None = None) -> list[Group]:
    """What the quarantine of `sources` holds, by reason, the commonest first; `reason` keeps one code only.

    A row with two reasons is in both groups.
    """
    found: list[Group] = []
    for source in sources:
        told = entries(lake, source).lazy().select("_entry", "reasons", "why").explode("reasons", "why")
        told = told if reason is None else told.filter(pl.col("reasons") == reason)
        groups = told.group_by("reasons").agg(pl.len(), pl.first("why"), pl.first("_entry")).collect()
        for code, rows, example, entry in groups.sort(["len", "reasons"], descending=[True, False]).iter_rows():
            found.append(Group(source, code, rows, example, entry))
    return found


def held(lake: Lake, source: str) -> int:
    """How many rows of `source` are in quarantine now."""
    url = lake.table("quarantine", source)
    return int(delta.scan(url).select(pl.len()).collect().item()) if delta.exists(url) else 0


def explain(lake: Lake, source: str, entry: int) -> Explanation:
    """Everything about one refused row. Raises `DataError` where the quarantine has no such entry."""
    held = entries(lake, source)
    row = held.filter(pl.col("_entry") == entry)
    if not row.height:
        hint = f"it has {held.height} entries; list them first" if held.height else "it is empty"
        raise DataError(f"the quarantine of '{source}' has no entry {entry}", hint=hint)
    one = row.with_columns(pl.col("_at").dt.timestamp("us")).to_dicts()[0]
    reasons = tuple(zip(one["reasons"], one["why"], strict=True))
    return Explanation(source, entry, one["_path"], one["_position"], one["_at"], reasons, json.loads(one["row"]))


def readmit(system: SystemSpec, lake: Lake, source: str, *, clock: Clock = WALL, live: bool = False) -> Counts:
    """Judge the refused rows of `source` again by the rules as they are now.

    Those that pass are accepted, exactly once; those that do not stay, with their reasons of today. `rows_in` counts
    the entries looked at. `live` as in `ingest`. Raises `DataError` where the source's columns changed since: then its
    files must be taken in again.
    """
    if source not in system.sources:
        raise SpecError(f"there is no source '{source}'", hint=did_you_mean(source, system.sources))
    now = (WALL if isinstance(clock, ReplayClock) else clock).now()
    spec = system.sources[source]
    total = Counts()
    with lake.writing(TURN):
        lake.mend(source)
        ledger = Ledger(lake)
        held = entries(lake, source)
        present = fingerprints.definition(spec, spec.timezone or system.timezone)
        if held.height and ledger.definition(source) != present:
            raise DataError(f"the columns of '{source}' changed since its rows were refused", hint="run 'poise ingest'")
        judge = Judge(system, source)
        for group in held.partition_by("_ingest", "_path", maintain_order=True):
            counts = again(system.system, lake, judge, group, now=now, live=live)
            total.add(counts)
            _amend(ledger, source, group, counts)
    return total


def _amend(ledger: Ledger, source: str, group: pl.DataFrame, counts: Counts) -> None:
    """Set the ledger's counts of the file right, so that a repeated ingest reports what is true."""
    path, ingest = group.select("_path", "_ingest").row(0)
    last = ledger.last(source, path)
    if last is None or last.ingest != ingest or counts.quarantined == counts.rows_in:
        return
    resolved = replace(last.counts)
    resolved.accepted += counts.accepted
    resolved.duplicates += counts.duplicates
    resolved.other_rows += counts.other_rows
    resolved.quarantined = counts.quarantined
    resolved.reasons = counts.reasons
    if resolved.balanced():
        ledger.write([replace(last, counts=resolved)])
