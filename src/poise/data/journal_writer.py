"""The one thread that writes the journal: whatever waits is judged and written as one group, with one sync of the disk.

The more that comes in while a group is being written, the larger the next one is: single posts from many connections
share a sync, and nobody waits for a timer.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from poise.data.journal import Journal
from poise.data.journal_record import Entry, Kind
from poise.errors import Overloaded, PoiseError, StateError

_log = logging.getLogger("poise.journal")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """rows, size: what may wait at most, in rows and bytes. at_once: rows of one group. idle: seconds after which κ is
    written although nothing else is. leaving: seconds that `close` waits for the κ of what it wrote."""

    rows: int = 100_000
    size: int = 64 * 2**20
    at_once: int = 5_000
    idle: float = 0.2
    leaving: float = 1.0


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """A group that is on the disk.

    firsts: per item, the position of the first row of each of its entries. events: what `Writer.settled` is told once
    answers see these events.
    """

    items: tuple[T, ...]
    firsts: tuple[tuple[int, ...], ...]
    events: tuple[int, ...]


@dataclass(slots=True)
class _Waiting(Generic[T]):
    item: T
    rows: int
    size: int


class Writer(Generic[T]):
    """Writes items in the order in which they were submitted.

    judge: what to write of each item of a group, or why nothing can be: the others are written. applied: called with
    every group that is on the disk. failed: called with items of which nothing was written, and why; later groups are
    not touched by that. All three are called on the writer's thread; nothing else may append to `journal` meanwhile.

    >>> import tempfile; from pathlib import Path; from poise.clock import Clock
    >>> folder = tempfile.TemporaryDirectory()
    >>> journal = Journal.open(Path(folder.name), Clock())
    >>> done = []
    >>> writer = Writer(journal, lambda bodies: [[Entry("events", "orders", 1, b)] for b in bodies], done.append, print)
    >>> writer.submit(b'{"id": 1}')
    >>> writer.close(); [group.firsts for group in done]
    [((1,),)]
    >>> journal.close(); folder.cleanup()
    """

    def __init__(
        self,
        journal: Journal,
        judge: Callable[[Sequence[T]], Sequence[Sequence[Entry] | BaseException]],
        applied: Callable[[Written[T]], object],
        failed: Callable[[Sequence[T], PoiseError], object],
        limits: Limits = Limits(),
    ) -> None:
        self._journal, self._judge, self._applied, self._failed = journal, judge, applied, failed
        self._limits = limits
        self._change = threading.Condition()
        self._queue: deque[_Waiting[T]] = deque()
        self._rows = self._size = 0
        self._known: list[tuple[int, int]] = []
        self._unsettled: set[int] = set()
        self._below: dict[str, int] = {}
        self._closing = self._ended = False
        self._awake = False
        """Whether something waits that is to be written at once."""
        self._thread = threading.Thread(target=self._run, name="poise-journal", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Rows that wait to be written."""
        return self._rows

    @property
    def alive(self) -> bool:
        """Whether the thread still writes what is handed in: until `close`, unless a fault ended it."""
        return not self._ended

    def submit(self, item: T, rows: int = 1, size: int = 0, *, wakes: bool = True) -> None:
        """Hand in an item of so many rows and bytes. wakes: it is written at once; else once `wake` or another item
        says so, since a group of one row costs the disk as much as one of many.

        Raises `Overloaded` where too much waits already, or after `close`, `StateError` where a fault ended the thread.
        """
        with self._change:
            if self._closing:
                raise Overloaded("the server is stopping")
            if self._ended:
                raise ended()
            if self._queue and (self._rows + rows > self._limits.rows or self._size + size > self._limits.size):
                told = f"{self._rows:,} rows ({self._size / 2**20:,.1f} MB) wait to be written"
                raise Overloaded(
                    f"{told}; at most {self._limits.rows:,} rows and {self._limits.size / 2**20:,.0f} MB may",
                    reason="journal",
                )
            self._queue.append(_Waiting(item, rows, size))
            self._rows, self._size = self._rows + rows, self._size + size
            if wakes and not self._awake:
                self._awake = True
                self._change.notify()

    def wake(self) -> None:
        """Write what waits."""
        with self._change:
            if self._queue and not self._awake:
                self._awake = True
                self._change.notify()

    def settled(self, events: Sequence[int], known: int) -> None:
        """From `known` (microseconds) on, answers see these events; it is written with the next group."""
        with self._change:
            self._known += [(first, known) for first in events]
            self._unsettled.difference_update(events)
            if self._closing:
                self._change.notify()

    def prune(self, below: Mapping[str, int]) -> None:
        """Let the thread drop, between groups, records of a source that end at most at its position in `below`."""
        with self._change:
            self._below.update(below)
            self._change.notify()

    def close(self) -> None:
        """Take nothing more, write what waits and the κ of what was written, and end the thread."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join()

    # On the thread

    def _run(self) -> None:
        try:
            self._work()
        except BaseException:
            _log.critical("the thread that writes the journal ended; restart the server", exc_info=True)
        finally:
            self._end()

    def _end(self) -> None:
        """Nobody is left waiting for a thread that is gone."""
        with self._change:
            self._ended = True
            left = tuple(one.item for one in self._queue)
            self._queue.clear()
            self._rows = self._size = 0
        if left:
            self._call(self._failed, left, ended())

    def _work(self) -> None:
        while True:
            group, known = self._next()
            if group:
                self._write(group, known)
                self._journal.catch_up()
            elif known:
                self._write_known(known)
            elif self._closing:
                return
            self._prune()

    def _next(self) -> tuple[list[T], list[tuple[int, int]]]:
        """What to write next; waits for it, for κ no longer than `idle`. Both empty: there is something to prune, or
        all is done."""
        with self._change:
            while not self._awake and not self._closing and not self._below:
                if not self._known and not self._unsettled:
                    self._change.wait()
                elif not self._change.wait(self._limits.idle) and self._known:
                    break
            if self._closing and not self._queue:
                self._change.wait_for(lambda: not self._unsettled, self._limits.leaving)
                self._unsettled.clear()
            group: list[T] = []
            rows = 0
            while self._queue and (not group or rows + self._queue[0].rows <= self._limits.at_once):
                one = self._queue.popleft()
                group.append(one.item)
                rows += one.rows
                self._size -= one.size
            self._rows -= rows
            self._awake = bool(self._queue)
            known, self._known = self._known, []
            return group, known

    def _write(self, group: list[T], known: list[tuple[int, int]]) -> None:
        items = tuple(group)
        try:
            judged = self._judge(items)
            good = [one for one in judged if not isinstance(one, BaseException)]
            together, places = merged(good)
            firsts = self._journal.append(together, known)
        except BaseException as error:  # a panic in Polars is no Exception, and must fail this group only
            self._keep(known)
            self._call(self._failed, items, _told(error))
            return
        events = tuple(first for entry, first in zip(together, firsts, strict=True) if entry.kind == "events")
        if events:
            with self._change:
                self._unsettled.update(events)
        positions = _positions(places, firsts)
        if len(good) == len(items):
            self._call(self._applied, Written(items, positions, events))
            return
        for why in dict.fromkeys(one for one in judged if isinstance(one, BaseException)):
            unfit = tuple(item for item, one in zip(items, judged, strict=True) if one is why)
            self._call(self._failed, unfit, _told(why))
        if good:
            fit = tuple(item for item, one in zip(items, judged, strict=True) if not isinstance(one, BaseException))
            self._call(self._applied, Written(fit, positions, events))

    def _write_known(self, known: list[tuple[int, int]]) -> None:
        try:
            self._journal.append([], known)
        except Exception as error:
            _log.warning("when events became visible was not written: %s", error)
            if not self._closing:  # at the end there is no later: the next start settles them
                self._keep(known)

    def _keep(self, known: list[tuple[int, int]]) -> None:
        with self._change:
            self._known = known + self._known

    def _prune(self) -> None:
        """One step."""
        if not self._below:
            return
        with self._change:
            below = dict(self._below)
        try:
            left = self._journal.prune(below)
        except Exception as error:
            _log.warning("the journal was not pruned: %s", error)
            left = 0
        with self._change:
            if not left and self._below == below:
                self._below.clear()

    def _call(self, told: Callable[..., object], *what: object) -> None:
        """A fault of the one who is told must not end the thread: what is written stays written."""
        try:
            told(*what)
        except BaseException:
            _log.exception("what the journal wrote could not be passed on")


def merged(entries: Sequence[Sequence[Entry]]) -> tuple[list[Entry], list[list[tuple[int, int]]]]:
    """Entries of all items as few as possible, and where each went: (which entry, how many rows are before it there).

    >>> one, two = Entry("events", "a", 2, b"1\\n2"), Entry("events", "a", 1, b"3")
    >>> [entry.body for entry in merged([[one], [two]])[0]], merged([[one], [two]])[1]
    ([b'1\\n2\\n3'], [[(0, 0)], [(0, 2)]])
    """
    order: dict[tuple[Kind, str], int] = {}
    together: list[Entry] = []
    bodies: list[list[bytes]] = []
    places: list[list[tuple[int, int]]] = []
    for of_item in entries:
        place = []
        for entry in of_item:
            record = order.setdefault((entry.kind, entry.source), len(together))
            if record == len(together):
                together.append(Entry(entry.kind, entry.source, 0, b"", entry.not_before))
                bodies.append([])
            whole = together[record]
            place.append((record, whole.count))
            whole.count += entry.count
            whole.not_before = max(whole.not_before, entry.not_before)
            bodies[record].append(entry.body)
        places.append(place)
    for whole, parts in zip(together, bodies, strict=True):
        whole.body = b"\n".join(parts)
    return together, places


def _positions(places: list[list[tuple[int, int]]], firsts: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Per item, where each of its entries begins. Most have one: there are thousands of these in a second."""
    found: list[tuple[int, ...]] = []
    for place in places:
        if len(place) == 1:
            ((record, offset),) = place
            found.append((firsts[record] + offset,))
        else:
            found.append(tuple([firsts[record] + offset for record, offset in place]))
    return tuple(found)


def ended() -> StateError:
    """What is said once the thread has ended by a fault."""
    return StateError("nothing is written any more: the thread that does so has ended", hint="restart the server")


def _told(error: BaseException) -> PoiseError:
    """What callers are told: of what Poise did not raise itself only the number in the log, for it may quote rows."""
    if isinstance(error, PoiseError):
        return error
    number = secrets.token_hex(4)
    _log.error("a group of rows could not be written, error %s", number, exc_info=error)
    return PoiseError(f"these rows could not be judged or written: an unexpected error, logged as {number}")
