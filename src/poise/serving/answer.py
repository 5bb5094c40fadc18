"""Everything that answers requests for one release: bytes in, bytes out, whatever carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np

from poise.clock import Clock
from poise.decisions.weights import checked, first_weights
from poise.errors import RequestError
from poise.serving.decide import Decider
from poise.serving.instant import Instants
from poise.serving.limits import Limits
from poise.serving.rows import Received, RequestReader
from poise.serving.score import Scored
from poise.stores.base import OnlineStore
from poise.table import Requests

if TYPE_CHECKING:
    from poise.serving.loaded import Loaded

_ENCODE = msgspec.json.Encoder().encode


class VersionedWeights(Protocol):
    """One version of the live weights, as `decisions` and the state database hold them."""

    @property
    def version(self) -> int: ...
    @property
    def values(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Answerer:
    """Answers for one release, from one store on one clock, under live weights.

    The store holds what `declarations` ask for and has observed the past; each answer advances it to its T. One thread
    calls at a time. Errors are raised (`RequestError`, `NotFinite`, …); transports say them in their own way.
    """

    def __init__(
        self,
        loaded: Loaded,
        store: OnlineStore,
        clock: Clock,
        weights: VersionedWeights | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.loaded = loaded
        self.limits = limits or Limits()
        self.zone = loaded.system.timezone
        self.clock = clock
        self.ready = False
        self._store = store
        self._reader = RequestReader(loaded.contract, self.limits)
        self._instants = Instants(clock, store, self.zone, timed=loaded.timed)
        self._decider = Decider(loaded.chooser) if loaded.chooser else None
        decision = loaded.system.decision
        self._weights: VersionedWeights | None = first_weights(decision) if decision else None
        if weights is not None:
            self.set_weights(weights)

    @property
    def release(self) -> str:
        """The name of the release that answers."""
        return self.loaded.release

    @property
    def weights(self) -> VersionedWeights | None:
        """The weights that the next decision uses; None in a system that only predicts."""
        return self._weights

    def set_weights(self, weights: VersionedWeights) -> None:
        """Use these from the next decision on. Raises `RequestError` for a term that the release does not have."""
        decision = self.loaded.system.decision
        if decision is not None:
            checked(decision, weights.values)
            self._weights = weights

    def predict(self, body: bytes, *, may_ask_time: bool = False) -> Answer:
        """One prediction per objective for each row of `body`."""
        received = self._reader.read(body)
        instant, scored = self._score(received, may_ask_time)
        rows = self.loaded.scorers[received.per].as_rows(scored.predictions)
        return Answer(200, _ENCODE({**self._head(instant), "predictions": rows, "unknown": scored.unknown}))

    def decide(self, body: bytes, *, may_ask_time: bool = False) -> Answer:
        """The action to take for each row of `body`, with what each action is worth to whom."""
        per = self.loaded.contract.decides_on
        if per is None or self._decider is None or self._weights is None:
            raise RequestError("this system predicts and decides nothing", hint="ask /v1/predict")
        weights = self._weights  # one version for the whole answer
        received = self._reader.read(body, per)
        instant, scored = self._score(received, may_ask_time)
        predictions = self.loaded.scorers[per].as_rows(scored.predictions)
        made = self._decider.decide(scored, weights.values, self.clock.now())
        decisions = [{**d, "predictions": p} for d, p in zip(made, predictions, strict=True)]
        head = {**self._head(instant), "weights": weights.version, "unknown": scored.unknown}
        return Answer(200, _ENCODE({**decisions[0], **head} if received.single else {**head, "decisions": decisions}))

    def rehearse(self) -> None:
        """Answer an example on every route, so that the first caller meets warm code; only then is this `ready`."""
        for per in self.loaded.contract.pers:
            body = _ENCODE({"per": per, "rows": [self.loaded.example(per)]})
            self.predict(body)
            if per == self.loaded.contract.decides_on:
                self.decide(body)
        self.ready = True

    def evidence(self) -> Mapping[str, Any]:
        """What was measured of this release before it went live."""
        return self.loaded.evidence

    def described(self) -> Mapping[str, Any]:
        """What this is, for a page: system, purpose, release, clock, and an example request with its route."""
        contract = self.loaded.contract
        per = contract.decides_on or contract.pers[0]
        return {
            "system": self.loaded.system.system,
            "purpose": self.loaded.system.purpose,
            "release": self.release,
            "clock": self.clock.kind,
            "route": "/v1/decide" if contract.decides_on else "/v1/predict",
            "example": self.loaded.example(per),
        }

    def _score(self, received: Received, may_ask_time: bool) -> tuple[int, Scored]:
        instant = self._instants.of(received.time, may_ask=may_ask_time)
        requests = Requests(received.rows, np.full(received.rows.height, instant, np.int64))
        return instant, self.loaded.scorers[received.per].score(requests, self._store)

    def _head(self, instant: int) -> dict[str, Any]:
        clock = {"kind": self.clock.kind, "time": self._instants.text(self.clock.now())}
        return {"release": self.release, "time": self._instants.text(instant), "clock": clock}
