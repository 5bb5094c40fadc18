"""Durable ingest: the journal beside bare SQLite, a bare file, PostgreSQL and Redis Streams (where installed).

    python -m benchmarks.journal

Events of some 190 bytes, one writer that waits for each acknowledgement, in batches of 1 to 1,000; everything syncs the
disk before it acknowledges. Stores take turns, so that all meet the same disk; ratios of one run are what to look at.
The journal stores rows as they came and neither judges them nor looks at their ids here; SQLite, PostgreSQL do check
that ids are unique. Budget: at least half of what bare SQLite takes in.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import numpy as np

from benchmarks.anchors import Absent, Append, Event, postgres, redis
from benchmarks.figure import Figure, run
from poise.clock import Clock
from poise.data.journal import Entry, Journal
from poise.data.journal_writer import Writer, Written

BATCHES = (1, 10, 100, 1000)
IN_FLIGHT = 32


def events(start: int, count: int) -> list[Event]:
    """Orders with ids that grow, as those of ULIDs do."""
    found = []
    for n in range(start, start + count):
        order = {"order_id": f"01J{n:013d}", "user_id": f"u{n % 9973:06d}", "restaurant_id": f"r{n % 997:04d}"}
        more = {"value": n % 4000 / 100, "ordered_at": "2026-03-02T11:05:00.123456Z", "channel": "app", "items": n % 7}
        found.append((order["order_id"], json.dumps({**order, **more}).encode()))
    return found


@contextmanager
def journal() -> Iterator[Append]:
    """The journal and its writer."""
    done = threading.Semaphore(0)

    def applied(group: Written[Sequence[Event]]) -> None:
        writer.settled(group.events, Clock().now())
        done.release(len(group.items))

    with _writer(applied) as writer:

        def append(batch: Sequence[Event]) -> None:
            writer.submit(batch, len(batch))
            done.acquire()

        yield append


@contextmanager
def _writer(applied: Callable[[Written[Sequence[Event]]], None]) -> Iterator[Writer[Sequence[Event]]]:
    with tempfile.TemporaryDirectory() as folder:
        made = Journal.open(Path(folder), Clock())
        writer: Writer[Sequence[Event]] = Writer(made, _entries, applied, _failed)
        try:
            yield writer
        finally:
            writer.close()
            made.close()


def _entries(batches: Sequence[Sequence[Event]]) -> list[list[Entry]]:
    return [[Entry("events", "orders", len(batch), b"\n".join([body for _, body in batch]))] for batch in batches]


def _failed(_: Sequence[Sequence[Event]], error: Exception) -> None:
    raise error


@contextmanager
def bare_sqlite() -> Iterator[Append]:
    """A row per event in a SQLite table with a unique id, WAL, synchronous FULL."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(f"{folder}/bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE events (n INTEGER PRIMARY KEY, id TEXT UNIQUE, body BLOB)")

        def append(batch: Sequence[Event]) -> None:
            connection.execute("BEGIN")
            connection.executemany("INSERT OR IGNORE INTO events (id, body) VALUES (?, ?)", batch)
            connection.execute("COMMIT")

        yield append
        connection.close()


@contextmanager
def bare_file() -> Iterator[Append]:
    """Lines at the end of a file, then fdatasync: the floor."""
    with tempfile.NamedTemporaryFile() as file:

        def append(batch: Sequence[Event]) -> None:
            os.write(file.fileno(), b"\n".join([body for _, body in batch]) + b"\n")
            os.fdatasync(file.fileno())

        yield append


STORES: dict[str, Callable[[], AbstractContextManager[Append]]] = {
    "journal": journal,
    "bare SQLite": bare_sqlite,
    "bare file": bare_file,
    "PostgreSQL": postgres,
    "Redis Streams": redis,
}


def waits(append: Append, batches: Iterator[list[Event]], seconds: float) -> list[float]:
    """How long each acknowledgement took, one after the other, for about so many seconds."""
    took: list[float] = []
    end = time.perf_counter() + seconds
    while not took or time.perf_counter() < end:
        batch = next(batches)
        start = time.perf_counter()
        append(batch)
        took.append(time.perf_counter() - start)
    return took


def in_flight(seconds: float) -> tuple[float, float]:
    """Single events of which 32 wait at any moment: events/s, and the p99 of the acknowledgement in ms."""
    sent: dict[str, float] = {}
    took: list[float] = []
    numbers = itertools.count()
    end = time.perf_counter() + seconds
    over = threading.Event()

    def submit() -> None:
        batch = events(next(numbers), 1)
        sent[batch[0][0]] = time.perf_counter()
        writer.submit(batch)

    def applied(group: Written[Sequence[Event]]) -> None:
        writer.settled(group.events, Clock().now())
        now = time.perf_counter()
        took.extend(now - sent.pop(batch[0][0]) for batch in group.items)
        if now > end:
            over.set()
            return
        for _ in group.items:
            submit()

    with _writer(applied) as writer:
        start = time.perf_counter()
        for _ in range(IN_FLIGHT):
            submit()
        over.wait()
    return len(took) / (time.perf_counter() - start), float(np.percentile(took, 99)) * 1e3


def main(quick: bool) -> list[Figure]:
    """Measure."""
    rounds, seconds = (1, 0.02) if quick else (20, 0.1)
    rates: dict[tuple[str, int], float] = {}
    with ExitStack() as opened:
        stores: dict[str, Append] = {}
        for name, store in STORES.items():
            try:
                stores[name] = opened.enter_context(store())
            except Absent as error:
                print(f"{name}: left out, {error}")
        numbers = itertools.count()
        for size in BATCHES:
            took: dict[str, list[float]] = {name: [] for name in stores}
            for name in [*stores] * rounds:
                made = (events(next(numbers) * 1000, size) for _ in itertools.count())
                took[name] += waits(stores[name], made, seconds)
            for name, found in took.items():
                rates[name, size] = size * len(found) / sum(found)
                p99 = float(np.percentile(found, 99)) * 1e3
                print(f"batches of {size:5,}: {name:14s} {rates[name, size]:10,.0f} events/s, p99 {p99:7.2f} ms")
    rate, p99 = in_flight(0.05 if quick else 2.0)
    print(f"single events, {IN_FLIGHT} in flight: journal {rate:10,.0f} events/s, p99 {p99:.2f} ms")
    return [
        Figure(f"journal v bare SQLite, batches of {size:,}", rates["journal", size] / rates["bare SQLite", size],
               0.5, "x", at_least=True)
        for size in BATCHES
    ]  # fmt: skip


if __name__ == "__main__":
    run(main)
