"""The journal: the durable, ordered log that acknowledges what comes in before it reaches the lake.

What `append` has returned survives a kill and a power cut. One process writes a journal; others read it
(`journal_reader`). It is a SQLite file in WAL mode whose every commit is synced.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from poise.clock import Clock
from poise.data.delta_log import APP, furthest
from poise.data.journal_lock import FolderLock
from poise.data.journal_reader import read
from poise.data.journal_record import KINDS, Entry, Kind, Record, checksum
from poise.data.journal_spans import load, note_pruned
from poise.data.journal_tables import (
    JOURNAL,
    LARGEST_WAL,
    PAGE,
    SCHEMA,
    about,
    connect,
    damaged,
    explained,
    transaction,
)
from poise.data.journal_wal import check_log
from poise.errors import StateError
from poise.formats import CURRENT

__all__ = ["Entry", "Journal", "Kind", "Record"]

STEP_RECORDS, STEP_ROWS = 500, 10_000
"""What one step of pruning drops at most: some 10 to 20 ms, during which nothing is acknowledged."""

SPARE = 16 * 2**20 // PAGE
"""Free pages that are kept for the next records; what is above goes back to the disk, at most `GIVEN_BACK` a step."""
GIVEN_BACK = 1_000


AGAIN = 2**20
"""Bytes after which `catch_up` tries again what it could not bring to an end."""
BESIDE = 3
"""Pages that a commit changes besides those of a record's rows."""

_ADD = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)"


