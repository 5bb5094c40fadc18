"""Which rows of the journal are in the lake: one line per commit that the drain made there.

It is a small SQLite file beside the journal, so that the process that drains writes it and the one that answers reads
it, and neither waits for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poise.data.journal_tables import COMMITS, connect, explained, transaction

KEPT = 10_000
"""Versions per source that are remembered: at one commit a second, nearly three hours of them."""

SCHEMA = """CREATE TABLE IF NOT EXISTS commits (
    journal TEXT, source TEXT, version INTEGER, position INTEGER NOT NULL, PRIMARY KEY (journal, source, version)
) WITHOUT ROWID"""


@dataclass(frozen=True, slots=True)
class Commit:
    """Version `version` of a source's table holds its rows of the journal up to `position`."""

    source: str
    version: int
    position: int


class Commits:
    """The commits of the journal `id` in `folder`. Durable when `add` returns.

    Raises `StateError` where the file cannot be used.

    >>> import tempfile; folder = tempfile.TemporaryDirectory()
    >>> commits = Commits(Path(folder.name), "j1")
    >>> commits.add("orders", version=4, position=100); commits.add("orders", version=5, position=180)
    >>> commits.positions(), [c.version for c in commits.since("orders", 4)]
    ({'orders': 180}, [5])
    >>> commits.close(); folder.cleanup()
    """

    def __init__(self, folder: Path, id: str) -> None:
        self._file, self._id = folder / COMMITS, id
        with explained(self._file):
            self._connection = connect(self._file, write=True)
            self._connection.execute(SCHEMA)

    def add(self, source: str, version: int, position: int) -> None:
        """Note a commit; one that was noted already is written over."""
        row = (self._id, source, version, position)
        with explained(self._file), transaction(self._connection):
            self._connection.execute("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)", row)
            old = (self._id, source, version - KEPT)
            self._connection.execute("DELETE FROM commits WHERE journal = ? AND source = ? AND version <= ?", old)

    def since(self, source: str, version: int) -> list[Commit]:
        """The commits of a source that made a version above `version`, in order."""
        query = (
            "SELECT version, position FROM commits WHERE journal = ? AND source = ? AND version > ? ORDER BY version"
        )
        with explained(self._file):
            rows = self._connection.execute(query, (self._id, source, version)).fetchall()
        return [Commit(source, *row) for row in rows]

    def positions(self) -> dict[str, int]:
        """Per source, up to which position its rows are in the lake."""
        query = "SELECT source, max(position) FROM commits WHERE journal = ? GROUP BY source"
        with explained(self._file):
            return dict(self._connection.execute(query, (self._id,)).fetchall())

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
