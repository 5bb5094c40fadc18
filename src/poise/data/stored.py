"""What is stored under an identity, exactly: in groups that are being written, in the journal, in the lake.

Asked only where a hash is known already, so nearly always for a row that really came before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, Protocol

import numpy as np

from poise.data.id_hash import Hashes
from poise.data.journal_record import Kind, Record
from poise.data.placed import Placed
from poise.data.row_judge import Places, RowJudge, RowsJudged

Content = tuple[Any, ...]
_EVENTS: tuple[Kind, ...] = ("events",)
NEVER = 2**62
"""A `now` that no row is ahead of: what was accepted is not judged for its time again."""


class Records(Protocol):
    """The part of a journal that is read here."""

    def after(self, position: int, kinds: Collection[Kind], most_rows: int) -> Iterator[Record]:
        """Records that begin after `position`, in order; at least one, if there is one."""


class Stored:
    """Finds the newest stored content of identities.

    journal: where records are read, None where there is none. lake: URL or folder of the lake, with the accepted rows,
    or None. `find` is for the thread that judges, and the one that may read the journal; the others are for any.
    """

    def __init__(self, journal: Records | None, lake: str | None) -> None:
        self._journal, self._lake = journal, lake
        self._lock = Lock()
        self._placed: dict[str, Placed] = {}
        self._unwritten: dict[int, tuple[str, RowsJudged, Places]] = {}

    def expect(self, token: int, source: str, judged: RowsJudged, rows: Places) -> None:
        """The good rows `rows` of `judged` are about to be written; `token` names them until they are."""
        if judged.prints is not None and len(rows):
            with self._lock:
                self._unwritten[token] = source, judged, rows

    def written(self, token: int, record: int, place: int = 0) -> None:
        """They were written, from row `place` of the record on that begins at position `record`."""
        with self._lock:
            found = self._unwritten.pop(token, None)
            if found is not None:
                source, judged, rows = found
                assert judged.prints is not None
                self._at(source).add(judged.prints.keys[rows], record, np.arange(place, place + len(rows)))

    def failed(self, token: int) -> None:
        """They were not."""
        with self._lock:
            self._unwritten.pop(token, None)

    def replayed(self, source: str, keys: Hashes, first: int, places: Places) -> None:
        """Rows of the record that begins at `first`, at `places` in it, found in the journal at start."""
        with self._lock:
            self._at(source).add(keys, first, places)

    def prune(self, below: Mapping[str, int]) -> None:
        """The journal dropped a source's records whose last position is at most its number in `below`."""
        with self._lock:
            for source, position in below.items():
                self._at(source).prune(position)

    def find(self, judge: RowJudge, keys: Hashes, identities: Sequence[Content]) -> list[Content | None]:
        """The newest content stored under each of n identities of the source of `judge`; None where there is none."""
        found: list[Content | None] = [
            self._about_to_be(judge.name, key, identities[row]) for row, key in enumerate(keys)
        ]
        self._in_journal(judge, keys, identities, found)
        left = [row for row, content in enumerate(found) if content is None]
        if left and self._lake is not None:
            stored = judge.careful.stored(self._lake, [identities[row] for row in left])
            for row, content in zip(left, stored, strict=True):
                found[row] = content
        return found

    def _about_to_be(self, source: str, key: np.uint64, identity: Content) -> Content | None:
        with self._lock:
            groups = [group for group in self._unwritten.values() if group[0] == source]
        for _, judged, rows in reversed(groups):
            assert judged.prints is not None
            for row in rows[judged.prints.keys[rows] == key][::-1].tolist():
                if judged.identity(row) == identity:
                    return judged.content(int(row))
        return None

    def _in_journal(
        self, judge: RowJudge, keys: Hashes, identities: Sequence[Content], found: list[Content | None]
    ) -> None:
        """Fill in what the journal holds."""
        asked = [row for row, content in enumerate(found) if content is None]
        if self._journal is None or not asked:
            return
        with self._lock:
            places = self._at(judge.name).find(keys[asked])
        records: dict[int, list[bytes]] = {}
        hits = [(row, place) for row, place in zip(asked, places, strict=True) if place is not None]
        lines: list[tuple[int, bytes]] = []
        for row, (first, at) in hits:
            if first not in records:
                records[first] = self._rows_of(first)
            if records[first]:
                lines.append((row, records[first][at]))
        if not lines:
            return
        judged = judge.judge([line for _, line in lines], NEVER)
        for at, place in enumerate(judged.good.tolist()):
            row = lines[place][0]
            if judged.identity(at) == identities[row]:
                found[row] = judged.content(at)

    def _rows_of(self, first: int) -> list[bytes]:
        """The rows of the record that begins at `first`; none where it has been dropped, so that the lake has them."""
        assert self._journal is not None
        record = next(self._journal.after(first - 1, _EVENTS, 1), None)
        return record.rows() if record is not None and record.first == first else []

    def _at(self, source: str) -> Placed:
        return self._placed.setdefault(source, Placed())
