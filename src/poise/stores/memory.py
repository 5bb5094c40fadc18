"""Online state in the memory of one process: arrays of tiles, newest rows and waiting rows, with snapshots."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY, to_text
from poise.errors import StateError
from poise.features.asof import visible_from
from poise.stores import snapshot
from poise.stores.base import Declaration, JoinedKey, OnlineStore, RowDeclaration, WindowDeclaration
from poise.stores.codes import Codes, encoded, part_of, stacked
from poise.stores.key_slots import Slots
from poise.stores.keyed_rows import KeyedRows, KeyedVersions
from poise.stores.keyed_windows import KeyedWindows
from poise.stores.pending import END, Pending, Rows
from poise.stores.request_keys import asked, found, found_alone
from poise.stores.versions import NEVER
from poise.stores.words import Words
from poise.table import MISSING_TIME, Column, History, Kind, Same

LATEST_JOIN = DAY
"""How long after its κ an event may come in and still find the joined key of then."""


class MemoryStore(OnlineStore):
    """Online state in arrays; for one thread at a time.

    A row costs what its tiles cost: an entry of 8 bytes and 16 per sum, 8 per least or greatest value, for each key and
    tile that had any; a key costs about 60 bytes and its words once. Tiles older than the longest window are dropped
    when room runs out. Keys are not forgotten, since a key without recent events is known and counts 0.

    >>> from poise.stores.base import WindowDeclaration
    >>> from poise.table import Table
    >>> store = MemoryStore()
    >>> week = WindowDeclaration("orders", ("user",), 3_600_000_000, (7 * DAY,), (("count", None),))
    >>> store.declare([week])
    >>> at = np.array([DAY, 3 * DAY])
    >>> store.observe(History("orders", "log", at, at, Table({"user": Column.strings(["u1", "u1"])})))
    >>> store.advance(2 * DAY)
    >>> store.read(week, [Column.strings(["u1", "u2"])], np.full(2, 2 * DAY))["count", None, 7 * DAY].to_list()
    [1.0, None]
    """

    def __init__(self, changes: int = 0) -> None:
        self._words = Words()
        self._declared: dict[Declaration, KeyedRows | KeyedWindows] = {}
        self._windows: dict[tuple[str, tuple[str | JoinedKey, ...]], KeyedWindows] = {}
        self._rows: dict[tuple[str, tuple[str, ...]], KeyedRows] = {}
        self._joined: dict[tuple[str, tuple[str, ...], str], KeyedVersions] = {}
        self._pending: dict[str, Pending] = {}
        self._kinds: dict[str, dict[str, Kind | None]] = {}
        """Per source the columns that are read, and their kinds once a row has come."""
        self._newest: dict[str, int] = {}
        """Per source when the latest visible row became so: requests come later than that."""
        self._now = NEVER + 1
        self._due = NEVER
        """Up to when nothing more becomes visible."""
        self._arrived = 0
        self._changes = changes
        self._timely: dict[str, NDArray[np.int64]] = {}
        """Per source the instants that were found to be answerable last, until something changes."""
        self._span = (np.empty(0, np.int64), 0, 0)
        """The instants that were asked for last, their earliest and their latest."""
        self._last: dict[KeyedWindows, tuple[tuple[Column, ...], Slots]] = {}
        """Per kind of window the keys that were looked up last and where they stand, until something changes."""

    def declare(self, declarations: Iterable[Declaration]) -> None:
        """Make room for these. Raises `StateError` for new ones once rows have come."""
        for declaration in declarations:
            if declaration in self._declared:
                continue
            if self._arrived:
                raise StateError(
                    f"the online store has taken in rows already and cannot keep '{declaration.source}' in a new way",
                    hint="declare everything first, or fill a new store",
                )
            if isinstance(declaration, RowDeclaration):
                self._need(declaration.source, (*declaration.key, *declaration.columns))
                rows = KeyedRows(declaration.key, self._changes)
                rows = self._rows.setdefault((declaration.source, declaration.key), rows)
                rows.declare(declaration)
                self._declared[declaration] = rows
            else:
                self._need(declaration.source, [column for _, column in declaration.take if column])
                for part in declaration.by:
                    self._need_part(declaration.source, part)
                windows = KeyedWindows(declaration.by, self._changes)
                windows = self._windows.setdefault((declaration.source, declaration.by), windows)
                windows.declare(declaration)
                self._declared[declaration] = windows

    def observe(self, chunk: History) -> None:
        """Take in rows of one source; those that are visible already count at once.

        Raises `StateError`, and takes nothing in, where a column is absent or of another kind than before, or where an
        event's joined key can no longer be told.
        """
        kinds = self._kinds.get(chunk.source)
        if kinds is None:
            return
        self._check(chunk, kinds)
        columns: dict[str, NDArray[Any]] = {}
        if None in kinds.values():  # what was missing of a kind that was not known will be so of that kind
            self._changes += 1
            for declaration, kept in self._declared.items():
                if declaration.source == chunk.source:
                    kept.changes.forget(self._changes)
        for name in kinds:
            column = chunk.rows[name]
            kinds[name] = column.kind
            columns[name] = self._words.learn(column) if column.kind == "string" else column.values
        arrival = np.arange(self._arrived, self._arrived + chunk.height)
        self._arrived += chunk.height
        self._timely.clear()
        self._last.clear()
        self._pending[chunk.source].add(Rows(visible_from(chunk), chunk.time, chunk.known, arrival, columns))
        self._apply()

    def advance(self, now: int) -> None:
        """Make visible all rows with τ < now and κ < now."""
        if now < self._now:
            for source in self._newest:
                self._refuse_past(source, now)
        elif now <= self._due:
            self._now = now
            return
        self._now = now
        self._apply()

    def read(self, declaration: Declaration, keys: Sequence[Column], time: NDArray[np.int64]) -> Mapping[Any, Column]:
        """Values for n keys."""
        kept = self._declared.get(declaration)
        if kept is None:
            raise StateError(f"the online store was not told to keep this of '{declaration.source}'")
        untimed = self._check_time(declaration.source, time)
        source, kinds = declaration.source, self._kinds[declaration.source]
        if isinstance(kept, KeyedRows):
            assert isinstance(declaration, RowDeclaration)
            if untimed is None:
                slots = found(kept.slots, self._words, self._kinds, (source, declaration.key), keys, len(time))
                return kept.read(declaration.columns, slots, self._words, kinds)
            codes, also = (
                asked(self._words, self._kinds, (source, declaration.key), keys, len(time)),
                self._waiting(source, declaration),
            )
            return kept.read_with(declaration.columns, codes, self._words, kinds, also)
        assert isinstance(declaration, WindowDeclaration)
        slots = self._slots(source, kept, keys, len(time))
        if untimed is not None:
            slots = np.where(untimed, np.int32(-1), slots)
        return kept.read(declaration, slots, time, self._words, kinds)

    def row(self, declaration: RowDeclaration, key: Sequence[Any], instant: int) -> Sequence[Any]:
        """The values of one key. At the instant that the store was advanced to nothing need be looked at twice: what is
        visible is before it, and what waits is not."""
        kept, source = self._declared.get(declaration), declaration.source
        if not isinstance(kept, KeyedRows):
            return super().row(declaration, key, instant)
        if instant != self._now and (instant != MISSING_TIME or len(self._pending[source])):
            return super().row(declaration, key, instant)
        words, slot = self._words, None
        if len(key) == 1:
            slot = found_alone(kept.slots, words, self._kinds[source][declaration.key[0]], key[0])
        if slot is None:
            columns = [Same.holding(value) for value in key]
            slot = found(kept.slots, words, self._kinds, (source, declaration.key), columns, 1).item(0)
        return kept.row(declaration.columns, slot, words)

    def changes(self) -> int:
        """How often rows became visible."""
        return self._changes

    def places(self, declaration: Declaration, keys: Sequence[Column]) -> NDArray[np.int32]:
        """The slot of each of n keys."""
        kept = self._declared[declaration]
        by = declaration.key if isinstance(declaration, RowDeclaration) else declaration.by
        height = len(keys[0]) if keys else 1
        return found(kept.slots, self._words, self._kinds, (declaration.source, by), keys, height)

    def changed(self, declaration: Declaration, since: int) -> NDArray[np.int32] | None:
        """The slots of rows that became visible."""
        return self._declared[declaration].changes.since(since)

    def save(self, folder: Path, notes: Mapping[str, str | int] | None = None) -> None:
        """Write a snapshot."""
        arrays = {f"words.{name}": array for name, array in self._words.arrays().items()}
        for name, kept in self._parts():
            arrays |= {f"{name}.{key}": array for key, array in kept.arrays().items()}
        content = {
            "declarations": [_described(declaration) for declaration in self._declared],
            "kinds": self._kinds,
            "newest": self._newest,
            "now": self._now,
            "arrived": self._arrived,
            "notes": dict(notes or {}),
        }
        snapshot.write(folder, content, arrays)

    def load(self, folder: Path) -> dict[str, str | int]:
        """Read a snapshot."""
        content, arrays = snapshot.read(folder)
        mine = {_described(declaration): declaration for declaration in self._declared}
        if set(mine) != set(content["declarations"]):
            raise StateError(
                "the snapshot was written for other features",
                where=str(folder),
                hint="remove it; the state is then filled from the lake again",
            )
        fresh = MemoryStore(self._changes + 1)  # whatever was read of this one holds no more
        fresh.declare(mine[text] for text in content["declarations"])
        fresh._words.restore(part_of("words", arrays))
        for name, kept in fresh._parts():
            kept.restore(part_of(name, arrays))
        fresh._kinds, fresh._newest = content["kinds"], content["newest"]
        fresh._now, fresh._arrived = content["now"], content["arrived"]
        self.__dict__ = fresh.__dict__
        notes: dict[str, str | int] = content["notes"]
        return notes

    def _parts(self) -> Iterator[tuple[str, KeyedWindows | KeyedRows | KeyedVersions | Pending]]:
        """Everything that holds arrays, under names that depend on the declarations only."""
        for number, windows in enumerate(self._windows.values()):
            yield f"windows{number}", windows
        for number, rows in enumerate(self._rows.values()):
            yield f"rows{number}", rows
        for number, joined in enumerate(self._joined.values()):
            yield f"joined{number}", joined
        for source, pending in self._pending.items():
            yield f"pending-{source}", pending

    def _need(self, source: str, columns: Iterable[str]) -> None:
        """Keep these columns of a source's rows while they wait."""
        self._pending.setdefault(source, Pending())
        self._newest.setdefault(source, NEVER)
        kinds = self._kinds.setdefault(source, {})
        for name in columns:
            kinds.setdefault(name, None)

    def _need_part(self, source: str, part: str | JoinedKey) -> None:
        """Keep what one part of a window's key needs."""
        if isinstance(part, str):
            self._need(source, [part])
            return
        self._need(source, part.by)
        self._need(part.source, (*part.key, part.column))
        self._joined.setdefault((part.source, part.key, part.column), KeyedVersions(part.key, part.column))

    def _check(self, chunk: History, kinds: Mapping[str, Kind | None]) -> None:
        """Refuse a chunk that cannot be taken in."""
        for name, kind in kinds.items():
            column = chunk.rows.get(name)
            if column is None:
                raise StateError(f"rows of '{chunk.source}' came without their column '{name}'")
            if kind is not None and column.kind != kind:
                raise StateError(f"'{name}' of '{chunk.source}' was a {kind} and came as a {column.kind}")
        for source, by in self._windows:
            for part in by:
                if source != chunk.source or isinstance(part, str) or not chunk.height:
                    continue
                horizon = self._joined[part.source, part.key, part.column].versions.horizon
                if int(chunk.known.min()) < horizon:
                    raise StateError(
                        f"a row of '{source}' known at {_text(int(chunk.known.min()))} came too late to tell which "
                        f"{part.source}.{part.column} it had then: the store tells that back to {_text(horizon)}",
                        hint="fill a new store from the lake",
                    )

    def _apply(self) -> None:
        """Take in all rows that are visible now: rows that others point to first."""
        taken = {
            source: rows
            for source, pending in self._pending.items()
            if pending.earliest() < self._now and (rows := pending.pop(self._now)) is not None
        }
        self._due = min((pending.earliest() for pending in self._pending.values()), default=END)
        if not taken:
            return
        self._changes += 1
        self._timely.clear()
        self._last.clear()
        for source, rows in taken.items():
            self._newest[source] = max(self._newest[source], int(rows.visible.max()))
            for (of, key), kept in self._rows.items():
                if of == source:
                    kept.add(self._codes(source, key, rows), rows, self._changes)
            for (of, key, _), joined in self._joined.items():
                if of == source:
                    if joined.versions.is_full(len(rows)):
                        joined.versions.prune(self._horizon(taken))
                    joined.add(self._codes(source, key, rows), rows)
        for source, rows in taken.items():
            for (of, by), windows in self._windows.items():
                if of == source:
                    codes = self._codes(source, by, rows)
                    windows.add(codes, rows, self._words, self._newest[source], self._changes)

    def _horizon(self, taken: Mapping[str, Rows]) -> int:
        """Before when no event's joined key will be asked for."""
        pointing = {source for source, by in self._windows if any(isinstance(part, JoinedKey) for part in by)}
        waiting = [self._pending[source].earliest_known() for source in pointing]
        just = [int(rows.known.min()) for source, rows in taken.items() if source in pointing]
        # Before the first advance nothing is as early as a day before now.
        return max(NEVER, min([self._now - LATEST_JOIN, *waiting, *just]))

    def _codes(self, source: str, by: Sequence[str | JoinedKey], rows: Rows) -> Codes:
        """The keys of rows; joined parts as of each row's κ."""
        parts = []
        for part in by:
            if isinstance(part, str):
                parts.append(encoded(rows.columns[part]))
            else:
                joined = self._joined[part.source, part.key, part.column]
                parts.append(joined.as_of(self._codes(source, part.by, rows), rows.known))
        return stacked(parts, len(rows))

    def _slots(self, source: str, kept: KeyedWindows, keys: Sequence[Column], height: int) -> Slots:
        """Where the windows of requests' keys stand. Several sizes of tiles are mostly read for the same keys."""
        last = self._last.get(kept)
        if last is not None and len(last[1]) == height and all(map(operator.is_, last[0], keys)):
            return last[1]
        slots = found(kept.slots, self._words, self._kinds, (source, kept.by), keys, height)
        self._last[kept] = tuple(keys), slots
        return slots

    def _waiting(self, source: str, declaration: RowDeclaration) -> KeyedRows | None:
        """The newest of the rows that wait: without time, they count already."""
        if not len(self._pending[source]):
            return None
        kept = KeyedRows(declaration.key)
        kept.declare(declaration)
        rows = self._pending[source].all()
        kept.add(self._codes(source, declaration.key, rows), rows, 0)
        return kept

    def _check_time(self, source: str, time: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Refuse instants that cannot be answered. Where requests have no time; None if all have one.

        All windows of a request are read for the same instants, which need be looked at but once.
        """
        if not len(time) or self._timely.get(source) is time:
            return None
        if self._span[0] is not time:
            alone = len(time) == 1  # one request has one instant, which is not worth two reductions
            self._span = time, int(time[0] if alone else time.min()), int(time[0] if alone else time.max())
        (_, earliest, latest), untimed = self._span, None
        if earliest == MISSING_TIME:
            untimed = time == MISSING_TIME
            earliest = int(time.min(where=~untimed, initial=END))
        self._refuse_past(source, earliest)
        if latest > self._pending[source].earliest():
            raise StateError(f"rows of '{source}' wait before {_text(latest)}", hint="advance the store first")
        if untimed is None:
            self._timely[source] = time
        return untimed

    def _refuse_past(self, source: str, time: int) -> None:
        newest = self._newest[source]
        if time <= newest:
            raise StateError(
                f"the online store cannot answer as of {_text(time)}: it holds '{source}' up to {_text(newest)}",
                hint="online state goes forward only; ask for a later time, or compute past features in batch",
            )


def _text(instant: int) -> str:
    """An instant for messages; the ends of time have no date."""
    return to_text(instant) if abs(instant) < 2**57 else "no time yet"


def _described(declaration: Declaration) -> str:
    """A declaration as text that is the same in every process."""
    return json.dumps([type(declaration).__name__, asdict(declaration)], sort_keys=True)
