"""The state database: the registry of releases, which is live, the weights, the tokens, and the append-only history.

One verb per act. Whatever changes state writes its history line in the same transaction, so that neither is ever there
without the other. Any number of processes may read and write at once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from poise.clock import Clock
from poise.errors import StateError, did_you_mean
from poise.stores.state_base import HistoryRow, NameKind, ReleaseRow, Status
from poise.stores.state_mark import Mark, file_of, mark_of
from poise.stores.state_proposals import ProposalsState
from poise.stores.state_rollouts import RolloutsState
from poise.stores.state_tables import HISTORY, RELEASES, dump, history_row, last_number, next_number, os_user
from poise.stores.state_tokens import TokensState
from poise.stores.state_url import engine_of, explain, is_prepared, prepare
from poise.stores.state_usage import UsageState


class State(RolloutsState, TokensState, UsageState, ProposalsState):
    """The state of one `system` in the database at `url` (a SQLAlchemy address).

    Times are wall-clock microseconds, also where a system's clock is `replay`: they say when people did what.
    Sentences tell them in `zone`.

    >>> import tempfile; folder = tempfile.TemporaryDirectory()
    >>> state = State(f"sqlite:///{folder.name}/state.db", "shop")
    >>> name = state.next_name("release")
    >>> state.record(name, "released", folder="releases/r1", act="release", who="ana", why="all requirements hold")
    >>> state.promote(name, who="ana", why="first release")
    >>> state.live().release, [row.act for row in state.history()]
    ('r1', ['release', 'promote'])
    >>> folder.cleanup()
    """

    def __init__(self, url: str, system: str, *, zone: str = "UTC", clock: Clock | None = None) -> None:
        self.system = system
        self._zone = zone
        self._url = url
        self._clock = clock or Clock()
        self._engine = engine_of(url)
        self._file = file_of(url)
        self._seen: tuple[Mark, int] | None = None
        with self._transaction() as connection:
            ready = is_prepared(connection, where=url)
        if not ready:
            with self._transaction(write=True) as connection:
                prepare(connection, where=url)

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def wipe(self) -> None:
        """Write the file anew, so that nothing of what was changed or dropped is left in it or beside it. A database
        that is no file sees to that by itself."""
        if self._engine.dialect.name != "sqlite":
            return
        raw = self._engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            cursor.close()
        except sqlite3.Error as error:
            raise explain(error, self._url) from error
        finally:
            raw.close()

    # The registry

    def next_name(self, kind: NameKind) -> str:
        """A name that was never handed out: c1, c2, … for candidates, r1, r2, … for releases."""
        with self._transaction(write=True) as connection:
            return f"{kind[0]}{next_number(connection, self.system, kind)}"

    def record(
        self,
        name: str,
        status: Status,
        *,
        folder: str,
        act: str,
        why: str,
        who: str | None = None,
        seal: str | None = None,
        verdict: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down a new candidate or release, or the new status of a known one, with its history line.

        Of a known one, `seal` and `verdict` stay as they are where none is given.
        """
        if status not in get_args(Status):
            raise StateError(f"'{status}' is not a status", hint=did_you_mean(status, get_args(Status)))
        given = {"seal": seal, "verdict": None if verdict is None else dump(verdict)}
        values = {"status": status, "folder": folder, **{k: v for k, v in given.items() if v is not None}}
        with self._transaction(write=True) as connection:
            if connection.execute(RELEASES.update().where(self._named(name)).values(**values)).rowcount == 0:
                new = {"system": self.system, "name": name, "created": self._clock.now(), "verdict": "{}", **values}
                connection.execute(RELEASES.insert().values(**new))
            self._write_history(connection, act, name, why, who, {"status": status, **(verdict or {})})

    def release(self, name: str) -> ReleaseRow:
        """The row of one release or candidate. Raises `StateError` where there is none."""
        with self._transaction() as connection:
            return self._release(connection, name)

    def releases(self, status: Status | None = None) -> tuple[ReleaseRow, ...]:
        """All candidates and releases, the oldest first; only those of one status if given."""
        chosen = sa.select(RELEASES).where(RELEASES.c.system == self.system)
        if status:
            chosen = chosen.where(RELEASES.c.status == status)
        with self._transaction() as connection:
            rows = connection.execute(chosen.order_by(RELEASES.c.created, RELEASES.c.name)).all()
        return tuple(_release_row(row) for row in rows)

    # History

    def note(
        self, act: str, subject: str, *, why: str, who: str | None = None, details: Mapping[str, Any] | None = None
    ) -> int:
        """Add a line to the history (what changed nothing else here, e.g. `ingest`); returns its number."""
        with self._transaction(write=True) as connection:
            return self._write_history(connection, act, subject, why, who, details or {})

    def history(
        self,
        *,
        subject: str | None = None,
        act: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> tuple[HistoryRow, ...]:
        """The newest `limit` lines numbered above `after` and below `before`, of one `subject` or `act` if given; the
        oldest first."""
        chosen = sa.select(HISTORY).where((HISTORY.c.system == self.system) & (HISTORY.c.seq > after))
        if subject is not None:
            chosen = chosen.where(HISTORY.c.subject == subject)
        if act is not None:
            chosen = chosen.where(HISTORY.c.act == act)
        if before is not None:
            chosen = chosen.where(HISTORY.c.seq < before)
        with self._transaction() as connection:
            rows = connection.execute(chosen.order_by(HISTORY.c.seq.desc()).limit(limit)).all()
        return tuple(history_row(row) for row in reversed(rows))

    def acts(self) -> tuple[str, ...]:
        """What was ever done, each once, in the order of the alphabet."""
        chosen = sa.select(HISTORY.c.act).where(HISTORY.c.system == self.system).distinct().order_by(HISTORY.c.act)
        with self._transaction() as connection:
            return tuple(connection.execute(chosen).scalars())

    def seq(self) -> int:
        """The number of the newest history line, 0 before the first: unchanged means that nothing has changed.

        It is asked several times a second beside what answers, so an SQLite file is opened only if it was written to.
        """
        mark = mark_of(self._file)
        seen = self._seen
        if mark is not None and seen is not None and seen[0] == mark:
            return seen[1]
        with self._transaction() as connection:
            newest = last_number(connection, self.system, "history")
        self._seen = None if mark is None else (mark, newest)
        return newest

    # Within a transaction

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[Connection]:
        """Everything or nothing; failures of the database become `StateError`."""
        try:
            with self._engine.connect().execution_options(poise_write=write) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            raise explain(error, self._url) from error

    def _named(self, name: str) -> sa.ColumnElement[bool]:
        return sa.and_(RELEASES.c.system == self.system, RELEASES.c.name == name)

    def _release(self, connection: Connection, name: str) -> ReleaseRow:
        row = connection.execute(sa.select(RELEASES).where(self._named(name))).first()
        if row is None:
            known = sa.select(RELEASES.c.name).where(RELEASES.c.system == self.system)
            hint = did_you_mean(name, connection.execute(known).scalars())
            raise StateError(f"there is no release '{name}' of {self.system}", hint=hint)
        return _release_row(row)

    def _write_history(
        self, connection: Connection, act: str, subject: str, why: str, who: str | None, details: Mapping[str, Any]
    ) -> int:
        seq = next_number(connection, self.system, "history")
        row = {"at": self._clock.now(), "who": who or os_user(), "act": act, "subject": subject, "why": why}
        connection.execute(HISTORY.insert().values(system=self.system, seq=seq, details=dump(details), **row))
        return seq


def _release_row(row: Row[Any]) -> ReleaseRow:
    return ReleaseRow(row.name, row.status, row.created, row.folder, row.seal, json.loads(row.verdict))
