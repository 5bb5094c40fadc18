"""What a Poise system lists in the market: a release asked in process, just as its server asks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
from market import SHOW, Market, Requests, Shown
from town import NONE

from poise.clock import ReplayClock, to_text
from poise.decisions.weights import Weights
from poise.interfaces.system import System
from poise.releases.folder import ReleaseFolder
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.stores.memory import MemoryStore

SOURCES = ("users", "restaurants", "orders", "impressions")
"""In this order: an event is shown to the store after the rows that its keys point to."""


def store_of(system: System, loaded: Loaded) -> MemoryStore:
    """A store that has been shown all rows of the lake. It lets each answer see those from before its time only."""
    store = MemoryStore()
    store.declare(loaded.declarations)
    for source in SOURCES:
        if source in system.lake.versions():
            store.observe(system.lake.history(system.spec, source))
    return store


@dataclass(frozen=True, eq=False)
class Served:
    """A policy: what a release lists. Requests are asked in order of time, since online state never goes back."""

    answerer: Answerer
    store: MemoryStore

    @classmethod
    def of(
        cls,
        system: System,
        folder: ReleaseFolder,
        weights: Mapping[str, float] | None = None,
        *,
        explore: bool = True,
        store: MemoryStore | None = None,
    ) -> Served:
        """The release in `folder` under `weights` (default the file's); several may share a store."""
        loaded = Loaded.of(folder)
        decision = loaded.system.decision
        if not explore and decision is not None:
            quiet = decision.model_copy(update={"explore": None})
            loaded = replace(loaded, system=loaded.system.model_copy(update={"decision": quiet}))
        store = store or store_of(system, loaded)
        live = None if weights is None else Weights(1, dict(weights))
        seeds = count(1)
        return cls(Answerer(loaded, store, ReplayClock(), live, seeds=lambda: next(seeds)), store)

    def answers(self, requests: Requests) -> list[dict[str, Any]]:
        """What `POST /v1/decide` would answer to each request."""
        return [self.answer(requests, row) for row in range(len(requests))]

    def answer(self, requests: Requests, row: int) -> dict[str, Any]:
        """What it would answer to one of them."""
        here = requests.candidates[row]
        body = {
            "user_id": f"u{requests.user[row]:04d}",
            "candidates": [{"restaurant_id": f"r{item:03d}"} for item in here[here != NONE]],
            "time": to_text(int(requests.time[row])),
        }
        found: dict[str, Any] = json.loads(self.answerer.decide(json.dumps(body).encode(), may_ask_time=True).body)
        return found

    def __call__(self, market: Market, requests: Requests) -> Shown:
        """The lists of all requests, with the propensities that the answers state."""
        return shown(self.answers(requests))


def shown(answers: list[dict[str, Any]]) -> Shown:
    """The lists in these answers."""
    items = np.full((len(answers), SHOW), NONE)
    propensity = np.ones((len(answers), SHOW))
    for row, answer in enumerate(answers):
        for place, one in enumerate(answer["shown"]):
            items[row, place] = int(one["restaurant_id"][1:])
            propensity[row, place] = one["propensity"]
    return Shown(items, propensity)
