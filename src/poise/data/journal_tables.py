"""The journal's SQLite files: where they are, how they are opened, their tables, and what their errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from poise.errors import StateError
from poise.formats import migrate

JOURNAL, LOCK = "journal.db", "lock"
"""The files of a journal's folder."""

PAGE = 4096
LARGEST_WAL = 16 * 2**20
"""Bytes after which the write-ahead log is to begin anew, and that its file keeps then. What comes while that cannot be
makes it larger; four times as many, and SQLite sees to it within a commit."""

SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL, source TEXT NOT NULL,
    crc INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE settled (first INTEGER PRIMARY KEY, known INTEGER NOT NULL);
CREATE TABLE pruned (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
"""
"""`settled` holds κ of records beside them: filling it in within a record would write its whole body again.
`pruned` holds the ranges of positions whose records were dropped on purpose: any other that is missing was lost."""

RECORD = "SELECT r.first, count, at, known, kind, source, crc, body FROM records r LEFT JOIN settled s USING (first)"


def connect(file: Path, *, write: bool) -> sqlite3.Connection:
    """A connection that commits only when told to, each commit synced to disk before it returns.

    It may be handed from thread to thread; whoever does so sees to it that one uses it at a time.
    """
    connection = _opened(file, "rwc" if write else "ro")
    if write:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the disk there
        connection.execute(f"PRAGMA journal_size_limit = {LARGEST_WAL}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {4 * LARGEST_WAL // PAGE}")
        connection.execute("PRAGMA secure_delete = FAST")
    return connection


def beside(file: Path) -> sqlite3.Connection:
    """A connection for checkpoints beside the process that writes: to open it, too, commits nothing. Some of what
    `connect` sets is a commit on a file that is there."""
    connection = _opened(file, "rw")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")
    return connection


def _opened(file: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(file.absolute()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=5)


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Errors of SQLite and of the file system as `StateError`s that name `file` and say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise explanation(error, file) from error
    except OSError as error:
        what = f"{file} cannot be used: {error.strerror or error}"
        raise StateError(what, hint="the folder must be there and writable for this user") from error


def explanation(error: sqlite3.Error, file: Path) -> StateError:
    """What an error of SQLite means for the file."""
    name = str(getattr(error, "sqlite_errorname", "") or "")
    told = f"{error}{f', {name}' if name else ''}"
    if name.startswith("SQLITE_FULL"):
        return StateError(
            f"the disk of {file} is full: nothing was written", hint="make room; then it goes on by itself"
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StateError(
            f"{file} cannot be written ({told})", hint="make the file and its folder writable for this user"
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return damaged(file, told)
    if name.startswith("SQLITE_IOERR"):
        hint = "look at the disk, its free space and your quota; once it works, it goes on by itself"
        return StateError(f"{file} could not be read or written ({told})", hint=hint)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StateError(f"another program holds {file} ({told})", hint="close what has it open")
    return StateError(f"{file} cannot be used ({told})")


def damaged(file: Path, what: str) -> StateError:
    """The error for a file that does not hold what was written to it."""
    hint = "restore the folder from a backup, or move it aside to begin anew; rows that are in the lake stay there"
    return StateError(f"{file} is damaged: {what}", hint=hint)


def about(connection: sqlite3.Connection, file: Path) -> dict[str, int | str]:
    """What a journal says about itself, in the current format; empty where it was never prepared.

    Raises `StateError` where a newer Poise wrote it.
    """
    if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'about'").fetchone()[0]:
        return {}
    return migrate("journal", dict(connection.execute("SELECT name, value FROM about")), where=str(file))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; durable once it is over."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
