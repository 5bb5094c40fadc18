"""Reception: rows that come in one delivery at a time, judged as those of files are, ready for journal and features.

`read` takes a body apart, `judge` says what becomes of each row, `written` and `forget_unwritten` hear whether the
journal has them, `replay` gives back at start what a journal holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.data.delivery import Bounds, Delivery, DeliveryReader
from poise.data.forgotten import Forgotten
from poise.data.id_hash import Hashes
from poise.data.journal_record import Record
from poise.data.judged import Accepted, Judged, concluded
from poise.data.known_ids import KnownIds
from poise.data.recognition import recognised
from poise.data.row_judge import RowJudge, RowsJudged
from poise.data.stored import NEVER, Stored
from poise.errors import NoSuchSource, did_you_mean
from poise.spec.source import Source
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Table

__all__ = ["Accepted", "Bounds", "Delivery", "Judged", "Reception", "Replayed", "times"]

REPLAYED = 10_000
"""Rows that are judged together at start."""


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """Rows of the journal, ready for features: τ and κ in microseconds, shape (n,)."""

    source: str
    table: Table
    time: NDArray[np.int64]
    known: NDArray[np.int64]


class Reception:
    """Receives rows for every source of `system`.

    known: what `KnownIds` there are of rows in the lake; a source without any begins with none. stored: where contents
    are looked up. forgotten: people whose rows are left out. `read` is for any thread; `judge`, `forget_unwritten` and
    `replay` are for one at a time.
    """

    def __init__(
        self,
        system: SystemSpec,
        known: Mapping[str, KnownIds],
        stored: Stored,
        forgotten: Forgotten | None = None,
    ) -> None:
        self._forgotten = forgotten
        self._sources: Mapping[str, Source] = system.sources
        self._judges = {name: RowJudge(system, name) for name in system.sources}
        self._readers = {name: DeliveryReader(judge) for name, judge in self._judges.items()}
        identified = [name for name, one in system.sources.items() if one.identity]
        self._known = {name: known[name] if name in known else KnownIds() for name in identified}
        self._stored = stored
        self._tokens = count()

    @property
    def sources(self) -> Mapping[str, Source]:
        """The sources whose rows it receives."""
        return self._sources

    def follower(self, system: SystemSpec, known: Mapping[str, KnownIds]) -> Reception:
        """One that receives by another system file, and knows every row that this one knows or comes to know.

        known: what there is of sources that this one does not have. From the moment at which it is used, both may
        judge, on one thread.
        """
        made = Reception(system, {**known, **self._known}, self._stored, self._forgotten)
        made._known = {**self._known, **made._known}
        made._tokens = self._tokens
        return made

    def read(self, source: str, body: bytes, bounds: Bounds) -> Delivery:
        """The rows of a body for `source`. Raises `NoSuchSource`, and what `DeliveryReader.read` does."""
        if source not in self._readers:
            hint = did_you_mean(source[:100], self._sources)
            raise NoSuchSource(f"there is no source '{source[:100]}'", hint=hint)
        return self._readers[source].read(body, bounds)

    def judge(self, deliveries: Sequence[Delivery], now: int) -> list[Judged]:
        """What becomes of the rows of n deliveries, in their order; one for each. `now` in microseconds.

        Rows that are accepted here count as known from now on, unless `forget_unwritten` takes that back. Where the
        lake or the journal cannot be read, that is raised, and nothing came.
        """
        groups: dict[str, list[int]] = {}
        for place, delivery in enumerate(deliveries):
            groups.setdefault(delivery.source, []).append(place)
        found: dict[int, Judged] = {}
        for source, places in groups.items():
            try:
                judged = self._group(source, [deliveries[place] for place in places], now)
            except BaseException:  # the other sources' rows are not going to be written either
                self.forget_unwritten(found.values())
                raise
            found.update(zip(places, judged, strict=True))
        return [found[place] for place in range(len(deliveries))]

    def know(self, source: str, prints: Hashes | None) -> NDArray[np.bool_] | None:
        """n rows of `source` with these prints of their identities are in the lake: which were not known before, shape
        (n,); None where their source identifies no row."""
        if prints is None or source not in self._known:
            return None
        return self._known[source].add(prints)

    def unknow(self, source: str, prints: Hashes) -> None:
        """Take back what `know` was told."""
        self._known[source].remove(prints)

    def written(self, judged: Judged, firsts: Sequence[int], record: int | None = None) -> None:
        """The journal has the entries of `judged`, from positions `firsts` on, one for each.

        record: where the record begins that the accepted rows went into, if others stand before them in it.
        """
        if len(judged.rows):
            begins = firsts[0] if record is None else record
            self._stored.written(judged.token, begins, firsts[0] - begins)

    def forget_unwritten(self, judged: Iterable[Judged]) -> None:
        """The journal could not write these, which are all that one call of `judge` gave: nothing came."""
        groups: dict[int, Accepted] = {}
        for one in judged:
            self._stored.failed(one.token)
            groups[id(one.group)] = one.group
        for group in groups.values():
            if group.source in self._known:
                self._known[group.source].remove(group.fresh)

    def replay(self, records: Iterable[Record]) -> Iterator[Replayed]:
        """The accepted rows of records, in groups; they count as known from then on.

        Within a group tables and histories come first, which events may point to. A row that today's rules refuse is
        left out: the drain sets it apart.
        """
        waiting: dict[str, list[Record]] = {}
        rows = 0
        for record in records:
            if record.kind == "events" and record.source in self._judges:
                waiting.setdefault(record.source, []).append(record)
                rows += record.count
            if rows >= REPLAYED:
                yield from self._replayed(waiting)
                waiting, rows = {}, 0
        yield from self._replayed(waiting)

    def _group(self, source: str, deliveries: Sequence[Delivery], now: int) -> list[Judged]:
        judge = self._judges[source]
        rows = [row for delivery in deliveries for row in delivery.rows]
        parsed = [row for delivery in deliveries for row in delivery.parsed]
        starts = [0, *accumulate(len(delivery.rows) for delivery in deliveries)]
        judged = self._unforgotten(judge, judge.judge(rows, now, parsed), rows)
        fates, fresh = recognised(judge, judged, self._known.get(source), self._stored, starts)
        tokens = [next(self._tokens) for _ in deliveries]
        try:
            found = concluded(judge, judged, deliveries, starts, fates, fresh, tokens, now)
        except BaseException:
            if source in self._known:
                self._known[source].remove(fresh)
            raise
        for one in found:
            self._stored.expect(one.token, source, judged, one.good)
        return found

    def _unforgotten(self, judge: RowJudge, judged: RowsJudged, rows: Sequence[bytes]) -> RowsJudged:
        """What was judged, without the rows of people who were forgotten."""
        column, forgotten = judge.source.person, self._forgotten
        if not forgotten or column is None:
            return judged
        whose = judged.table[column].to_list() if len(judged.good) else []
        known = forgotten.among(judge.name, {*whose})
        refused = [place for place in judged.refused if self._came_from(judge, rows[place], column)]
        good = np.array([one in known for one in whose], np.bool_)
        return judged.without(good, refused) if refused or good.any() else judged

    def _came_from(self, judge: RowJudge, row: bytes, column: str) -> bool:
        """Whether a refused row names a person who was forgotten."""
        assert self._forgotten is not None
        try:
            whose = msgspec.json.decode(row).get(judge.source.in_file.get(column, column))
        except (msgspec.DecodeError, AttributeError):  # it is no object
            return False
        return isinstance(whose, str | int | float) and bool(self._forgotten.among(judge.name, [whose]))

    def _replayed(self, waiting: Mapping[str, Sequence[Record]]) -> Iterator[Replayed]:
        for source in sorted(waiting, key=lambda name: self._sources[name].kind == "log"):
            spec, records = self._sources[source], waiting[source]
            rows = [row for record in records for row in record.rows()]
            judged = self._judges[source].judge(rows, NEVER)
            counts = [record.count for record in records]
            known = np.repeat(np.array([record.known or record.at for record in records], np.int64), counts)[
                judged.good
            ]
            fresh = np.ones(len(judged.good), np.bool_)
            if judged.prints is not None:
                fresh = self._known[source].add(judged.prints.prints)
                of = np.repeat(np.arange(len(records)), counts)[judged.good]
                starts = np.cumsum([0, *counts])
                for at, record in enumerate(records):
                    mine = of == at
                    self._stored.replayed(
                        source, judged.prints.keys[mine], record.first, judged.good[mine] - starts[at]
                    )
            # A row that a file brought as well is in the snapshot already.
            seen = fresh if spec.kind != "table" else np.ones(len(fresh), np.bool_)
            if seen.any():
                table, known = judged.table.take(seen), known[seen]
                time, known = times(spec, table, known)
                yield Replayed(source, table, time, known)


@dataclass(frozen=True, slots=True)
class _Room:
    """Bounds of a body of one row."""

    body: int = 1_000
    rows: int = 1


def rehearse() -> None:
    """Receive a made-up row of a made-up source, so that the first real one meets compiled code."""
    columns = {"id": "string", "at": "time", "x": "float"}
    source = {"path": "rows.jsonl", "id": "id", "time": "at", "columns": columns}
    objective = {"type": "regression", "per": "rows", "label": {}}
    content = {"format": 1, "system": "rehearsal", "purpose": "to be quick", "sources": {"rows": source}}
    system = SystemSpec.model_validate({**content, "objectives": {"x": objective}})
    reception = Reception(system, {}, Stored(None, None))
    delivery = reception.read("rows", b'[{"id": "a", "at": "1970-01-01T00:00:00Z", "x": 1.5}]', _Room())
    reception.forget_unwritten(reception.judge([delivery], NEVER))


def times(source: Source, rows: Table, known: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """τ and κ of rows that a server came to know at `known`, shape (n,); a table's rows are of that time."""
    if source.kind == "table":
        return known, known
    if source.time is None:
        nothing = np.full(len(known), MISSING_TIME, np.int64)
        return nothing, nothing
    time = rows[source.time].values
    declared = time if source.known is None else rows[source.known].values
    return time, np.maximum(known, np.maximum(time, declared))
