"""Reading the journal: record by record, without ever holding it open for long."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path

from poise.data.journal_record import KINDS, Kind, Record, checksum
from poise.data.journal_tables import JOURNAL, RECORD, about, connect, damaged, explained
from poise.errors import StateError

READ_AT_ONCE = 8 * 2**20
"""Bytes after which reading lets go of the file: a reader that held on would make the write-ahead log grow."""


def read(
    connection: sqlite3.Connection, file: Path, position: int, kinds: Collection[Kind], most_rows: int
) -> Iterator[Record]:
    """Records that begin after `position`, in order, until `most_rows` rows are reached (the last may go beyond).

    Raises `StateError` for a record that is not what was written.
    """
    codes = ", ".join(str(KINDS.index(kind)) for kind in kinds)
    query = f"{RECORD} WHERE r.first > ? AND kind IN ({codes}) ORDER BY r.first"
    rows = 0
    while rows < most_rows:
        found = _some(connection, file, query, position, most_rows - rows)
        yield from found
        if not found:
            return
        rows += sum(record.count for record in found)
        position = found[-1].first


def _some(connection: sqlite3.Connection, file: Path, query: str, position: int, most_rows: int) -> list[Record]:
    found: list[Record] = []
    size = rows = 0
    with explained(file):
        cursor = connection.execute(query, (position,))
        for row in cursor:
            found.append(_record(row, file))
            size, rows = size + len(found[-1].body), rows + found[-1].count
            if size >= READ_AT_ONCE or rows >= most_rows:
                break
        cursor.close()
    return found


def _record(row: tuple[int, int, int, int | None, int, str, int, bytes], file: Path) -> Record:
    first, count, at, known, kind, source, crc, body = row
    if checksum(first, count, at, kind, source, body) != crc:
        raise damaged(file, f"the rows at positions {first:,} to {first + count - 1:,} are not what was written")
    return Record(first, count, at, known if kind == 0 else known or at, KINDS[kind], source, body)


class JournalReader:
    """A journal seen from another process than the one that writes it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / JOURNAL
        if not self._file.exists():
            raise StateError(f"there is no journal in {folder}", hint="a server makes it: poise serve")
        with explained(self._file):
            self._connection = connect(self._file, write=False)
            content = about(self._connection, self._file)
        if not content:
            raise StateError(f"{self._file} is no journal yet", hint="a server makes it: poise serve")
        self.id = str(content["id"])

    def after(self, position: int, kinds: Collection[Kind] = KINDS, most_rows: int = 100_000) -> Iterator[Record]:
        """Records that begin after `position`, in order, up to the first event whose κ is not written yet.

        Ends once `most_rows` rows were given (at least one record, whatever its size). Raises `StateError` for a record
        that is not what was written.
        """
        for record in read(self._connection, self._file, position, kinds, most_rows):
            if record.known is None:
                return
            yield record

    def newest(self, kind: Kind, most: int) -> list[Record]:
        """The last `most` records of a kind, the newest first. Raises `StateError` as `after` does."""
        query = f"{RECORD} WHERE kind = {KINDS.index(kind)} ORDER BY r.first DESC LIMIT ?"
        with explained(self._file):
            return [_record(row, self._file) for row in self._connection.execute(query, (most,))]

    def settled(self, upto: int) -> bool:
        """Whether the κ is written of every event up to the record that begins at `upto`."""
        open_ = (
            f"SELECT count(*) FROM ({RECORD} WHERE r.first <= ? AND kind = {KINDS.index('events')} AND known IS NULL)"
        )
        with explained(self._file):
            return int(self._connection.execute(open_, (upto,)).fetchone()[0]) == 0

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()


def reading(folder: Path) -> JournalReader:
    """The journal in `folder` (home/journal), for a process that does not write it.

    Raises `StateError` where there is none, or a newer Poise wrote it.
    """
    return JournalReader(folder)
