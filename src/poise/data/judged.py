"""What became of the rows of a delivery, and what is to be written of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.data.delivery import Delivery
from poise.data.id_hash import Hashes
from poise.data.journal_record import Entry
from poise.data.recognition import Known, contradiction
from poise.data.row_judge import Places, Reasons, RowJudge, RowsJudged
from poise.spec.source import Source
from poise.table import MISSING_TIME, Table

Fate = Literal["accepted", "duplicate", "conflict", "quarantined", "other", "forgotten"]
"""`conflict` is in quarantine as well; `other` is not of this source, by its `where`; `forgotten` is of a person who
was forgotten, and left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Accepted:
    """All rows of one source that were accepted together, from m deliveries in their order.

    table: declared and derived columns, n rows. time: τ in microseconds, shape (n,): of a table `now`, of rows without
    time missing. known: the declared `known:` column, shape (n,), or None. fresh: hashes that were new.
    """

    source: str
    table: Table
    time: NDArray[np.int64]
    known: NDArray[np.int64] | None
    fresh: Hashes


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One delivery, judged.

    fates: of each of its n rows. refused: why, for rows that are quarantined or in conflict. rows: the places of those
    accepted, shape (m,), which are rows `start` to `start + m` of `group`. entries: what to write, accepted rows first.
    """

    delivery: Delivery
    fates: Sequence[Fate]
    refused: dict[int, Reasons]
    rows: Places
    group: Accepted
    start: int
    entries: list[Entry]
    token: int
    good: Places

    @property
    def table(self) -> Table:
        """Declared and derived columns of the accepted rows."""
        return self.group.table.take(self._span)

    @property
    def time(self) -> NDArray[np.int64]:
        """τ of the accepted rows, as in `Accepted`."""
        return self.group.time[self._span]

    @property
    def known(self) -> NDArray[np.int64] | None:
        """The declared known times of the accepted rows, or None."""
        return None if self.group.known is None else self.group.known[self._span]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for an answer: the fate of each row in order, with its reasons where it was refused."""
        rows: list[dict[str, Any]] = [{"fate": fate} for fate in self.fates]
        for place, (codes, why) in self.refused.items():
            rows[place]["reasons"] = [{"code": code, "why": text} for code, text in zip(codes, why, strict=True)]
        counts = {fate: self.fates.count(fate) for fate in dict.fromkeys(self.fates)}
        found: dict[str, Any] = {"source": self.delivery.source, "counts": counts, "rows": rows}
        return {**found, "undeclared": list(self.delivery.undeclared)} if self.delivery.undeclared else found

    @property
    def _span(self) -> Places:
        return np.arange(self.start, self.start + len(self.rows))


def concluded(
    judge: RowJudge,
    judged: RowsJudged,
    deliveries: Sequence[Delivery],
    starts: Sequence[int],
    fates: Sequence[Known],
    fresh: Hashes,
    tokens: Sequence[int],
    now: int,
) -> list[Judged]:
    """One `Judged` for each delivery of a group; `starts` are the places of their first rows, and the end."""
    accepted = np.array([row for row, fate in enumerate(fates) if fate == "accepted"], np.int64)
    group = _accepted(judge.source, judge.name, judged, accepted, fresh, now)
    bounds = np.searchsorted(judged.good, starts)
    spans = np.searchsorted(accepted, bounds).tolist()
    bounds = bounds.tolist()
    found = []
    for at, delivery in enumerate(deliveries):
        start, good = starts[at], accepted[spans[at] : spans[at + 1]]
        rows = judged.good[good] - start
        told, refused = _told(judge, judged, fates, range(bounds[at], bounds[at + 1]), start, len(delivery.rows))
        entries = _entries(delivery, rows, refused)
        found.append(Judged(delivery, told, refused, rows, group, spans[at], entries, tokens[at], good))
    return found


def _accepted(source: Source, name: str, judged: RowsJudged, accepted: Places, fresh: Hashes, now: int) -> Accepted:
    height = len(accepted)
    table = judged.table if height == len(judged.good) else judged.table.take(accepted)
    if source.kind == "table" or source.time is None:
        time = np.full(height, now if source.kind == "table" else MISSING_TIME, np.int64)
    else:
        time = table[source.time].values
    known = table[source.known].values if source.known is not None and source.time is not None else None
    return Accepted(name, table, time, known, fresh)


def _told(
    judge: RowJudge, judged: RowsJudged, fates: Sequence[Known], good: range, start: int, count: int
) -> tuple[Sequence[Fate], dict[int, Reasons]]:
    """The fates of one delivery's rows, and why those refused are."""
    if len(good) == count and all(fates[row] == "accepted" for row in good):
        return ["accepted"] * count, {}
    told: list[Fate] = ["forgotten" if start + place in judged.forgotten else "other" for place in range(count)]
    refused = {place: judged.refused[start + place] for place in range(count) if start + place in judged.refused}
    for place in refused:
        told[place] = "quarantined"
    for row in good:
        place = int(judged.good[row]) - start
        told[place] = fates[row]
        if fates[row] == "conflict":
            code, why = contradiction(judge, judged, row)
            refused[place] = ((code,), (why,))
    return told, dict(sorted(refused.items()))


def _entries(delivery: Delivery, rows: Places, refused: dict[int, Reasons]) -> list[Entry]:
    entries = []
    if len(rows):
        lines = delivery.rows if len(rows) == len(delivery.rows) else [delivery.rows[row] for row in rows.tolist()]
        entries.append(Entry("events", delivery.source, len(rows), b"\n".join(lines)))
    if refused:
        told = [
            msgspec.json.encode({"row": msgspec.Raw(delivery.rows[row]), "reasons": codes, "why": why})
            for row, (codes, why) in refused.items()
        ]
        entries.append(Entry("refused", delivery.source, len(told), b"\n".join(told)))
    return entries
