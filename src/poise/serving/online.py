"""The online state of a server: one order of instants, and a store for each set of features that is answered from.

What comes in is shown to every store once, with one κ. A store that is being made is shown afterwards what came in
meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from poise.clock import Clock, ReplayClock
from poise.data.id_hash import Hashes
from poise.data.known_ids import KnownIds
from poise.data.reception import Accepted, Replayed, times
from poise.errors import StateError
from poise.releases.declared import columns_of
from poise.serving.instant import Instants
from poise.serving.loaded import Loaded
from poise.spec.source import ColumnType, Source
from poise.spec.source_types import column_types
from poise.stores.base import OnlineStore
from poise.table import MISSING_TIME, Column, History

MOST_KEPT = 1_000_000
"""Rows that are kept for a store that is being made, at most: with more it is given up."""
Group = tuple[Source, Accepted, int]
"""Accepted rows, the source as it was when they were judged, and where their record in the journal begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Rows that were shown to the stores. position: where their record in the journal begins, and `fresh` hashes of
    their identities; or upto: the last `_seq` of rows that others wrote to the lake."""

    rows: History
    position: int | None = None
    fresh: Hashes | None = None
    upto: int | None = None


class Coming:
    """What comes in while a store is being made."""

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []
        self._rows = 0

    def keep(self, chunk: Chunk) -> None:
        """Called on the thread that answers, for all that it shows to the stores."""
        self._rows += chunk.rows.height
        if self._rows <= MOST_KEPT:
            self._chunks.append(chunk)

    def take(self) -> list[Chunk]:
        """What was kept since the last call. Raises `StateError` where that became too much."""
        if self._rows > MOST_KEPT:
            raise StateError(f"more than {MOST_KEPT:,} rows came in while the online state was being made")
        taken, self._chunks = self._chunks, []
        self._rows -= sum(chunk.rows.height for chunk in taken)
        return taken


@dataclass(frozen=True, eq=False)
class Kept:
    """A store, and the release that it was made for; others with the same features answer from it too.

    positions: per source up to where the journal was in it when it was made. seqs: per source the last row of the lake
    that was.
    """

    loaded: Loaded
    store: OnlineStore
    positions: Mapping[str, int] = field(default_factory=dict)
    seqs: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def columns(self) -> Mapping[str, set[str]]:
        """Source -> the columns of it that the store is shown."""
        return columns_of(self.loaded.declarations)

    def show(self, rows: History) -> None:
        """Let it observe some rows. A column that came in before its system file named it is missing there."""
        names = self.columns.get(rows.source, set()) - rows.rows.keys()
        if names:
            types = column_types(self.loaded.system.sources[rows.source], self.loaded.system)
            missing = {name: _missing(types[name], rows.height) for name in sorted(names)}
            rows = History(rows.source, rows.kind, rows.time, rows.known, rows.rows.with_columns(missing), rows.first)
        self.store.observe(rows)

    def resume(self, rows: Replayed) -> None:
        """Let it observe rows that were made visible before, with the κ that they got then."""
        kind = self.loaded.system.sources[rows.source].kind
        self.show(History(rows.source, kind, rows.time, rows.known, rows.table))

    def show_late(self, chunks: Iterable[Chunk], ids: Mapping[str, KnownIds]) -> None:
        """Let it observe what of `chunks` it does not hold yet. ids: of the rows that it held when it was made."""
        for chunk in chunks:
            rows = chunk.rows
            if chunk.position is not None and chunk.position <= self.positions.get(rows.source, 0):
                continue
            if chunk.upto is not None and chunk.upto <= self.seqs.get(rows.source, -1):
                continue
            self.show(_without(rows, chunk.fresh, ids.get(rows.source)))


def _without(rows: History, fresh: Hashes | None, ids: KnownIds | None) -> History:
    """Rows of a log or history that a file brought to the lake as well are in the store already."""
    if fresh is None or ids is None or rows.kind == "table" or len(fresh) != rows.height:
        return rows
    new = ~ids.contains(fresh)
    if new.all():
        return rows
    first = None if rows.first is None else rows.first[new]
    return History(rows.source, rows.kind, rows.time[new], rows.known[new], rows.rows.take(np.flatnonzero(new)), first)


def _missing(kind: ColumnType, height: int) -> Column:
    if kind == "time":
        return Column.times(np.full(height, MISSING_TIME, np.int64))
    if kind in ("string", "category", "text"):
        return Column.strings([None] * height)
    return Column.numbers(np.full(height, np.nan))


class Online:
    """The stores of a server, by the fingerprint of what they keep. For the thread that answers.

    >>> Online(ReplayClock(5)).observe([])
    5
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.instants = Instants(clock)
        self._kept: Mapping[str, Kept] = MappingProxyType({})
        self._coming: list[Coming] = []

    @property
    def stores(self) -> Mapping[str, Kept]:
        """Fingerprint -> store. The mapping is never changed but replaced: any thread may look."""
        return self._kept

    def attach(self, fingerprint: str, kept: Kept) -> None:
        """Show this store all that comes in from now on."""
        self._kept = MappingProxyType({**self._kept, fingerprint: kept})

    def detach(self, fingerprint: str) -> None:
        """Show it nothing any more; nobody answers from it."""
        self._kept = MappingProxyType({name: one for name, one in self._kept.items() if name != fingerprint})

    def begin(self) -> Coming:
        """Keep from now on what comes in, for a store that is being made; until `end`."""
        coming = Coming()
        self._coming.append(coming)
        return coming

    def end(self, coming: Coming) -> None:
        """Keep nothing for it any more."""
        self._coming.remove(coming)

    def observe(self, groups: Sequence[Group]) -> int:
        """Make rows that came in visible to every answer from now on; the instant at which that happened, which is
        later than every T answered before: with τ and a declared `known:` it makes κ."""
        # A table's rows have no τ of their own: their stamp is no instant of a clock that replays old data.
        timed = [group.time for source, group, _ in groups if source.kind != "table"]
        known = self._arrive(max((int(time.max(initial=MISSING_TIME)) for time in timed), default=MISSING_TIME))
        what_events_point_to_first = sorted(groups, key=lambda one: one[0].kind == "log")
        for source, group, position in what_events_point_to_first:
            time, seen = times(source, group.table, np.full(group.table.height, known, np.int64))
            rows = History(group.source, source.kind, time, seen, group.table)
            self._show(Chunk(rows, position=position, fresh=group.fresh))
        return known

    def take_up(self, rows: History, upto: int | None = None) -> int:
        """Rows that somebody else wrote to the lake, with their κ, which is of the wall clock: answers from now on see
        them, on a `replay` clock of older data those that hold for all earlier T. upto: the `_seq` of the last.

        The instant from which they are seen, as `observe` gives it: their κ is earlier, by as long as nobody told.
        """
        seen = self._arrive(MISSING_TIME if rows.kind == "table" else int(rows.time.max(initial=MISSING_TIME)))
        self._show(Chunk(rows, upto=upto))
        if not isinstance(self.clock, ReplayClock):  # rows that are ahead of it wait for their time
            self.instants.resume(min(int(rows.known.max(initial=MISSING_TIME)), self.clock.now()))
        return seen

    def resume_at(self, instant: int) -> None:
        """Answer for later instants than this, up to which rows were made visible before this process began."""
        self.instants.resume(instant)
        if isinstance(self.clock, ReplayClock):
            self.clock.move(instant)

    def _arrive(self, latest: int) -> int:
        """κ of rows that are made visible now. The stores are brought there, so that rows which came before do not pile
        up where nobody asks."""
        known = self.instants.arrive(latest)
        for kept in self._kept.values():
            if kept.loaded.timed:
                kept.store.advance(known)
        return known

    def _show(self, chunk: Chunk) -> None:
        for kept in self._kept.values():
            if not _has(kept, chunk):
                kept.show(chunk.rows)
        for coming in self._coming:
            coming.keep(chunk)


def _has(kept: Kept, chunk: Chunk) -> bool:
    """Whether a store was made of a lake that had these rows already."""
    return chunk.upto is not None and chunk.upto <= kept.seqs.get(chunk.rows.source, -1)
