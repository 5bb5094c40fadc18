"""From the journal to the lake: rows a second of the whole drain (typed again, raw and accepted rows, own fsync), and
of its writing alone.

    python -m benchmarks.drain

Goal (MEASURED-data.md): 300,000 rows/s of writing at 10,000 rows a commit. Processor time decides on a shared machine,
so it stands beside.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import polars as pl

from benchmarks.figure import Figure, run
from poise.clock import Clock
from poise.data import drain
from poise.data.drained import Drained
from poise.data.journal import Journal
from poise.data.journal_reader import reading
from poise.data.journal_record import Entry
from poise.data.lake import Lake
from poise.spec.system import SystemSpec

COLUMNS = {
    "id": "string",
    "at": "time",
    "user": "string",
    "shop": "string",
    "kind": {"type": "category", "values": ["a", "b"]},
    "value": {"type": "float", "min": 0},
    "count": "int",
}
ORDERS = {"path": "orders.jsonl", "id": "id", "time": "at", "columns": COLUMNS}
PLAIN = {"format": 1, "system": "shop", "purpose": "measure", "sources": {"orders": ORDERS}}
SYSTEM = SystemSpec.model_validate({**PLAIN, "objectives": {"o": {"type": "binary", "per": "orders", "label": {}}}})
BATCH = 10_000


def lines(start: int, count: int) -> bytes:
    """Events of about 125 bytes."""
    return "\n".join(
        json.dumps(
            {
                "id": f"order-{n:012}",
                "at": f"2025-03-{n % 28 + 1:02}T05:17:{n % 60:02}Z",
                "user": f"u{n % 977}",
                "shop": f"s{n % 313}",
                "kind": "ab"[n % 2],
                "value": n * 1.25,
                "count": n,
            }
        )
        for n in range(start, start + count)
    ).encode()


def fill(journal: Journal, rows: int) -> None:
    """Acknowledged rows, 1,000 a record."""
    for start in range(0, rows, 1000):
        (first,) = journal.append([Entry("events", "orders", 1000, lines(start, 1000))])
        journal.append([], [(first, journal.at)])


def whole(folder: Path, rows: int) -> tuple[float, float]:
    """Rows a second, and a second of processor time, of the drain with `BATCH` rows a commit."""
    journal = Journal.open(folder / "journal", Clock())
    fill(journal, rows)
    reader = reading(folder / "journal")
    most, drain.MOST = drain.MOST, BATCH
    began, worked = time.perf_counter(), time.process_time()
    one = drain.Drain([SYSTEM], Lake(str(folder / "lake")), reader)
    while one.once(everything=True):
        pass
    took = rows / (time.perf_counter() - began), rows / (time.process_time() - worked)
    drain.MOST = most
    reader.close()
    journal.close()
    return took


def writing(folder: Path, commits: int) -> tuple[float, float]:
    """The same of writing accepted and raw rows that are ready."""
    accepted = Lake(str(folder / "lake")).read("orders").head(BATCH)
    raw = accepted.select(pl.all().cast(pl.String))
    tables = [(Drained(str(folder / name), "a"), rows) for name, rows in (("one", accepted), ("two", raw))]
    for table, rows in tables:
        table.append(rows, 1)
    began, worked = time.perf_counter(), time.process_time()
    for number in range(commits):
        for table, rows in tables:
            table.append(rows, number + 2)
    written = commits * accepted.height
    return written / (time.perf_counter() - began), written / (time.process_time() - worked)


def main(quick: bool) -> list[Figure]:
    """Both, by the clock and by the processor."""
    rows = 20_000 if quick else 300_000
    with tempfile.TemporaryDirectory() as folder:
        both, worked = whole(Path(folder), rows)
        alone, wrote = writing(Path(folder), 2 if quick else 30)
    return [
        Figure("drain, raw + accepted written, 10,000 rows a commit", alone, 300_000, " /s", at_least=True),
        Figure("  of processor time", wrote, None, " /s"),
        Figure("drain, all of it: read, typed, checked, written", both, None, " /s"),
        Figure("  of processor time", worked, None, " /s"),
    ]


if __name__ == "__main__":
    run(main)
