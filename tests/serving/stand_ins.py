"""A small release made in memory, with a store and a registry to go with it. Run as a script it is a real server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from poise.clock import Clock, ReplayClock
from poise.decisions.of_system import chooser_of
from poise.errors import StateError
from poise.features.columns import ColumnsSpec
from poise.features.plan import FeaturePlan
from poise.interfaces.cli import STOPPED
from poise.interfaces.http.certificate import Certificate
from poise.interfaces.http.server import serve
from poise.interfaces.logs import logging_as
from poise.models.predictor import Predictor
from poise.releases.contract import Contract
from poise.serving.answer import Answerer
from poise.serving.limits import Limits
from poise.serving.loaded import Loaded
from poise.serving.score import Scorer
from poise.serving.served import Served
from poise.serving.tokens import Tokens
from poise.spec.system import FeatureEntry, SystemSpec
from poise.stores.base import Declaration, OnlineStore
from poise.stores.state import State
from poise.stores.state_base import DocumentRow, HistoryRow, LiveRow, ReleaseRow, WeightsChange, WeightsRow
from poise.table import Column, History, Table

NOW = 1_362_139_200_000_000  # 2013-03-01T12:00:00Z
ROW = {"carrier": "UA", "distance": 719.0, "departs": "2013-03-01T09:00:00-05:00"}
CLASSES = ("air system", "carrier", "weather")

SYSTEM = SystemSpec.model_validate(
    {
        "format": 1,
        "system": "flights",
        "purpose": "Warn the passengers of flights that <will> be late.",
        "timezone": "America/New_York",
        "sources": {
            "flights": {
                "path": "flights.csv",
                "time": "departs",
                "columns": {
                    "carrier": {"type": "category", "required": True},
                    "distance": {"type": "float", "min": 1, "max": 5000},
                    "departs": "time",
                },
                "request": ["carrier", "distance", "departs"],
            }
        },
        "features": [FeatureEntry(kind="columns", spec=ColumnsSpec(from_="flights", take=("carrier", "distance")))],
        "objectives": {
            "late": {"type": "binary", "per": "flights", "label": {"take": "distance > 1000"}},
            "delay": {"type": "regression", "per": "flights", "label": {"take": "distance"}},
            "cause": {"type": "multi-class", "per": "flights", "label": {"take": "carrier"}},
        },
        "decision": {
            "per": "flights",
            "choose": ["nothing", "warn", "rebook"],
            "terms": {
                "cost": {"unit": "USD", "nothing": "-12 * late", "warn": "-1 - 6 * late", "rebook": "-9 - late"},
                "calm": {"nothing": "0", "warn": "-delay / 10", "rebook": "distance / 1000"},
            },
            "weights": {"cost": 1, "calm": 0.1},
        },
    }
)
CONTRACT = Contract.of(
    SYSTEM, {"flights": {"carrier": "category", "distance": "float", "departs": "time"}}, classes={"cause": CLASSES}
)


class StandInPredictor:
    """Predicts from the distance alone; from the carrier `??` it makes no number."""

    inputs = ("distance", "carrier")

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def predict(self, features: Table) -> NDArray[np.float64]:
        distance = np.nan_to_num(features["distance"].values, nan=1000.0)
        if self._kind == "cause":
            return np.tile([0.2, 0.3, 0.5], (features.height, 1))
        values = np.clip(distance / 5000, 0, 1) if self._kind == "late" else distance / 100
        broken = np.array([carrier == "??" for carrier in features["carrier"].to_list()])
        return np.where(broken, np.nan, values)


class StandInStore(OnlineStore):
    """Holds nothing and refuses to go back."""

    def __init__(self) -> None:
        self.now = 0

    def declare(self, declarations: Iterable[Declaration]) -> None:
        pass

    def observe(self, chunk: History) -> None:
        pass

    def advance(self, now: int) -> None:
        if now < self.now:
            raise StateError("the store has advanced further")
        self.now = now

    def read(self, declaration: Declaration, keys: Sequence[Column], time: NDArray[np.int64]) -> Mapping[Any, Column]:
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        raise NotImplementedError


class StandInRegistry:
    """One release, promoted once; weights that nobody set."""

    def document(self, kind: str, name: str) -> DocumentRow | None:
        return None

    def weights(self) -> WeightsRow | None:
        return None

    def weight_versions(self, *, limit: int | None = None) -> Sequence[WeightsRow]:
        return ()

    def set_weights(self, values: Mapping[str, float], *, why: str, **more: Any) -> WeightsChange:
        raise NotImplementedError

    def take_back_weights(self, *, why: str, **more: Any) -> WeightsChange:
        raise NotImplementedError

    def live_at(self, instant: int | None) -> LiveRow | None:
        return LiveRow("r1", NOW, "promote") if instant is None or instant >= NOW else None

    def unanswered(self, row: LiveRow, instant: int | None = None) -> str | None:
        return None

    def standing(self, instant: int | None = None) -> Sequence[LiveRow]:
        live = self.live_at(instant)
        return () if live is None else (live,)

    def weights_at(self, instant: int) -> WeightsRow | None:
        return None

    def releases(self) -> Sequence[ReleaseRow]:
        return (ReleaseRow("c1", "candidate", NOW, "c1"), ReleaseRow("r1", "released", NOW, "r1", verdict={"ok": True}))

    def weights_before(self) -> WeightsRow | None:
        return None

    def proposals(self, *, standing: str | None = None) -> Sequence[DocumentRow]:
        return ()

    def acts(self) -> Sequence[str]:
        return ("promote",)

    def history(self, *, after: int = 0, limit: int | None = None, **more: Any) -> Sequence[HistoryRow]:
        lines = [HistoryRow(i, NOW, "ana", "promote", "r1", "first release") for i in range(after + 1, 4)]
        return lines[-limit:] if limit else lines


def loaded(*, examples: bool = True) -> Loaded:
    chooser = chooser_of(SYSTEM, {"cause": CLASSES})
    assert chooser is not None
    predictors = {name: cast(Predictor, StandInPredictor(name)) for name in SYSTEM.objectives}
    scorer = Scorer(FeaturePlan.of(SYSTEM, "flights"), CONTRACT.outputs, predictors, chooser.extra_names())
    evidence = {"format": 1, "requirements": [{"who": "trust", "metric": "late.auc", "status": "pass"}]}
    if examples:
        evidence["examples"] = {"flights": [ROW]}
    return Loaded("r1", SYSTEM, CONTRACT, {"flights": scorer}, chooser, (), evidence)


def answerer(clock: Clock | None = None, limits: Limits | None = None, weights: WeightsRow | None = None) -> Answerer:
    return Answerer(loaded(), StandInStore(), clock or ReplayClock(NOW), weights, limits)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--patience", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--state", help="the address of a real state database; default a stand-in")
    parser.add_argument("--tokens", action="store_true", help="ask for the tokens of --state")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    parser.add_argument("--log", choices=("text", "json"), default="text")
    asked = parser.parse_args()
    bounds = Limits(patience=asked.patience, connections=asked.connections)
    registry = State(asked.state, "flights") if asked.state else StandInRegistry()
    try:
        with logging_as(asked.log):
            serve(
                Served.of_one(answerer(limits=bounds)),
                registry,
                port=asked.port,
                on_ready=lambda address: print(address, flush=True),
                tokens=Tokens(registry.tokens()) if asked.tokens and isinstance(registry, State) else None,
                certificate=Certificate(asked.tls_cert, asked.tls_key) if asked.tls_cert else None,
            )
    except KeyboardInterrupt:
        sys.exit(STOPPED)
