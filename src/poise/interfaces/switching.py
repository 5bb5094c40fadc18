"""Exchanging what a running server answers by, as the state database says, between two requests.

A release is loaded, its online state made ready and a rehearsal answered beside the thread that answers; only then does
it take the place of the one before, which stays loaded so that a rollback is in force at once. A release that fails any
of that is not switched to: the one before goes on, and health, log and history say why.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping

from poise.clock import SECOND, Clock
from poise.data.reception import Reception
from poise.errors import PoiseError
from poise.interfaces.between_answers import BetweenAnswers
from poise.interfaces.drainer import Drainer
from poise.interfaces.fitting import still_fits
from poise.interfaces.history_lines import HistoryLines
from poise.interfaces.loading import Loading
from poise.interfaces.making_ready import MakingReady, Ready
from poise.interfaces.on_trial import OnTrial
from poise.interfaces.taking_in import durable
from poise.interfaces.tries import Tries
from poise.releases.built import fingerprint
from poise.releases.folder import ReleaseFolder
from poise.serving.answer import Answerer
from poise.serving.inlet import Inlet
from poise.serving.online import Online
from poise.serving.served import Served, Trouble
from poise.stores.state import State
from poise.stores.state_base import LiveRow
from poise.stores.state_live import STAY, SWITCH

_LOG = logging.getLogger("poise.switch")


class Switching:
    """Which releases a server has loaded, and which of them answer: those that the state database wants, and the one
    that answered before the last switch."""

    def __init__(self, loading: Loading, online: Online, served: Served, state: State, first: ReleaseFolder) -> None:
        self._loading, self._online, self._served, self._state = loading, online, served, state
        newest = served.newest
        self._have = {newest.release: Ready(newest, first, fingerprint(newest.loaded.declarations))}
        self._tries, self._lines, self._trial = Tries(), HistoryLines(state), OnTrial(state, served)
        self._trial.tells = False
        self._previous: str | None = None
        self._inlet: Inlet | None = None
        self._drainer: Drainer | None = None
        self._between = BetweenAnswers()
        self._making = MakingReady(loading, online, served, state, self._between)
        self._lock = threading.RLock()
        self._busy: str | None = None
        self._again = False
        self._drained = self._to_drain()

    def beside(self, inlet: Inlet, drainer: Drainer) -> None:
        """Rows come in through `inlet`, and `drainer` writes them to the lake."""
        self._inlet, self._drainer, self._trial.tells = inlet, drainer, True
        self._making.beside(inlet, drainer)

    def begin(self) -> None:
        """Called on the thread that answers, by its running loop, before anything comes in."""
        self._between.begin()

    def at_start(self) -> None:
        """Load what else is to answer, before the server listens. Raises what loading raises: whoever counts on a
        contract is not answered by another."""
        for row in self._loading.wanted().values():
            if row.release not in self._have:
                self._have[row.release] = ready = self._making.load(row.release)
                before, ready.began = self._put(ready), None
                self._keep_for_return(before)
                self._follow_with_drain()
            if self._state.unanswered(row) is not None:
                said = f"answers by contract {self._loading.major(row.release)}, since this server started"
                self._lines.add(SWITCH, row.release, said, {"from": None})
        self._lines.write()
        beside = self._trial.wanted()
        if beside is not None:  # callers of its share keep to it
            try:
                self._have[beside.release] = ready = self._making.load(beside.release)
            except Exception as error:  # others are answered all the same
                self._stay(beside, error)
            else:
                self._try_beside(ready, beside)
                self._follow_with_drain()

    def watch(self) -> None:
        """See what came of a release on trial, and take it back where a guardrail says so."""
        with self._lock:
            self._trial.watch()

    def due(self) -> bool:
        """Whether there is something to do although nothing was written to the state database."""
        return self._again or self._lines.due or (self._busy is None and self._tries.due)

    def follow(self) -> None:
        """Let those answer that the state database wants: at once where they are loaded, else once they are."""
        self._between.wait()
        self._again = True
        self._follow()
        self._again = False
        self._lines.write()

    def _follow(self) -> None:
        with self._lock:
            wanted = self._loading.wanted()
            for major, row in wanted.items():
                ready = self._have.get(row.release)
                if ready is not None and self._served.answers(major) is not ready.answerer:
                    self._try_put(ready, row)
            beside = self._trial.wanted()
            if beside is not None and (ready := self._have.get(beside.release)) is not None:
                self._try_beside(ready, beside)
            rows = [*wanted.values(), *(() if beside is None else (beside,))]
            waiting = {row.release for row in rows} - {one.release for one in self._served.answering}
            self._tries.keep_only(waiting)
            self._served.note_only(waiting)
            self._take_out(wanted)
            self._keep_only(rows)
            for row in rows:
                if self._busy is None and row.release not in self._have and self._tries.may(row):
                    self._busy = row.release
                    threading.Thread(target=self._load_beside, args=(row,), name="poise-switch", daemon=True).start()

    # ---- loading

    def _load_beside(self, row: LiveRow) -> None:
        began = time.monotonic()
        try:
            ready = self._making.load(row.release)
        except Exception as error:
            with self._lock:
                self._busy = None
                self._stay(row, error)
        else:
            with self._lock:
                self._busy, ready.began = None, began
                self._have[row.release] = ready
        try:
            self.follow()
        except Exception:  # the follower looks again
            _LOG.exception("what is live could not be looked up")

    # ---- switching

    def _try_put(self, ready: Ready, row: LiveRow) -> None:
        began = time.monotonic() if ready.began is None else ready.began
        try:
            if ready.began is None:  # it was verified when it was loaded, which may be long ago
                self._loading.folder(row.release)
            before = self._put(ready)
        except Exception as error:
            self._drop(ready)
            self._stay(row, error)
            return
        # It answers: whatever fails from here on must not say otherwise.
        ready.began = None
        major = ready.answerer.loaded.contract.major
        said = f"answers by contract {major}, {time.monotonic() - began:.2f} s after it was known"
        _LOG.info("%s %s", row.release, said)
        self._served.telemetry.count("switches", SWITCH)
        self._lines.add(SWITCH, row.release, said, {"from": None if before is None else before.release})
        self._keep_for_return(before)

    def _try_beside(self, ready: Ready, row: LiveRow) -> None:
        """Let a loaded release be asked beside the live one."""
        try:
            self._give_weights(ready.answerer)
            self._between.do(lambda: self._making.bring_up(ready))
            self._trial.put(ready.answerer)
        except Exception as error:
            self._drop(ready)
            self._stay(row, error)
            return
        ready.began = None

    def _drop(self, ready: Ready) -> None:
        """Forget a loaded release that cannot be used."""
        self._have.pop(ready.answerer.release, None)
        self._making.let_go(ready)

    def _put(self, ready: Ready) -> Answerer | None:
        """Let a loaded release answer from the next request on; what answered by its contract before."""
        answerer, major = ready.answerer, ready.answerer.loaded.contract.major
        before = self._served.answers(major)
        self._give_weights(answerer)
        newest = major >= max(self._served.majors)
        reception = self._reception(ready) if newest else None
        self._between.do(lambda: self._exchange(ready, reception))
        try:
            self._give_weights(answerer)  # those that were set while the ones before were
        except PoiseError as error:
            _LOG.warning("%s answers; its weights are looked up again: %s", answerer.release, error)
        return before

    def _keep_for_return(self, before: Answerer | None) -> None:
        """What answered before stays loaded, if it can come back."""
        fits = before is not None and still_fits(before.loaded, self._served.newest.loaded)
        self._previous = before.release if before is not None and fits else None

    def _exchange(self, ready: Ready, reception: Reception | None) -> None:
        """On the thread that answers: a loaded release answers once more, and then everybody."""
        self._making.bring_up(ready)
        if reception is not None and self._inlet is not None:
            self._inlet.follow(reception, durable=durable(ready.answerer.loaded.system))
        self._served.put(ready.answerer)

    def _reception(self, ready: Ready) -> Reception | None:
        """What judges rows by the file of a release; None where nobody does, or it is the one that does already."""
        system = ready.answerer.loaded.system
        if self._inlet is None or system == self._served.newest.loaded.system:
            return None
        return self._inlet.reception.follower(system, {} if ready.filled is None else ready.filled.ids)

    def _give_weights(self, answerer: Answerer) -> None:
        weights = self._state.weights()
        if weights is not None:
            answerer.set_weights(weights)

    def _take_out(self, wanted: Mapping[int, LiveRow]) -> None:
        """Answer no more by contracts that nobody wants, once all that are wanted answer."""
        if not wanted or any(self._served.answers(major) is None for major in wanted):
            return
        retired = self._state.retired_contracts()
        for major in self._served.majors:
            if major not in wanted:
                why = retired.get(major, "the release that answered by it was taken back")
                self._between.do(lambda major=major, why=why: self._served.retire(major, why))  # type: ignore[misc]
                _LOG.info("contract %d is answered no more: %s", major, why)

    def _keep_only(self, wanted: Iterable[LiveRow]) -> None:
        """Let go of what neither answers, nor is wanted, nor answered before the last switch."""
        keep = {row.release for row in wanted} | {one.release for one in self._served.all} | {self._previous}
        for name in [name for name in self._have if name not in keep]:
            self._making.let_go(self._have.pop(name))
        used = {ready.fingerprint for ready in self._have.values()}
        for mark in [mark for mark in self._online.stores if mark not in used]:
            self._between.do(lambda mark=mark: self._online.detach(mark))  # type: ignore[misc]
        self._follow_with_drain()

    def _stay(self, row: LiveRow, error: Exception) -> None:
        """Say that a release does not answer, why, and when it is tried again."""
        why = str(error) if isinstance(error, PoiseError) else f"an unexpected error: {type(error).__name__}"
        names = [one.release for one in self._served.all]
        going_on = ", ".join(names)
        pause, news = self._tries.failed(row, why)
        again = Clock().now() + round(pause * SECOND)
        said, cause = "%s does not answer, %s goes on; it is tried again in %g s: %s", _unexpected(error)
        _LOG.error(said, row.release, going_on, pause, why, exc_info=cause)
        self._served.note(row.release, Trouble(why, again))
        self._served.telemetry.count("switches", STAY)
        if news:  # else the history would be filled by what it says already
            self._lines.add(STAY, row.release, f"{going_on} goes on: {why}", {"goes_on": names})

    # ---- the drain

    def _to_drain(self) -> tuple[object, ...]:
        """What the drain must know: whose snapshot it extends, by which file it judges, what the stores are shown."""
        loaded = self._served.newest.loaded
        return fingerprint(loaded.declarations), loaded.system, frozenset(self._online.stores)

    def _follow_with_drain(self) -> None:
        asked = self._to_drain()
        if self._drainer is None or asked == self._drained:
            return
        newest = self._have[self._served.newest.release]
        others = {ready.fingerprint: ready.folder.path for ready in self._have.values()}
        others.pop(newest.fingerprint, None)
        versions = {} if newest.filled is None else newest.filled.built.versions
        self._drainer.follow([newest.folder.path, *others.values()], versions)
        self._drained = asked


def _unexpected(error: Exception) -> Exception | None:
    return None if isinstance(error, PoiseError) else error
