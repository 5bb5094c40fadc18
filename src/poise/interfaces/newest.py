"""The newest decisions of a system, from the journal and where that holds too few from the lake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from poise.clock import SECOND, to_text
from poise.data import delta
from poise.data.journal_reader import reading
from poise.data.journal_tables import JOURNAL
from poise.data.lake import Lake
from poise.settings import Settings

SHOWN = 3
"""Items of a list, or actions, that are named of a decision."""


def newest(settings: Settings, zone: str, most: int) -> list[dict[str, Any]]:
    """At most so many decisions, the newest first: id, time, release, version of the weights, what came out."""
    found: dict[str, dict[str, Any]] = {}
    for line in chain(_in_journal(settings.journal, most), _in_lake(Lake(settings.lake), most)):
        record = msgspec.json.decode(line)
        for told in _told(record, zone):
            found.setdefault(told["decision_id"], told)
        if len(found) >= most:
            break
    return list(found.values())[:most]


def _told(record: Mapping[str, Any], zone: str) -> Iterator[dict[str, Any]]:
    """What is said of each decision of a record; predictions are none."""
    at = record["at"]
    head = {"time": None if at is None else to_text(at // SECOND * SECOND, zone)}
    head |= {name: record[name] for name in ("kind", "release", "weights")}
    if record["kind"] == "list":
        items = [record["items"][row] for row in record["shown"]]
        yield {"decision_id": record["ids"][0], **head, "outcome": items[:SHOWN], "more": max(0, len(items) - SHOWN)}
    elif record["kind"] == "choice":
        for number, chosen in zip(reversed(record["ids"]), reversed(record["chosen"]), strict=True):
            yield {"decision_id": number, **head, "outcome": [chosen], "more": 0}


def _in_journal(folder: Path, most: int) -> Iterator[bytes]:
    if not (folder / JOURNAL).exists():
        return
    with closing(reading(folder)) as journal:
        for record in journal.newest("decisions", most):
            yield from reversed(list(record.rows()))


def _in_lake(lake: Lake, most: int) -> Iterator[bytes]:
    """Only times are read of all decisions; whole ones of the newest alone."""
    if not delta.exists(lake.decisions):
        return
    log = delta.scan(lake.decisions)
    times = log.select(pl.col("_at").top_k(most)).collect()["_at"]
    if times.is_empty():
        return
    lines = log.filter(pl.col("_at") >= times.min()).select("_at", "decision").collect().sort("_at", descending=True)
    yield from (line.encode() for line in lines["decision"])
