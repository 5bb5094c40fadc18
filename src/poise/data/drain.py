"""The drain: what the journal acknowledged goes to the lake, each row exactly once, in files of sensible size.

It only reads the journal. Whoever calls it drops from the journal what `Drain.done` says is in the lake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import polars as pl
from deltalake.exceptions import DeltaError
from polars.exceptions import PolarsError

from poise.clock import SECOND, Clock
from poise.data import delta, fingerprints
from poise.data.beside import others_wrote
from poise.data.delta_log import APP, newest
from poise.data.drain_source import END, SourceDrain
from poise.data.drained import Drained
from poise.data.journal_record import Record
from poise.data.lake import INSTANT, Lake
from poise.data.ledger import Entry, Ledger
from poise.data.report import Counts
from poise.data.retention import expire
from poise.data.tidying import tidy
from poise.data.unwritten import advice
from poise.errors import SpecError, StateError
from poise.spec.system import SystemSpec

ENOUGH = 10_000
"""Rows of a source that are written at once as soon as there are so many."""
LONGEST = 60 * SECOND
"""How long fewer wait for more: each commit stays in the table's log, and answers need no lake."""
MOST = 100_000
"""Rows that are held in memory and written in one commit, at most (but for the last record's)."""
MOST_BYTES = 64 << 20
"""Bytes of rows that are held in memory, at most (but for the last record's)."""
WALL = Clock()
TURN = 60.0
"""Seconds to wait for a file that is being taken in, before trying again later."""


class Reader(Protocol):
    """What is needed of a journal: `poise.data.journal_reader.JournalReader` is one."""

    id: str

    def after(self, position: int, *, most_rows: int) -> Iterator[Record]:
        """Records that begin after `position`, in order, up to the first whose κ is not written yet."""


class DecisionsDrain:
    """Writes the journal's decisions to the lake's table of them."""

    def __init__(self, lake: Lake, app: str) -> None:
        self.table = Drained(lake.decisions, app)

    def renew(self, *, by_this: bool = False) -> None:
        """Look at what was written meanwhile."""
        self.table.renewed()

    @property
    def begun(self) -> int:
        """Up to where the journal is in the table."""
        return self.table.position

    def write(self, records: Sequence[Record], now: int) -> None:
        """Write what of `records` is not in the table yet; durable on return."""
        rows = [
            (record.first + n, record.at, *_head(line), line.decode())
            for record in records
            for n, line in enumerate(record.rows())
            if record.first + n > self.table.position
        ]
        if rows:
            frame = pl.DataFrame(rows, schema=DECISION, orient="row")
            self.table.append(frame.with_columns(pl.col("_at", "time").cast(INSTANT)), records[-1].last)

    def compact(self) -> None:
        """Put small files together where there are many."""
        self.table.compact()


DECISION = {
    "_position": pl.Int64(),
    "_at": pl.Int64(),
    "kind": pl.String(),
    "time": pl.Int64(),
    "release": pl.String(),
    "per": pl.String(),
    "decision": pl.String(),
}
"""Columns of `decisions`: its position in the journal, when it was written, and of the record (`decision`, JSON) the
kind, T, release and source."""


class _Head(msgspec.Struct):
    kind: str
    at: int | None
    release: str
    per: str


def _head(line: bytes) -> tuple[str, int | None, str, str]:
    head = msgspec.json.decode(line, type=_Head)
    return head.kind, head.at, head.release, head.per


