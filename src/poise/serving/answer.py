"""Everything that answers requests for one release: bytes in, bytes out, whatever carries them."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from poise.clock import Clock
from poise.decisions.choose import priced
from poise.decisions.explore import Exploration
from poise.decisions.weights import first_weights
from poise.encoding import encode
from poise.errors import RequestError, TooLarge
from poise.serving import decision_log
from poise.serving.answered import Answer, LogEntry, Predicted, Used
from poise.serving.decide import Decider
from poise.serving.decide_list import ListDecider
from poise.serving.instant import Instants, said
from poise.serving.limited import Counts
from poise.serving.limited_of import limited_of
from poise.serving.limits import Limits
from poise.serving.list_rows import ListReader, ReceivedList
from poise.serving.live import Live, VersionedWeights
from poise.serving.randomness import RANDOMNESS
from poise.serving.rehearsing import rehearse
from poise.serving.rows import ROWS, Received, RequestReader
from poise.serving.score import Scored
from poise.serving.stages import Stages
from poise.serving.telemetry import Telemetry
from poise.stores.base import OnlineStore
from poise.table import Requests, Table

if TYPE_CHECKING:
    from poise.serving.loaded import Loaded

__all__ = ["Answer", "Answerer", "Predicted", "Used"]

_LOG = logging.getLogger("poise.serving")
SEEDS = 2**53
"""Seeds of drawn lists are below this, so that every JSON reader keeps all of their digits."""


def _new_seed() -> int:
    return RANDOMNESS.word() % SEEDS


class Answerer:
    """Answers for one release, from one store on one clock, under live weights.

    The store holds what `declarations` ask for and has observed the past; each answer advances it to its T. One thread
    calls at a time, but `set_weights` may be called from another. seeds: gives each drawn list its seed; a simulation
    that must repeat itself hands in its own. instants: of the server, where several answer in one. Errors are raised
    (`RequestError`, `NotFinite`, …); transports say them in their own way.
    """

    def __init__(
        self,
        loaded: Loaded,
        store: OnlineStore,
        clock: Clock,
        weights: VersionedWeights | None = None,
        limits: Limits | None = None,
        seeds: Callable[[], int] = _new_seed,
        instants: Instants | None = None,
    ) -> None:
        self.loaded = loaded
        self.limits = limits or Limits()
        self.zone = loaded.system.timezone
        self._timed = loaded.timed
        self.clock = clock
        self.ready = False
        self.logs = False
        """Whether answers carry what the log keeps of them; whoever writes the log says so."""
        self.telemetry = Telemetry()
        """Where stages are timed; `Served` hands in the one of the server."""
        self._store = store
        self._seeds = seeds
        self._reader = RequestReader(loaded.contract, self.limits)
        self._decided = RequestReader(loaded.contract.to_decide, self.limits) if loaded.contract.price else self._reader
        self._instants = instants or Instants(clock)
        self._decider = Decider(loaded.chooser) if loaded.chooser else None
        self._lists = ListReader(loaded.contract, self.limits) if loaded.ranker else None
        self._lister = ListDecider(loaded.ranker) if loaded.ranker else None
        self._settling = threading.Lock()
        self._live: Live | None = None
        self.limited = limited_of(loaded)
        """Its actions that may be taken only so often."""
        self.counting = True
        """Whether what it takes counts: of a release that only scores beside another (a shadow) it does not."""
        if loaded.system.decision is not None:
            self.set_weights(weights or first_weights(loaded.system.decision))

    def count_with(self, counts: Counts) -> None:
        """Count how often limited actions are taken together with others: `counts` of the server."""
        if self.limited is not None:
            self.limited.counts = counts

    @property
    def release(self) -> str:
        """The name of the release that answers."""
        return self.loaded.release

    @property
    def store(self) -> OnlineStore:
        """The online state that answers are made from."""
        return self._store

    @property
    def weights(self) -> VersionedWeights | None:
        """The weights that the next decision uses; None in a system that only predicts."""
        return self._live

    @property
    def exploration(self) -> Exploration | None:
        """How strongly the next list is explored, what that costs, and notes on both; None where none is listed."""
        return self._live.exploration if self._live is not None and self._lister is not None else None

    def set_weights(self, weights: VersionedWeights) -> None:
        """Use these from the next decision on; a version before the one in use changes nothing.

        How strongly lists are explored is settled anew for them, which may take some tenths of a second: a server calls
        this in a thread of its own, and answers under the weights before until it is done. Raises `RequestError` for a
        value that cannot be a weight.
        """
        decision = self.loaded.system.decision
        if decision is None:
            return
        with self._settling:  # versions come from the caller of a change and from the state database, in any order
            if self._live is not None and not self._live.gives_way_to(decision, weights):
                return
            self._live = Live.of(decision, weights, self.loaded.basis)
            if self.limited is not None:
                self.limited.weigh(self._live.values)
            for note in self._live.notes:
                _LOG.warning("weights %d: %s", weights.version, note)

    def predict(self, body: bytes, *, may_ask_time: bool = False) -> Answer:
        """One prediction per objective for each row of `body`."""
        stages = Stages(self.telemetry)
        received = self._reader.read(body)
        stages.done("decode")
        made = self.predict_rows(received, may_ask_time=may_ask_time, stages=stages)
        rows = self.loaded.scorers[made.per].as_rows(made.scored.predictions)
        body = encode({**made.head, "predictions": rows, "unknown": made.scored.unknown})
        stages.done("encode")
        return Answer(200, body, kept=made.kept, instant=made.instant, release=self.release, used=made.used)

    def predict_rows(
        self, received: Received, *, may_ask_time: bool = False, stages: Stages | None = None
    ) -> Predicted:
        """One prediction per objective for each row of `received`, for transports that write answers in their own way.

        stages: the stop-watch of the whole answer, where there is one. Raises `RequestError` where the release has no
        model of the rows' source."""
        if not self.loaded.scorers[received.per].predicts:
            hint = "ask /v1/decide" if received.per == self.loaded.contract.decides_on else None
            raise RequestError(f"release {self.release} has learned nothing yet that it could predict", hint=hint)
        stages = stages or Stages(self.telemetry)
        instant, scored = self._score(received.per, received.rows, received.time, may_ask_time)
        stages.done("features", scored.ready)
        stages.done("score")
        head, since_epoch, marks = self._head(instant), max(instant, 0), scored.marks
        head.update(marks)
        used = Used(self.loaded.contract.major, received.per, received.sent)
        if not self.logs:
            return Predicted(received.per, head, scored, since_epoch, used)
        kept = decision_log.head("predictions", self.release, received.per, instant)
        kept.update(marks)
        kept.update(decision_log.predictions_of(scored.predictions))
        kept.update(decision_log.in_full(range(received.rows.height), received.rows, scored.features))
        return Predicted(received.per, head, scored, since_epoch, used, LogEntry(kept, stages.lap()))

    def decide(self, body: bytes, *, may_ask_time: bool = False) -> Answer:
        """The items to show of the candidates in `body`, or the action to take for each of its rows; in both cases with
        what each is worth to whom."""
        live = self._live  # one version of the weights for the whole answer
        if live is not None and self._lists is not None and self._lister is not None:
            return self._list(self._lists, self._lister, live, body, may_ask_time)
        per = self.loaded.contract.decides_on
        if per is None or self._decider is None or live is None:
            raise RequestError("this system predicts and decides nothing", hint="ask /v1/predict")
        stages = Stages(self.telemetry)
        received = self._decided.read(body, per)
        stages.done("decode")
        asked = self._at_every_price(received.rows)
        instant, scored = self._score(per, asked, received.time, may_ask_time)
        stages.done("features", scored.ready)
        stages.done("score")
        made, choices = self._decider.decide(
            *(scored, live, self.clock.now(), self._seeds()),
            keep=self.logs,
            limited=self.limited,
            counting=self.ready and self.counting,
        )
        if asked is not received.rows:
            asked, scored = asked.take(at := self._decider.places(made)), scored.at(at, len(made))
        predictions = self.loaded.scorers[per].as_rows(scored.predictions)
        decisions = [{**d, "predictions": p} for d, p in zip(made, predictions, strict=True)]
        stages.done("decide")
        head = {**self._head(instant), **scored.marks, "weights": live.version, "unknown": scored.unknown}
        body = encode({**decisions[0], **head} if received.single else {**head, "decisions": decisions})
        stages.done("encode")
        record = None
        if self.logs:
            kept = decision_log.head("choice", self.release, per, instant, live.version) | scored.marks
            kept |= choices
            kept |= decision_log.predictions_of(scored.predictions)
            kept |= decision_log.in_full(range(asked.height), asked, scored.features)
            record = LogEntry(kept, stages.lap())
        return self._made(received, body, tuple(one["decision_id"] for one in made), record, instant)

    def _at_every_price(self, rows: Table) -> Table:
        """The rows at each of the prices to choose from; where actions are chosen, as they are."""
        prices = self.loaded.chooser.decision.prices if self.loaded.chooser is not None else None
        if prices is None:
            return rows
        each = len(prices.actions)
        if rows.height * each > self.limits.rows:
            most = f"{max(1, self.limits.rows // each):,} rows, each at {each} prices"
            raise TooLarge(f"{rows.height:,} rows came", field=ROWS, allowed=most)
        return priced(rows, prices)

    def _list(self, reader: ListReader, lister: ListDecider, live: Live, body: bytes, may_ask_time: bool) -> Answer:
        stages = Stages(self.telemetry)
        received = reader.read(body)
        stages.done("decode")
        instant = self._instant(received.time, may_ask_time)
        time = np.empty(received.rows.height, np.int64)
        time.fill(instant)  # which takes a third of what NumPy's `full` takes
        scorer, requests = self.loaded.scorers[received.per], Requests(received.rows, time)
        scored = scorer.score_list(requests, received.once, received.items, self._store, self._budget)
        if scored.fallbacks or scored.pauses:
            self._counted(scored)
        stages.done("features", scored.ready)
        stages.done("score")
        now, seed = self.clock.now(), self._seeds()
        head = self._head(instant) | scored.marks
        made, kept = lister.decide(received, scored, live, now, seed, head, keep=self.logs)
        stages.done("decide")
        body = encode(made)
        stages.done("encode")
        record = None
        if self.logs:
            head = decision_log.head("list", self.release, received.per, instant, live.version)
            record = LogEntry({**head, **scored.marks, **kept}, stages.lap())
        return self._made(received, body, (made["decision_id"],), record, instant)

    def _made(
        self, received: Received | ReceivedList, body: bytes, ids: tuple[str, ...], kept: LogEntry | None, instant: int
    ) -> Answer:
        """The answer that says what was decided."""
        used = Used(self.loaded.contract.major, received.per, received.sent)
        at, release = 0 if kept is None else max(instant, 0), self.release
        return Answer(
            200, body, kept=kept, decided=kept is not None, instant=at, release=release, decisions=ids, used=used
        )

    @property
    def _budget(self) -> float:
        """Seconds that a request has. A rehearsal may have to compile functions: it has all the time it takes."""
        return self.limits.budget if self.ready else math.inf

    def rehearse(self, *, by_models: bool = False) -> None:
        """Answer an example on every route, so that the first caller meets warm code; only then is this `ready`.

        by_models: an answer that something else than the models gave raises `NotFinite`; else it will do, as it does
        for callers.
        """
        for per, scorer in self.loaded.scorers.items():
            if scorer.predicts:
                rehearse(self.loaded, self.predict, {"per": per, "rows": [self.loaded.example(per)]}, by_models)
        if self._live is not None:
            rehearse(self.loaded, self.decide, self.loaded.example_request(), by_models)
        self.ready = True

    def evidence(self) -> Mapping[str, Any]:
        """What was measured of this release before it went live."""
        return self.loaded.evidence

    def described(self) -> Mapping[str, Any]:
        """What this is, for a page: system, purpose, release, clock, and an example request with its route."""
        return {
            "system": self.loaded.system.system,
            "purpose": self.loaded.system.purpose,
            "release": self.release,
            "clock": self.clock.kind,
            "route": "/v1/decide" if self.loaded.contract.decides_on else "/v1/predict",
            "example": self.loaded.example_request(),
        }

    def _score(self, per: str, rows: Table, asked: str | None, may_ask_time: bool) -> tuple[int, Scored]:
        instant = self._instant(asked, may_ask_time)
        time = np.array([instant], np.int64) if rows.height == 1 else np.full(rows.height, instant, np.int64)
        requests = Requests(rows, time)
        return instant, self._counted(self.loaded.scorers[per].score(requests, self._store, self._budget))

    def _counted(self, scored: Scored) -> Scored:
        """Counts what was not answered by its model, and what is not called for a while from now on."""
        for name in scored.fallbacks:
            self.telemetry.count("fallbacks", name)
        for paused in scored.pauses:
            self.telemetry.count("pauses", *paused)
        return scored

    def _instant(self, time: str | None, may_ask_time: bool) -> int:
        return self._instants.of(self._store, time, self.zone, timed=self._timed, may_ask=may_ask_time)

    def _head(self, instant: int) -> dict[str, Any]:
        return {
            "release": self.release,
            "contract": self.loaded.contract.major,
            "time": said(instant, self.zone),
            "clock": {"kind": self.clock.kind, "time": said(self.clock.now(), self.zone)},
        }