class Journal:
    """The journal in one folder, held by this process until `close`. One thread at a time appends and prunes.

    id: made with the journal. at: the latest instant in it (microseconds); time never goes back behind it, whatever the
    clock says, also across restarts.

    >>> import tempfile; folder = tempfile.TemporaryDirectory()
    >>> journal = Journal.open(Path(folder.name), Clock())
    >>> journal.append([Entry("events", "orders", 2, b'{"id": 1}\\n{"id": 2}'), Entry("decisions", "", 1, b"{}")])
    [1, 3]
    >>> [(r.first, r.last, r.source, r.rows()) for r in journal.after(0, kinds=["events"])]
    [(1, 2, 'orders', [b'{"id": 1}', b'{"id": 2}'])]
    >>> journal.prune({"orders": 2}), journal.rows_waiting
    (2, 1)
    >>> journal.close(); folder.cleanup()
    """

    id: str
    at: int

    def __init__(self, folder: Path, clock: Clock, lock: FolderLock, lake: str) -> None:
        self._folder, self._file, self._clock, self._lock = folder, folder / JOURNAL, clock, lock
        with ExitStack() as opened, explained(self._file):
            self._logged = 0
            self._check_there()
            self._connection = opened.enter_context(closing(connect(self._file, write=True)))
            self._prepare()
            self._spans = load(self._connection, self._file)
            self._check_end(lake)
            self._settle_all()
            self._reading = opened.enter_context(closing(connect(self._file, write=False)))
            self._opened = opened.pop_all()

    @classmethod
    def open(cls, folder: Path, clock: Clock, lake: str = "") -> Journal:
        """Open the journal in `folder`, or make one there; events whose κ a kill left unwritten get it now.

        lake: the folder of the lake that it is written to, which cannot have what the journal never had.
        Raises `StateError` where another process holds it (naming its pid), rows that were written are missing or
        damaged, a newer Poise wrote it, or the folder or disk cannot be written.
        """
        _make(folder)
        lock = FolderLock(folder)
        try:
            return cls(folder, clock, lock, lake)
        except BaseException:
            lock.close()
            raise

    def append(self, entries: Sequence[Entry], known: Sequence[tuple[int, int]] = ()) -> list[int]:
        """Write entries, each as one record, all or none; the position of the first row of each.

        known: (first position of an earlier record, its κ in microseconds), written in the same commit. All is on the
        disk when this returns. Raises `StateError` where the disk is full or fails: then nothing was written, and the
        next call may succeed.
        """
        at = max(self._clock.now(), self.at, *(entry.not_before for entry in entries))
        first = self._spans.next
        firsts: list[int] = []
        rows = []
        for entry in entries:
            if entry.count != entry.body.count(b"\n") + 1:
                raise ValueError(f"an entry of {entry.source!r} says {entry.count} rows and has other lines")
            kind = KINDS.index(entry.kind)
            crc = checksum(first, entry.count, at, kind, entry.source, entry.body)
            rows.append((first, entry.count, at, kind, entry.source, crc, entry.body))
            firsts.append(first)
            first += entry.count
        with explained(self._file):
            if len(rows) == 1 and not known:  # a commit of its own: one call, in which other threads go on
                self._connection.execute(_ADD, rows[0])
            else:
                with transaction(self._connection):
                    self._connection.executemany(_ADD, rows)
                    self._connection.executemany("INSERT OR IGNORE INTO settled VALUES (?, ?)", known)
        self._logged += sum([len(entry.body) // PAGE + BESIDE for entry in entries])
        for entry, start in zip(entries, firsts, strict=True):
            self._spans.add(entry.source, (start, start + entry.count - 1))
        self.at = max(at if entries else self.at, *(instant for _, instant in known), 0)
        return firsts

    def catch_up(self) -> None:
        """Let the write-ahead log begin anew once it is about `LARGEST_WAL` bytes long: what of it is not in the
        database yet is brought over. For when nobody waits: it is a moment's work where another process does most of
        it (`journal_checkpoint`), and takes some 30 ms else."""
        if self._logged * PAGE < LARGEST_WAL:
            return
        self._logged = (LARGEST_WAL - AGAIN) // PAGE
        with suppress(sqlite3.Error):  # a full disk, say: nothing is lost, and the next commit says so
            busy, pages, there = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if not busy and pages == there:
                self._logged = 0

    def trial(self) -> None:
        """Write what is there already once more, to see whether the disk takes it. Raises `StateError` where not."""
        with explained(self._file), transaction(self._connection):
            self._connection.execute("UPDATE about SET value = ? WHERE name = 'at'", (self.at,))

    def after(self, position: int, kinds: Collection[Kind] = KINDS, most_rows: int = 100_000) -> Iterator[Record]:
        """Records that begin after `position`, in order, until `most_rows` rows were given (at least one record).

        Raises `StateError` for a record that is not what was written.
        """
        return read(self._reading, self._file, position, kinds, most_rows)

    def prune(self, below: Mapping[str, int]) -> int:
        """Drop records of a source (decisions: '') whose last position is at most its number in `below`.

        One call is one small step: the rows that it dropped, 0 when none is left to drop.
        """
        gone = self._spans.up_to(below, STEP_RECORDS, STEP_ROWS)
        if not gone:
            return 0
        spans = sorted(span for _, span in gone)
        with explained(self._file):
            with transaction(self._connection):
                for table in ("records", "settled"):
                    self._connection.executemany(f"DELETE FROM {table} WHERE first = ?", [span[:1] for span in spans])
                note_pruned(self._connection, spans)
                self._connection.execute("UPDATE about SET value = ? WHERE name = 'at'", (self.at,))
            rows = self._spans.drop(gone)
            if self._connection.execute("PRAGMA freelist_count").fetchone()[0] > SPARE:
                # `execute` would give back a single page: this pragma takes one step per page and returns no row.
                self._connection.executescript(f"PRAGMA incremental_vacuum({GIVEN_BACK})")
        return rows

    def wipe(self) -> None:
        """Write the file anew, so that nothing of what was dropped is left in it or beside it.

        Raises `StateError` where another process keeps the write-ahead log from being emptied.
        """
        with explained(self._file):
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute("VACUUM")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._connection.execute("PRAGMA secure_delete = FAST")
        if busy:
            what = f"the write-ahead log of {self._file} is in use by another process, and still holds what was dropped"
            raise StateError(what, hint="end what reads it and try again")

    @property
    def last(self) -> int:
        """The position of the last row that was written; 0 before the first."""
        return self._spans.next - 1

    @property
    def rows_waiting(self) -> int:
        """Rows in the journal."""
        return self._spans.rows

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        files = (self._folder / f"{JOURNAL}{ending}" for ending in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Let go of the files, with everything in the one where there is room for that."""
        with closing(self._lock), self._opened:
            self._reading.close()
            with suppress(sqlite3.Error):  # a full disk: it stays in the write-ahead log, where the next start finds it
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # Opening

    def _check_there(self) -> None:
        """A journal that was here is not begun anew in silence, whole or in part."""
        beside = self._folder / f"{JOURNAL}-wal"
        if not self._file.exists() and (self._lock.journal or beside.exists()):
            raise damaged(self._file, "the file is gone")
        check_log(self._file)

    def _prepare(self) -> None:
        content = about(self._connection, self._file)
        if not content:
            if self._lock.journal:
                raise damaged(self._file, "it is empty")
            content = {"format": CURRENT["journal"], "id": secrets.token_hex(8), "at": 0}
            with transaction(self._connection):
                for statement in SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.executemany("INSERT INTO about VALUES (?, ?)", list(content.items()))
        self.id, self.at = str(content["id"]), int(content["at"])
        if self._lock.journal not in ("", self.id):
            raise damaged(self._file, f"it is journal {self.id}, not {self._lock.journal}, which was made here")
        self._lock.write(self.id)

    def _check_end(self, lake: str) -> None:
        """The lake cannot hold rows that the journal never had: later ones would be taken for them, and lost."""
        there = furthest(Path(lake), APP + self.id) if lake and "://" not in lake else 0
        if there >= self._spans.next:
            ends = f"it ends at position {self._spans.next - 1:,}, and the lake has its rows up to {there:,}"
            raise damaged(self._file, ends)

    def _settle_all(self) -> None:
        """Events without κ were never acknowledged, or seen only by answers later than all that is written here."""
        latest = "SELECT max((SELECT coalesce(max(at), 0) FROM records), (SELECT coalesce(max(known), 0) FROM settled))"
        self.at = max(self.at, self._connection.execute(latest).fetchone()[0])
        with transaction(self._connection):
            unsettled = "SELECT first, ? FROM records WHERE kind = 0 AND first NOT IN (SELECT first FROM settled)"
            self._connection.execute(f"INSERT INTO settled {unsettled}", (self.at,))


def _make(folder: Path) -> None:
    """The folder, durably: a folder that a power cut takes away would take the journal along."""
    with explained(folder):
        missing = [part for part in (folder, *folder.parents) if not part.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for part in missing:
            handle = os.open(part.parent, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
