"""From rows of a request to features as of now, and from features to one calibrated prediction per objective."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from poise.errors import RequestError
from poise.features.listed import Listed
from poise.features.stopwatch import Stamps, Stopwatch
from poise.releases.contract import Output
from poise.serving.breaker import Breakers, Paused
from poise.serving.fallback import Marks, Model, Objectives
from poise.stores.base import OnlineStore
from poise.table import Requests, Table

if TYPE_CHECKING:  # the stations above are handed in, so that tests of this one can use small stand-ins
    from poise.features.plan import FeaturePlan
    from poise.models.fallback import Fallback
    from poise.models.predictor import Predictor


ITEM_BYTES, MOST_ITEMS = 64_000_000, 50_000
"""What one release keeps of items between lists: bytes, and at most so many items."""


class Scored(msgspec.Struct, frozen=True, eq=False, gc=False):
    """n scored rows: `features` (and what else was asked for), and per objective (n,) or (n, k) numbers."""

    features: Table
    predictions: Mapping[str, NDArray[np.float64]]
    unknown: dict[str, int]
    """Features without a value -> in how many of the rows: an unknown key, no history yet, or null sent."""
    ready: float
    """When the features were there, by `time.perf_counter`."""
    fallbacks: Marks = msgspec.field(default_factory=dict)
    """What was not answered by its model, by what instead, and why."""
    pauses: tuple[Paused, ...] = ()
    """What was too slow once too often, so that it is not called for a while from now on."""

    def at(self, rows: NDArray[np.int64], among: int) -> Scored:
        """Some of the rows; `unknown` counts those of `among` requests of which each is there equally often."""
        each = max(1, self.features.height // max(among, 1))
        unknown = {name: -(-count // each) for name, count in self.unknown.items()}
        predictions = {name: values[rows] for name, values in self.predictions.items()}
        return replace(self, features=self.features.take(rows), predictions=predictions, unknown=unknown)

    @property
    def marks(self) -> dict[str, Marks]:
        """What answers and the log say of that: nothing where every model answered."""
        return {"fallbacks": self.fallbacks} if self.fallbacks else {}


class Scorer:
    """Predicts all objectives of one source's rows: features once, then one model after another.

    also: names that a decision reads: columns of the request, features, dotted look-ups (`airports.lat`).
    item: of rows that are listed, the column that says which item one is. fallbacks: objective -> what answers where
    its model cannot.
    """

    def __init__(
        self,
        plan: FeaturePlan,
        outputs: Iterable[Output],
        predictors: Mapping[str, Predictor],
        also: Iterable[str] = (),
        item: str | None = None,
        fallbacks: Mapping[str, Fallback] | None = None,
    ) -> None:
        self._plan = plan
        self._outputs = tuple(outputs)
        self._names = tuple(output.name for output in self._outputs)
        self._numbers = all(output.type in ("binary", "regression") for output in self._outputs)
        """Whether each prediction is one number."""
        self._predictors = [predictors[output.name] for output in self._outputs]
        self._made = tuple(output.name for output in plan.outputs)
        inputs = [frozenset(predictor.inputs) for predictor in self._predictors]
        self._breakers = Breakers()
        self._objectives = Objectives(self._outputs, inputs, fallbacks or {}, self._breakers)
        beside = (fallback.inputs for fallback in (fallbacks or {}).values())
        read = frozenset[str]().union(*inputs, *beside)
        self._also = frozenset(also)
        self.extra = tuple(sorted((read | self._also) - set(self._made)))
        """What is asked of the plan beside its outputs: columns of the request and of other sources."""
        if item is not None:
            self._lists = plan.lists(item, self.extra)
            self._listed = [predictor.for_lists(self._lists.item) for predictor in self._predictors]
            size = self._lists.bytes_per_item + sum(model.bytes_per_item for model in self._listed)
            self._lists.most = min(MOST_ITEMS, ITEM_BYTES // size)

    @property
    def predicts(self) -> bool:
        """Whether there are any models: a release that was made without enough data has none."""
        return bool(self._outputs)

    def score(self, requests: Requests, store: OnlineStore, budget: float = math.inf) -> Scored:
        """Features from a store that has been advanced to the requests' T, and what the models make of them.

        budget: seconds that each objective has for the features that it reads and its model; where they took longer,
        its fallback answers. Raises what a model raises, or `NotFinite`, naming objective and row, where it gives no
        number and the objective has no fallback.
        """
        if self._breakers.known and (paused := self._breakers.features()):
            return self._partly(requests, store, budget, paused)
        stamps = [time.perf_counter()]
        try:
            features = self._plan.online(requests, store, self.extra, stamps)
        except RequestError:
            raise
        except Exception:  # a source of features is down: what does not need it is answered as ever
            return self._partly(requests, store, budget, {})
        return self._predicted(self._predictors, features, {}, stamps, budget)

    def score_list(
        self,
        requests: Requests,
        once: frozenset[str],
        items: list[Any],
        store: OnlineStore,
        budget: float = math.inf,
    ) -> Scored:
        """The same for the candidates of one list, all at one T: bit for bit what `score` gives.

        once: columns that are the same for all of them; items: the item of each as it was sent, all different. What the
        request alone says is made once, and what items alone say is kept, within `ITEM_BYTES`, until it changes.
        """
        if self._breakers.known and (paused := self._breakers.features()):
            return self._partly(requests, store, budget, paused)
        stamps = [time.perf_counter()]
        try:
            features = self._lists.online(requests, once, items, store, stamps)
        except RequestError:
            raise
        except Exception:
            return self._partly(requests, store, budget, {})
        return self._predicted(self._listed, features, {}, stamps, budget)

    def _partly(self, requests: Requests, store: OnlineStore, budget: float, paused: Mapping[str, str]) -> Scored:
        """Where some features cannot be made, or are not to be: `paused`, and why."""
        stamps = [time.perf_counter()]
        features, first = self._plan.online_partly(requests, store, self.extra, stamps, paused)
        failed = {name: paused.get(one, f"'{one}' could not be read") for name, one in first.items()}
        scored = self._predicted(self._predictors, features, failed, stamps, budget)
        missing = {name: {"by": "missing", "why": failed[name]} for name in self._also & failed.keys()}
        return replace(scored, fallbacks={**scored.fallbacks, **missing})

    def _predicted(
        self,
        models: Sequence[Model],
        features: Table,
        failed: Mapping[str, str],
        stamps: Stamps,
        budget: float,
    ) -> Scored:
        """What the models make of the features that are ready now."""
        ready = time.perf_counter()
        fed, slow = ready - stamps[0], self._breakers.known

        def own(columns: frozenset[str]) -> float:
            return self._watch(features, stamps).behind(columns)

        if fed > budget or slow:
            self._judge(self._watch(features, stamps).foreign(), budget)
        predictions, marks = self._objectives.predict(models, features, failed, budget, fed, own)
        pauses = self._breakers.began() if slow else ()
        return Scored(features, predictions, features.missing(self._made), ready, marks, pauses)

    def _watch(self, features: Table, stamps: Stamps) -> Stopwatch:
        """What took how long: asked for only where it was too long."""
        groups = features.groups if isinstance(features, Listed) else self._plan.groups(self.extra)
        return Stopwatch(groups, stamps, self._plan.keys(self.extra))

    def _judge(self, took: Mapping[str, float], budget: float) -> None:
        """Tells the breakers which `function` features were too slow; those that were not called say nothing."""
        for name, seconds in took.items():
            if seconds > budget:
                self._breakers.slow("feature", name, seconds, budget)
            elif self._breakers.why("feature", name) is None:
                self._breakers.well("feature", name)

    def as_rows(self, predictions: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
        """One object per row: `{"late": 0.31, "delay": 12.4}`, for classes `{"kind": {"a": 0.2, "b": 0.8}}`."""
        if self._numbers:
            columns: list[list[Any]] = [predictions[name].tolist() for name in self._names]
            return [dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True)]
        columns = []
        for output in self._outputs:
            values: list[Any] = predictions[output.name].tolist()
            many = predictions[output.name].ndim == 2
            columns.append([dict(zip(output.classes, row, strict=True)) for row in values] if many else values)
        return [dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True)]
