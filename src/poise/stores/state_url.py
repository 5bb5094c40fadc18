"""How a state database is opened by its address, and what a failure of one means.

SQLite is set up for several processes: a write-ahead log, full syncing, and waiting for one another.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool

from poise.errors import MissingExtra, StateError
from poise.formats import CURRENT, migrate
from poise.stores.state_tables import META, METADATA

BUSY_SECONDS = 10.0
"""How long a writer waits for another; a write here takes milliseconds."""
NEEDED = 1 << 20
"""Bytes: a disk with fewer free ones is full, since a write-ahead log needs some pages at once."""


def engine_of(url: str) -> Engine:
    """An engine for `url`, with SQLite set up for several processes: WAL, full syncing, a busy timeout.

    Raises `StateError` for an address that is none, `MissingExtra` where its driver is not installed.
    """
    try:
        address = make_url(url)
        if address.get_backend_name() != "sqlite":
            return sa.create_engine(address, pool_pre_ping=True)
        if address.database and address.database != ":memory:" and not address.database.startswith("file:"):
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(address, poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError) as error:
        hint = "write e.g. sqlite:////var/lib/shop/state.db"
        raise StateError(f"POISE_STATE_URL is not a database address: {error}", hint=hint) from error
    except ImportError as error:
        raise MissingExtra(f"the database driver '{error.name}' is not installed", hint="pip install it") from error
    except OSError as error:
        raise StateError(f"the folder of the state database cannot be made: {error.strerror}", where=url) from error
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def is_prepared(connection: Connection, where: str) -> bool:
    """Whether all tables are there. Raises `StateError` where a newer Poise made them, or something else did."""
    if not sa.inspect(connection).has_table("meta"):
        return False
    found = connection.execute(sa.select(META.c.value).where(META.c.name == "format")).scalar_one_or_none()
    content = {"format": int(found) if found and found.isdigit() else found}
    migrate("state", content, where=where)
    return content["format"] == CURRENT["state"]


def prepare(connection: Connection, where: str) -> None:
    """Make the tables, or those that an earlier format lacks, unless another process has meanwhile."""
    if not is_prepared(connection, where):
        METADATA.create_all(connection)
        connection.execute(META.delete().where(META.c.name == "format"))
        connection.execute(META.insert().values(name="format", value=str(CURRENT["state"])))


def _set_up(connection: Any, record: Any) -> None:
    """SQLAlchemy begins transactions itself (`_begin`), so the driver must not."""
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA secure_delete = ON")  # what is forgotten is not left in pages that are free
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
            _switch_to_wal(cursor)
    finally:
        cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Several processes may open a new database at once; SQLite does not wait by itself for this one lock."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin(connection: Connection) -> None:
    """Writers take the lock at once: upgrading a read lock later fails without waiting."""
    write = connection.get_execution_options().get("poise_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def explain(error: Exception, url: str) -> StateError:
    """What a failure of the database means, and what to do."""
    text = str(getattr(error, "orig", None) or error)
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    if name.startswith("SQLITE_IOERR"):
        text = f"{text}: the disk is full" if _disk_is_full(url) else text
    for sign, message, hint in _SIGNS:
        if sign in text:
            return StateError(message, where=url, hint=hint)
    kind = "cannot be reached" if isinstance(error, OperationalError) else "failed"
    return StateError(f"the state database {kind}: {text}", where=url)


def _disk_is_full(url: str) -> bool:
    """SQLite calls a full disk an I/O error where it could not write its log."""
    folder = Path(make_url(url).database or "").absolute().parent
    try:
        return shutil.disk_usage(folder).free < NEEDED
    except OSError:
        return False


_SIGNS = (
    ("locked", "the state database is locked by another process", "wait for it to end, or end it, and try again"),
    ("readonly", "the state database is read-only", "let this user write the file and its folder"),
    ("unable to open", "the state database cannot be opened", "check that the folder exists and may be written"),
    ("not a database", "this file is not a state database", "restore it from a copy, or set POISE_STATE_URL"),
    ("malformed", "the state database is damaged", "restore it from a copy"),
    ("full", "the disk that holds the state database is full", "free some space and try again"),
    (
        "I/O error",
        "the disk that holds the state database fails",
        "see what the system's log says; is a quota used up?",
    ),
)
