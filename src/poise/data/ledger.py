"""The ledger of ingests: which file was taken in, under which rules, and what became of its rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from poise.data import delta
from poise.data.lake import INSTANT, Lake
from poise.data.report import Counts

SCHEMA = {
    "_line": pl.Int64(),
    "_at": INSTANT,
    "source": pl.String(),
    "path": pl.String(),
    "content": pl.String(),
    "ingest": pl.String(),
    "definition": pl.String(),
    "rules": pl.String(),
    "state": pl.String(),
    "rows_in": pl.Int64(),
    "accepted": pl.Int64(),
    "duplicates": pl.Int64(),
    "quarantined": pl.Int64(),
    "other_rows": pl.Int64(),
    "forgotten": pl.Int64(),
    "reasons": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `state` is `begun` (a source gets a new definition) or `done` (a file is in, with its counts)."""

    at: int
    source: str
    path: str
    content: str
    ingest: str
    definition: str
    rules: str
    state: str
    counts: Counts

    def row(self) -> dict[str, object]:
        """The line as a row of the table; `_at` in microseconds."""
        counts = {name: getattr(self.counts, name) for name in SCHEMA if hasattr(self.counts, name)}
        plain = {name: getattr(self, name) for name in SCHEMA if hasattr(self, name)}
        return {**plain, **counts, "_at": self.at, "reasons": json.dumps(self.counts.reasons)}


class Ledger:
    """The lines of a lake, read once; `write` adds to the table and to what was read."""

    def __init__(self, lake: Lake) -> None:
        self._url = lake.ingests
        rows = delta.scan(self._url).collect().sort("_line") if delta.exists(self._url) else pl.DataFrame(schema=SCHEMA)
        self._entries = [_entry(row) for row in rows.with_columns(pl.col("_at").dt.timestamp("us")).to_dicts()]

    def write(self, lines: Iterable[Entry]) -> None:
        """Add lines, durably, in one commit."""
        new = list(lines)
        if new:
            frame = pl.DataFrame([line.row() for line in new], schema={**SCHEMA, "_at": pl.Int64()})
            start = len(self._entries)
            numbered = pl.int_range(start, start + len(new), dtype=pl.Int64).alias("_line")
            delta.write(self._url, frame.with_columns(numbered, pl.col("_at").cast(INSTANT)))
            self._entries += new

    def definition(self, source: str) -> str | None:
        """The definition under which the source's rows were taken in last."""
        return next((e.definition for e in reversed(self._entries) if e.source == source), None)

    def last(self, source: str, path: str) -> Entry | None:
        """The last finished ingest of a file."""
        return next((e for e in reversed(self._entries) if (e.source, e.path, e.state) == (source, path, "done")), None)

    def taken(self, source: str) -> dict[str, int]:
        """The contents of files that were ever taken in for a source, and when first (microseconds)."""
        found: dict[str, int] = {}
        for entry in self._entries:
            if entry.source == source and entry.state == "done":
                found.setdefault(entry.content, entry.at)
        return found

    def contents(self, source: str) -> set[str]:
        """The contents that the source's present rows came from: those since its definition changed last."""
        found: set[str] = set()
        for entry in self._entries:
            if entry.source == source:
                found = set() if entry.state == "begun" else found | {entry.content}
        return found


def _entry(row: dict[str, object]) -> Entry:
    fates = ("rows_in", "accepted", "duplicates", "quarantined", "other_rows", "forgotten")
    # Lines from before anybody could be forgotten do not say how many were.
    known = {name: int(str(row[name])) for name in fates if row.get(name) is not None}
    counts = Counts(**known, reasons=json.loads(str(row["reasons"])))
    text = {name: str(row[name]) for name in ("source", "path", "content", "ingest", "definition", "rules", "state")}
    return Entry(at=int(str(row["_at"])), counts=counts, **text)
