"""The tables of the state database, its counters, and how values go into its columns.

Portable SQL only (SQLite now, PostgreSQL later).
Every row names its system. Nothing in `live`, `history` and `weights` is ever updated or deleted.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from poise.releases.plain_json import finite
from poise.stores.state_base import HistoryRow

METADATA = sa.MetaData()

META = sa.Table(
    "meta", METADATA, sa.Column("name", sa.String(32), primary_key=True), sa.Column("value", sa.String(200))
)

COUNTERS = sa.Table(
    "counters",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)
"""Numbers handed out so far: candidate, release, history, live, weights."""

RELEASES = sa.Table(
    "releases",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("seal", sa.String(64)),
    sa.Column("verdict", sa.Text, nullable=False),
)

LIVE = sa.Table(
    "live",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("release", sa.String(32), nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("act", sa.String(16), nullable=False),
)

HISTORY = sa.Table(
    "history",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("act", sa.String(32), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
)

WEIGHTS = sa.Table(
    "weights",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("values", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

WEIGHT_LIMITS = sa.Table(
    "weight_limits",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),
)
"""Until when a version of the weights is to hold, where that was said."""

TOKENS = sa.Table(
    "tokens",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("per_second", sa.Float),
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("expires", sa.BigInteger),
    sa.Column("revoked", sa.BigInteger),
)

USAGE = sa.Table(
    "usage",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("token", sa.String(63), primary_key=True),
    sa.Column("contract", sa.BigInteger, primary_key=True),
    sa.Column("kind", sa.String(8), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
)
"""Counts: rows that are updated, as those of `releases`, `tokens` and `documents` are."""

DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("system", sa.String(63), primary_key=True),
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
)
"""What goes on for a while: a kind, a name, and JSON; see `poise.stores.state_documents`."""


def next_number(connection: Connection, system: str, name: str) -> int:
    """The next number of a counter, from 1. The row is locked until the transaction ends, so no two get the same."""
    mine = (COUNTERS.c.system == system) & (COUNTERS.c.name == name)
    bump = COUNTERS.update().where(mine).values(last=COUNTERS.c.last + 1)
    if connection.execute(bump).rowcount == 0:
        try:
            with connection.begin_nested():
                connection.execute(COUNTERS.insert().values(system=system, name=name, last=1))
        except IntegrityError:  # another writer made the row just now
            connection.execute(bump)
    return int(connection.execute(sa.select(COUNTERS.c.last).where(mine)).scalar_one())


def last_number(connection: Connection, system: str, name: str) -> int:
    """The last number that a counter gave, 0 before the first."""
    mine = (COUNTERS.c.system == system) & (COUNTERS.c.name == name)
    return int(connection.execute(sa.select(COUNTERS.c.last).where(mine)).scalar_one_or_none() or 0)


def dump(value: Mapping[str, Any]) -> str:
    """A mapping as JSON for a column; numbers that are not finite become null."""
    return json.dumps(finite(value)[0], ensure_ascii=False, allow_nan=False, sort_keys=True)


def history_row(row: Row[Any]) -> HistoryRow:
    """A line of the history as the database has it."""
    return HistoryRow(row.seq, row.at, row.who, row.act, row.subject, row.why, json.loads(row.details))


def os_user() -> str:
    """Who runs this process, by name where the machine knows one.

    >>> bool(os_user())
    True
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"
