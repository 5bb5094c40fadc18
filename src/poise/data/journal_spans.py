"""Which positions a journal holds, which were pruned, and that none is missing between them."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from poise.data.journal_tables import damaged

Span = tuple[int, int]
"""First and last position."""

SHOWN = 5
"""Ranges of missing positions that an error names."""


class Spans:
    """The spans of the records that are held, per source, in order, and `next`, the first position never given."""

    def __init__(self) -> None:
        self._held: dict[str, deque[Span]] = {}
        self.rows = 0
        self.next = 1

    def add(self, source: str, span: Span) -> None:
        """A record was written."""
        self._held.setdefault(source, deque()).append(span)
        self.rows += span[1] - span[0] + 1
        self.next = max(self.next, span[1] + 1)

    def up_to(self, below: Mapping[str, int], most_records: int, most_rows: int) -> list[tuple[str, Span]]:
        """The oldest records of each source that end at or before its position in `below`."""
        found: list[tuple[str, Span]] = []
        rows = 0
        for source, position in below.items():
            for span in self._held.get(source, ()):
                if span[1] > position or len(found) >= most_records or rows >= most_rows:
                    break
                found.append((source, span))
                rows += span[1] - span[0] + 1
        return found

    def drop(self, gone: list[tuple[str, Span]]) -> int:
        """Forget records that `up_to` gave; how many rows that were."""
        rows = sum(last - first + 1 for _, (first, last) in gone)
        for source, _ in gone:
            self._held[source].popleft()
        self.rows -= rows
        return rows


def load(connection: sqlite3.Connection, file: Path) -> Spans:
    """The spans of a journal. Raises `StateError` naming the positions that are missing or there twice."""
    spans = Spans()
    held = connection.execute("SELECT source, first, first + count - 1 FROM records ORDER BY first").fetchall()
    pruned = connection.execute("SELECT NULL, first, last FROM pruned").fetchall()
    missing: list[Span] = []
    for source, first, last in sorted([*held, *pruned], key=lambda row: int(row[1])):
        if first < spans.next or last < first:
            raise damaged(file, f"positions {first:,} to {spans.next - 1:,} are there twice")
        if first > spans.next:
            missing.append((spans.next, first - 1))
        if source is None:
            spans.next = last + 1
        else:
            spans.add(source, (first, last))
    if missing:
        shown = ", ".join(f"{first:,} to {last:,}" for first, last in missing[:SHOWN])
        more = f" and {len(missing) - SHOWN:,} more ranges" if len(missing) > SHOWN else ""
        raise damaged(file, f"the rows at positions {shown}{more} are missing")
    return spans


def note_pruned(connection: sqlite3.Connection, gone: list[Span]) -> None:
    """Add to the ranges that were pruned; neighbours become one, so that there are few."""
    for first, last in gone:
        before = connection.execute(
            "SELECT first, last FROM pruned WHERE first < ? ORDER BY first DESC LIMIT 1", (first,)
        ).fetchone()
        after = connection.execute("SELECT last FROM pruned WHERE first = ?", (last + 1,)).fetchone()
        if after:
            connection.execute("DELETE FROM pruned WHERE first = ?", (last + 1,))
            last = after[0]
        if before and before[1] == first - 1:
            first = before[0]
        connection.execute("INSERT OR REPLACE INTO pruned VALUES (?, ?)", (first, last))