class Drain:
    """Writes a journal to the lake. For one thread; a repeat after a kill writes nothing twice.

    systems: a source's rows are judged by the first of these under whose columns its rows in the lake are.
    """

    def __init__(self, systems: Sequence[SystemSpec], lake: Lake, reader: Reader, clock: Clock = WALL) -> None:
        self._systems, self._lake, self._reader, self._clock = systems, lake, reader, clock
        self.app = APP + reader.id
        self._tables: dict[str, SourceDrain | DecisionsDrain] = {}
        self._waiting: dict[str, list[Record]] = {}
        self._since: dict[str, int] = {}
        self._read, self._ingests = 0, -1
        self._definitions: dict[str, str | None] = {}
        self._before: dict[str, SourceDrain] = {}
        self._taken: dict[str, tuple[int, int]] = {}
        self.has: dict[str, int] | None = None
        """The versions of the lake that the server knows, once it has said so."""
        self.done: dict[str, int] = {}
        """Per source (decisions: '') the position up to which its rows are in the lake, synced."""
        self.rows = 0
        """How many rows this wrote, or found written."""
        self.wrote: dict[str, int] = {}
        """Per source how many rows were in none of its tables before."""
        self.stuck: dict[str, str] = {}
        """Per source why its rows cannot be written until the system file or the release is another."""

    def once(self, *, everything: bool = False, wait: float = TURN) -> bool:
        """Write what is due, or `everything` that can be read; is more due at once?

        Raises `StateError` where another process holds the lake for more than `wait` seconds, where a table cannot be
        written, or where the journal cannot be read. Nothing is lost by that: call it again.
        """
        full = self._take()
        due = [name for name in self._waiting if everything or full or self._due(name)]
        if due:
            with self._lake.writing(wait):
                self._look()
                self._write_all(due)
        return full

    def follow(self, systems: Sequence[SystemSpec]) -> None:
        """Judge by these systems from now on; what could not be written before is read again."""
        self._systems = systems
        self._begin_again()
        if self.stuck:
            self.stuck.clear()
            self._waiting.clear()
            self._since.clear()
            self._read = 0

    def expire(self, wait: float = TURN) -> dict[str, int]:
        """Delete rows that are older than their source's `keep`, and what no version of a table needs any more: how
        many rows, per source that had some.

        Raises `StateError` as `once` does.
        """
        expired = {}
        with self._lake.writing(wait):
            for table in self._tables.values():
                table.renew()  # what others wrote before this, which the next look no longer tells from this
            for system in self._systems[:1]:
                for name in system.sources:
                    self._lake.mend(name)
                    expired[name] = expire(system, self._lake, name, self._clock.now(), self.app)
                tidy(system, self._lake)
            for table in self._tables.values():
                table.renew(by_this=True)
        return {name: rows for name, rows in expired.items() if rows}

    def taken_up(self, source: str, position: int, version: int) -> None:
        """The server knows the rows that files brought to `source` up to the lake's `version`: what it acknowledges
        after `position` is in none of them."""
        self._taken[source] = position, version
        table = self._tables.get(source)
        if isinstance(table, SourceDrain):
            table.taken_up(position, version)

    def _begin_again(self) -> None:
        """Open the tables anew when they are written next."""
        self._before.update({name: one for name, one in self._tables.items() if isinstance(one, SourceDrain)})
        self._tables.clear()

    def _look(self) -> None:
        """Begin again with the sources whose columns an ingest changed meanwhile."""
        seen = newest(Path(self._lake.ingests), self._ingests) if delta.local(self._lake.url) else None
        if seen is None or seen == self._ingests:
            return
        self._ingests, ledger = seen, Ledger(self._lake)
        for name, before in self._definitions.items():
            if ledger.definition(name) != before:
                self._tables.pop(name, None)

    def _take(self) -> bool:
        """Read on in the journal; is as much in memory as may be?"""
        held = sum(record.count for records in self._waiting.values() for record in records)
        size = sum(len(record.body) for records in self._waiting.values() for record in records)
        if held >= MOST or size >= MOST_BYTES:
            return True  # what cannot be written stays in the journal until it can
        now = self._clock.now()
        for record in self._reader.after(self._read, most_rows=MOST - held):
            self._read = record.last
            if record.source not in self.stuck:
                held, size = held + record.count, size + len(record.body)
                self._waiting.setdefault(record.source, []).append(record)
                self._since.setdefault(record.source, now)
                if size >= MOST_BYTES:
                    break
        return held >= MOST or size >= MOST_BYTES

    def _due(self, name: str) -> bool:
        rows = sum(record.count for record in self._waiting[name])
        waits = self._clock.now() - self._since[name]
        return rows >= ENOUGH or not 0 <= waits < LONGEST  # a clock that was set back is not waited for

    def _write_all(self, due: Sequence[str]) -> None:
        """Write these sources; one that cannot be written does not keep the others from it."""
        failed: StateError | None = None
        for name in due:
            try:
                self._write(name)
            except SpecError as error:
                self.stuck[name] = str(error)
                del self._waiting[name], self._since[name]
            except (StateError, OSError, DeltaError, PolarsError) as error:
                self._tables.pop(name, None)  # what it remembers of its tables may no longer be so
                failed = error if isinstance(error, StateError) else _unwritten(name, error)
        if failed is not None:
            raise failed

    def _write(self, name: str) -> None:
        records = self._waiting[name]
        if name not in self._tables:
            self._tables[name] = self._opened(name, records[-1].last)
        table = self._tables[name]
        table.renew()
        begun = table.begun
        table.write(records, self._clock.now())
        new = sum(max(0, record.last - max(begun, record.first - 1)) for record in records)
        self.wrote[name] = self.wrote.get(name, 0) + new
        self.done[name] = records[-1].last
        self.rows += sum(record.count for record in records)
        del self._waiting[name], self._since[name]
        table.compact()

    def _opened(self, name: str, last: int) -> SourceDrain | DecisionsDrain:
        """What writes a source's rows, once a commit that a power loss tore is taken back.

        Files may have been taken in while no server knew of it: rows up to `last` are compared with them.
        """
        if not name:
            delta.mend(self._lake.decisions)
            return DecisionsDrain(self._lake, self.app)
        self._lake.mend(name)
        system, again = in_force(self._systems, self._lake, name, self._clock.now()), name in self._definitions
        self._definitions[name] = Ledger(self._lake).definition(name)
        made = SourceDrain(system, name, self._lake, self.app)
        unseen = others_wrote(self._lake, self.app, name, self.has, made.accepted.version)
        made.compare_upto = END if again or unseen else last
        before = self._before.pop(name, None)
        if before is not None and before.accepted.version == made.accepted.version:
            made.compare_upto, made.others = before.compare_upto, before.others
        if name in self._taken:
            made.taken_up(*self._taken[name])
        return made


def _unwritten(name: str, error: Exception) -> StateError:
    what = f"rows of '{name}'" if name else "decisions"
    return StateError(f"{what} cannot be written to the lake yet: {error}", hint=advice(error))


def in_force(systems: Sequence[SystemSpec], lake: Lake, name: str, now: int) -> SystemSpec:
    """The first system by whose columns the rows of source `name` are in the lake, which may have none yet.

    Raises `SpecError` where there is none.
    """
    ledger = Ledger(lake)
    before = ledger.definition(name)
    for system in systems:
        source = system.sources.get(name)
        if source is None:
            continue
        present = fingerprints.definition(source, source.timezone or system.timezone)
        if before is None:
            ledger.write([Entry(now, name, "", "", "", present, "", "begun", Counts())])
        if before in (None, present):
            return system
    raise SpecError(
        f"rows of '{name}' came in that are kept in the journal and cannot be written to the lake: "
        "neither the system file nor the live release has the columns that its rows there are of",
        where=f"sources.{name}",
        hint="put the columns back, or run 'poise ingest' and serve a release of the new file",
    )
