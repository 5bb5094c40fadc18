"""What the journal holds: records, each a group of rows of one source that was written at once.

Positions number rows from 1 over all kinds and sources; a record has those from `first` to `last`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["events", "refused", "decisions"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""events: accepted rows. refused: rows for quarantine, with their reasons. decisions: the decision log, source ''.
The place of a kind in this tuple is what is stored: only ever add at the end."""


PIECE = 5_000
"""Bytes that are summed at once. With more, Python lets other threads go on meanwhile, and the thread that writes would
wait for its turn after each sum: for as long as an answer takes to be made, which is hundreds of times as long."""


@dataclass(slots=True)  # one is made for each decision, and a frozen one takes three times as long
class Entry:
    """Rows to be written as one group.

    body: `count` lines of JSON, without a newline at the end. not_before: an instant (microseconds) that the journal's
    time must have reached, e.g. the largest T of decisions.

    >>> Entry("events", "orders", 2, b'{"id": 1}\\n{"id": 2}').count
    2
    """

    kind: Kind
    source: str
    count: int
    body: bytes
    not_before: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """Rows as they are stored.

    at: when they were written. known: κ, from when answers saw them; None while that is not written yet. Both in
    microseconds. Refused rows and decisions, which no feature reads, are known when they are written.

    >>> Record(7, 2, 100, None, "events", "orders", b"{}\\n{}").last
    8
    """

    first: int
    count: int
    at: int
    known: int | None
    kind: Kind
    source: str
    body: bytes

    @property
    def last(self) -> int:
        """The position of the last row."""
        return self.first + self.count - 1

    def rows(self) -> list[bytes]:
        """The JSON of each row, `count` of them."""
        return self.body.split(b"\n")


def checksum(first: int, count: int, at: int, kind: int, source: str, body: bytes) -> int:
    """CRC-32 over everything in a record that never changes."""
    found, whole = zlib.crc32(f"{first} {count} {at} {kind} {source}".encode()), memoryview(body)
    for start in range(0, len(body), PIECE):
        found = zlib.crc32(whole[start : start + PIECE], found)
    return found
