"""What comes in while a server answers, on its way to the journal: rows, what is logged of answers, rows of others."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.data.id_hash import Hashes
from poise.data.journal import Entry
from poise.data.journal_writer import Written
from poise.data.reception import Delivery, Judged, Reception
from poise.serving.answer import Answer
from poise.serving.online import Group
from poise.serving.told import Told
from poise.table import History


@dataclass(eq=False, slots=True)
class Rows:
    """A delivery of rows on its way, and who waits for it."""

    delivery: Delivery
    reception: Reception
    told: asyncio.Future[Answer]
    judged: Judged | None = None


@dataclass(eq=False, slots=True)
class Kept:
    """What is logged of an answer, as of T, and who waits for that to be on disk; None: nobody."""

    body: bytes
    instant: int
    told: Told | None


@dataclass(frozen=True, slots=True)
class Taken:
    """That rows of others were taken up. position: the journal's last row that was judged without them. seen: the
    instant (microseconds) from which answers see them."""

    position: int
    seen: int


@dataclass(eq=False, slots=True)
class Arrived:
    """Rows that somebody else wrote to the lake, whose last `_seq` is `upto`, and who waits for them to be visible."""

    rows: History
    prints: Hashes | None
    upto: int | None
    told: Future[Taken]
    position: int = 0
    fresh: NDArray[np.bool_] | None = None
    """Which of the rows did not come in here as well."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A look whether the disk takes writes again, for which nobody waits."""

    told: None = None


Item = Rows | Kept | Arrived | Trial


def answer_of(judged: Judged) -> bytes:
    """What callers are told. Where all is well, which is nearly always, no object is made for each row."""
    count, delivery = len(judged.fates), judged.delivery
    if len(judged.rows) < count or delivery.undeclared:
        return msgspec.json.encode(judged.to_dict())
    rows = b",".join([b'{"fate":"accepted"}'] * count)
    return b'{"source":"%b","counts":{"accepted":%d},"rows":[%b]}' % (delivery.source.encode(), count, rows)


def entries_of(item: Item) -> list[Entry]:
    """What is written of an item that was judged."""
    if isinstance(item, Kept):
        return [Entry("decisions", "", 1, item.body, not_before=item.instant)]
    if isinstance(item, Arrived | Trial):
        return []
    assert item.judged is not None
    return item.judged.entries


def groups_of(written: Written[Item]) -> list[Group]:
    """The accepted rows of a group, one for each source and reception, and where their records begin."""
    found: dict[int, Group] = {}
    if not written.events:
        return []
    for item, firsts in zip(written.items, written.firsts, strict=True):
        if isinstance(item, Rows) and item.judged is not None and len(item.judged.rows):
            group = item.judged.group
            position = written.events[bisect_right(written.events, firsts[0]) - 1]
            found.setdefault(id(group), (item.reception.sources[group.source], group, position))
    return list(found.values())


def unwaited(items: Sequence[Item]) -> int:
    """How many answers of a group nobody waits for."""
    return sum(isinstance(item, Kept) and item.told is None for item in items)
