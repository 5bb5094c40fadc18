"""Making a release ready to answer, beside the thread that answers: loaded, its online state made, rehearsed."""

from __future__ import annotations

from dataclasses import dataclass

from poise.clock import ReplayClock
from poise.interfaces.between_answers import BetweenAnswers
from poise.interfaces.drainer import ENDING, Drainer
from poise.interfaces.fitting import must_fit
from poise.interfaces.loading import Filled, Loading
from poise.releases.built import fingerprint
from poise.releases.folder import ReleaseFolder
from poise.serving.answer import Answerer
from poise.serving.inlet import Inlet
from poise.serving.loaded import Loaded
from poise.serving.online import Coming, Online
from poise.serving.served import Served
from poise.stores.base import OnlineStore
from poise.stores.memory import MemoryStore
from poise.stores.state import State

FEW = 2_000
"""Rows that are shown to a new store between two answers, at most; more are shown to it before."""


@dataclass(eq=False, slots=True)
class Ready:
    """A release that is loaded. began: when that began, of `time.monotonic`; None once it answered, after which its
    folder may have been changed. coming: what its store is to be shown before it is used; None once it is used, or
    where it answers from the store of another release with the same features."""

    answerer: Answerer
    folder: ReleaseFolder
    fingerprint: str
    filled: Filled | None = None
    coming: Coming | None = None
    began: float | None = None


class MakingReady:
    """Makes releases of a server ready, one after the other."""

    def __init__(self, loading: Loading, online: Online, served: Served, state: State, between: BetweenAnswers) -> None:
        self._loading, self._online, self._served, self._state = loading, online, served, state
        self._between = between
        self._inlet: Inlet | None = None
        self._drainer: Drainer | None = None

    def beside(self, inlet: Inlet, drainer: Drainer) -> None:
        """Rows come in through `inlet`, and `drainer` writes them to the lake."""
        self._inlet, self._drainer = inlet, drainer

    def load(self, name: str) -> Ready:
        """A release with its online state, rehearsed. Raises what loading it raises."""
        folder = self._loading.folder(name)
        loaded = Loaded.of(folder)
        must_fit(loaded, [one.loaded for one in self._served.all])
        mark = fingerprint(loaded.declarations)
        kept = self._online.stores.get(mark)
        if kept is not None:
            aside = MemoryStore()
            aside.declare(loaded.declarations)
            self._rehearse_aside(loaded, aside)
            return Ready(self._answerer(loaded, kept.store), folder, mark)
        coming, upto = self._between.do(self._begin_coming)
        drained = () if self._drainer is None else self._drainer.releases
        try:
            if self._drainer is not None:  # from here on it hands over the columns that this release reads too
                self._drainer.follow([*drained, folder.path], {}, ENDING)
            filled = self._loading.filled(loaded, folder, beside=self._between.begun)
            self._loading.catch_up(filled, upto)
            while len(late := self._between.do(coming.take)) > 0:
                filled.kept.show_late(late, filled.ids)
                if sum(chunk.rows.height for chunk in late) <= FEW:
                    break
            self._rehearse_aside(loaded, filled.kept.store)
        except BaseException:
            self._between.do(lambda: self._end_coming(coming))
            if self._drainer is not None:
                self._drainer.follow(drained, {})
            raise
        return Ready(self._answerer(loaded, filled.kept.store), folder, mark, filled, coming)

    def bring_up(self, ready: Ready) -> None:
        """On the thread that answers: the store gets what came meanwhile, and is shown all from now on."""
        if ready.coming is not None and ready.filled is not None:
            kept, clock = ready.filled.kept, self._online.clock
            try:
                kept.show_late(ready.coming.take(), ready.filled.ids)
            finally:
                self._end_coming(ready.coming)
                ready.coming = None
            if isinstance(clock, ReplayClock):
                clock.move(ready.filled.built.now)
            self._online.attach(ready.fingerprint, kept)
        if not ready.answerer.ready:
            ready.answerer.rehearse(by_models=True)

    def let_go(self, ready: Ready) -> None:
        """Keep nothing any more for a release that is not used."""
        if ready.coming is not None:
            coming, ready.coming = ready.coming, None
            self._between.do(lambda: self._end_coming(coming))

    def _answerer(self, loaded: Loaded, store: OnlineStore) -> Answerer:
        online, limits = self._online, self._served.limits
        made = Answerer(loaded, store, online.clock, self._state.weights(), limits, instants=online.instants)
        made.logs = self._inlet is not None
        made.count_with(self._served.counts)
        return made

    def _rehearse_aside(self, loaded: Loaded, store: OnlineStore) -> None:
        """Answer examples where nobody waits for it, so that all code is warm."""
        Answerer(loaded, store, self._online.clock, self._state.weights(), self._served.limits).rehearse(by_models=True)

    def _begin_coming(self) -> tuple[Coming, int]:
        if self._inlet is not None:
            self._inlet.hold(True)
        return self._online.begin(), 0 if self._inlet is None else self._inlet.applied

    def _end_coming(self, coming: Coming) -> None:
        self._online.end(coming)
        if self._inlet is not None:
            self._inlet.hold(False)
