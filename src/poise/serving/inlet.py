"""The inlet: how rows and decisions come in while a server answers: judged, on disk, visible, acknowledged, in this
order.

What comes in waits for the journal's one writer, which takes all that waits as one group. Once the group is on disk,
the thread that answers makes its rows visible and gives them their κ; only then is anybody told.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress

from poise.clock import Clock
from poise.data.id_hash import Hashes
from poise.data.journal import Entry, Journal
from poise.data.journal_writer import Writer, Written, ended
from poise.data.reception import Reception
from poise.data.stored import Stored
from poise.errors import PoiseError, StateError
from poise.serving.answer import Answer
from poise.serving.coming_in import (
    Arrived,
    Item,
    Kept,
    Rows,
    Taken,
    Trial,
    answer_of,
    entries_of,
    groups_of,
    unwaited,
)
from poise.serving.limits import Limits
from poise.serving.online import Online
from poise.serving.telemetry import Telemetry
from poise.serving.told import Told
from poise.serving.unhurried import Unhurried
from poise.serving.write_trouble import TRIED_EVERY, WriteTrouble
from poise.table import History

_LOG = logging.getLogger("poise.serving")
_WALL = Clock()
TOGETHER = 0.002
"""Seconds that decisions may wait for those that are made in the same turn of the loop or the next: one sync of the
disk takes as long for many as for one."""


class Inlet:
    """Takes rows and decisions in for what answers from `online`, until `close`.

    reception: judges rows, by the system file of the newest release; `follow` exchanges it. durable: decisions are
    answered once they are on disk; else they are written soon after (`unhurried`), and a kill loses at most
    `MOST_BUFFERED` of them.
    """

    def __init__(
        self,
        online: Online,
        journal: Journal,
        reception: Reception,
        stored: Stored,
        *,
        durable: bool,
        limits: Limits | None = None,
    ) -> None:
        self._online, self._reception, self._stored, self._durable = online, reception, stored, durable
        self._limits = limits or Limits()
        self._journal = journal
        self._unhurried = Unhurried(self._submit, self._write_now, self._not_logged)
        self._hidden = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: Writer[Item] = Writer(journal, self._judge, self._written, self._failed)
        self._applied = journal.last
        self._held = 0
        self._trouble = WriteTrouble()
        self._trial: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._since = 0.0
        self.telemetry = Telemetry()
        """Where is counted what becomes of rows; a server hands in its own."""

    @property
    def reception(self) -> Reception:
        """What judges the rows that come in now."""
        return self._reception

    @property
    def sources(self) -> Collection[str]:
        """The sources whose rows may come in."""
        return self._reception.sources

    @property
    def unwritten(self) -> int:
        """Rows and answers that wait to be written."""
        return self._writer.waiting + self._unhurried.unmade

    @property
    def kept_rows(self) -> int:
        """Rows and answers in the journal."""
        return self._journal.rows_waiting

    @property
    def kept_bytes(self) -> int:
        """Bytes of the journal on the disk."""
        return self._journal.size

    @property
    def applied(self) -> int:
        """Where the newest record in the journal begins whose rows are visible; for the thread that answers."""
        return self._applied

    def follow(self, reception: Reception, *, durable: bool) -> None:
        """Judge rows by another system file from now on; those on their way are judged by the one they were read by.
        For the thread that answers."""
        self._reception, self._durable = reception, durable

    def begin(self) -> None:
        """Called on the thread that answers, by its running loop, before anything comes in."""
        self._loop = asyncio.get_running_loop()

    @property
    def trouble(self) -> str | None:
        """Why this server is not fit to go on, where it is not."""
        if self._hidden:
            return "rows are on the disk that no answer sees; start the server again"
        if not self._writer.alive:
            return "the journal's writer has ended; start the server again"
        if self._trouble.lasts:
            return "what comes in cannot be written to the disk, and is refused until it can; the log says why"
        return None

    def prune(self, below: Mapping[str, int]) -> None:
        """Drop from the journal what is safe elsewhere: per source (decisions: '') up to which position."""
        if self._held:
            return
        self._stored.prune(below)
        self._writer.prune(below)

    def hold(self, held: bool) -> None:
        """Drop nothing from the journal while a store is made that may still need it."""
        self._held += 1 if held else -1

    def close(self) -> None:
        """Take nothing more, write what waits; nothing is answered any more."""
        try:
            self._unhurried.submit()
        finally:
            self._writer.close()

    async def events(self, source: str, body: bytes) -> Answer:
        """Take in the rows of `body` for `source`: what became of each, once the accepted ones are durable and visible.

        Raises `RequestError`, `NotJson` or `TooLarge` for a body that holds no rows, `Overloaded` where too much waits,
        `StateError` where the disk does not take them: then none was accepted.
        """
        delivery = self._reception.read(source, body, self._limits)
        told: asyncio.Future[Answer] = self._ours().create_future()
        self._writer.submit(Rows(delivery, self._reception, told), len(delivery.rows), len(body))
        return await told

    def keep(self, answer: Answer) -> Told | None:
        """Log an answer; what its caller waits for before it is told, if anything.

        Raises `Overloaded` for a durable decision where too much waits (others are dropped then, with a warning), and
        `StateError` where a fault ended the journal's writer.
        """
        if answer.kept is None:
            return None
        if answer.decided and (self._durable or self._unhurried.full):
            told = Told()
            self._submit(answer, told)
            self._write_soon()
            return told
        if not self._writer.alive:
            raise ended()
        self._unhurried.keep(answer)
        return None

    def _submit(self, answer: Answer, told: Told | None = None) -> int:
        """Hand in what is logged of an answer; how many bytes these are."""
        assert answer.kept is not None
        body = answer.kept.encoded(self.telemetry)
        self._writer.submit(Kept(body, answer.instant, told), 1, len(body), wakes=False)
        return len(body)

    def _write_soon(self) -> None:
        """Once this turn of the loop is over and the next, so that what is decided in it, and for whom was read
        meanwhile, shares one sync; but not much later."""
        if self._soon is None:
            self._since = time.perf_counter()
            self._soon = self._ours().call_soon(self._write_next)
        elif time.perf_counter() - self._since > TOGETHER:
            self._write_now()

    def _write_next(self) -> None:
        self._soon = self._ours().call_soon(self._write_now)

    def _write_now(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
        self._soon = None
        self._unhurried.written()
        self._writer.wake()

    def take_up(self, rows: History, prints: Hashes | None, upto: int | None = None) -> Taken:
        """Rows that somebody else wrote to the lake count as known and are visible once this returns, on any thread but
        the two of the inlet. prints: of their identities. upto: the `_seq` of the last of them."""
        told: Future[Taken] = Future()
        self._writer.submit(Arrived(rows, prints, upto, told))
        return told.result()

    def _ours(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "begin() comes first"
        return self._loop

    # ---- on the writer's thread

    def _run(self, do: Callable[[], None]) -> None:
        """Soon, on the thread that answers; where that has ended, nobody waits any more."""
        with suppress(RuntimeError):
            self._ours().call_soon_threadsafe(do)

    def _judge(self, items: Sequence[Item]) -> list[list[Entry] | BaseException]:
        others = [item for item in items if not isinstance(item, Kept)]
        if not others:
            return [entries_of(item) for item in items]
        if any(isinstance(item, Trial) for item in others):
            self._journal.trial()
        for item in others:
            if isinstance(item, Arrived):
                item.position = self._journal.last
                item.fresh = self._reception.know(item.rows.source, item.prints)
        rows = [item for item in others if isinstance(item, Rows)]
        unfit: dict[int, BaseException] = {}
        for reception in dict.fromkeys(item.reception for item in rows):  # two only while one gives way to the next
            mine = [item for item in rows if item.reception is reception]
            try:
                judged = reception.judge([item.delivery for item in mine], _WALL.now())
            except BaseException as error:  # of the lake, say, or a panic in Polars: no decision is lost for that
                unfit |= dict.fromkeys(map(id, mine), error)
                continue
            for item, one in zip(mine, judged, strict=True):
                item.judged = one
        return [unfit[id(item)] if id(item) in unfit else entries_of(item) for item in items]

    def _written(self, group: Written[Item]) -> None:
        rows = zip(group.items, group.firsts, strict=True) if group.events else ()
        for item, firsts in rows:
            if isinstance(item, Rows) and item.judged is not None and firsts:
                record = group.events[bisect_right(group.events, firsts[0]) - 1] if len(item.judged.rows) else None
                item.reception.written(item.judged, firsts, record)
        self._run(lambda: self._apply(group))

    def _failed(self, items: Sequence[Item], error: PoiseError) -> None:
        rows = [item for item in items if isinstance(item, Rows) and item.judged]
        for reception in dict.fromkeys(item.reception for item in rows):
            mine = [item.judged for item in rows if item.reception is reception]
            reception.forget_unwritten([one for one in mine if one is not None])
        for item in items:
            if isinstance(item, Arrived) and item.fresh is not None and item.prints is not None:
                self._reception.unknow(item.rows.source, item.prints[item.fresh])
        self._run(lambda: self._refuse(items, error))

    # ---- on the thread that answers

    def _apply(self, group: Written[Item]) -> None:
        """Make the rows of a group visible, then tell everybody."""
        unseen: StateError | None = None
        try:
            if group.events:
                self._writer.settled(group.events, self._online.observe(groups_of(group)))
        except Exception:  # they are durable, and known to the lake from here on
            _LOG.exception("rows that are on the disk could not be made visible")
            self._hidden = True
            self._writer.settled(group.events, self._journal.at)
            unseen = StateError("these rows are on the disk, and no answer sees them until the server starts again")
        self._applied = max(self._applied, *group.events, 0)
        self._unhurried.count -= unwaited(group.items)
        if any(group.firsts) or any(isinstance(item, Trial) for item in group.items):
            self._trouble.wrote()
        for item in group.items:
            if isinstance(item, Kept):
                if item.told is not None:
                    item.told.settle()
                continue
            if isinstance(item, Rows) and item.judged is not None:
                for fate, count in Counter(item.judged.fates).items():
                    self.telemetry.count("events", item.judged.delivery.source, fate, n=count)
            if isinstance(item, Arrived):
                self._take_up(item)
            elif unseen is not None and isinstance(item, Rows) and not item.told.done():
                item.told.set_exception(unseen)
            elif item.told is None or item.told.done():  # its caller has hung up
                continue
            else:
                assert item.judged is not None
                item.told.set_result(Answer(200, answer_of(item.judged)))

    def _take_up(self, item: Arrived) -> None:
        """Rows of others: those of logs and histories that came in here as well are visible already."""
        rows = item.rows
        if item.fresh is not None and rows.kind != "table" and not item.fresh.all():
            first = None if rows.first is None else rows.first[item.fresh]
            rows = History(
                rows.source, rows.kind, rows.time[item.fresh], rows.known[item.fresh], rows.rows.take(item.fresh), first
            )
        try:
            seen = self._online.take_up(rows, item.upto)
        except Exception as error:  # whoever waits must hear of it, and the others of the group theirs
            self._hidden = True
            item.told.set_exception(error)
        else:
            item.told.set_result(Taken(item.position, seen))

    def _refuse(self, items: Sequence[Item], error: PoiseError) -> None:
        self._unhurried.count -= unwaited(items)
        if isinstance(error, StateError):  # else rows could not be judged, which says nothing of the disk
            self._trouble.failed(error)
            self.telemetry.count("write_failures")
            if self._trial is None:
                self._trial = self._ours().call_later(TRIED_EVERY, self._try_again)
        for item in items:
            if isinstance(item, Kept):
                if item.told is None:
                    self._not_logged(error)
                else:
                    item.told.settle(error)
            elif item.told is not None and not item.told.done():
                item.told.set_exception(error)

    def _not_logged(self, error: PoiseError) -> None:
        self.telemetry.count("unlogged")
        self._trouble.warn("an answer was not logged", error)

    def _try_again(self) -> None:
        """Nothing may come in while this server says that it is not ready: it has to look by itself."""
        self._trial = None
        if self._trouble.lasts and self._writer.alive:
            with suppress(PoiseError):  # too much waits, which is a trial too, or the server is stopping
                self._writer.submit(Trial())
