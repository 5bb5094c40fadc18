"""From rows of a request to features as of now, and from features to one calibrated prediction per objective."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import RequestError
from poise.releases.contract import Output
from poise.serving.fallback import Marks, Objectives
from poise.stores.base import OnlineStore
from poise.table import Requests, Table

if TYPE_CHECKING:  # the stations above are handed in, so that tests of this one can use small stand-ins
    from poise.features.plan import FeaturePlan
    from poise.models.fallback import Fallback
    from poise.models.predictor import Predictor


ITEM_BYTES, MOST_ITEMS = 64_000_000, 50_000
"""What one release keeps of items between lists: bytes, and at most so many items."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """n scored rows: `features` (and what else was asked for), and per objective (n,) or (n, k) numbers."""

    features: Table
    predictions: Mapping[str, NDArray[np.float64]]
    unknown: dict[str, int]
    """Features without a value -> in how many of the rows: an unknown key, no history yet, or null sent."""
    ready: float
    """When the features were there, by `time.perf_counter`."""
    fallbacks: Marks = field(default_factory=dict)
    """What was not answered by its model, by what instead, and why."""

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
        self._predictors = [predictors[output.name] for output in self._outputs]
        self._made = tuple(output.name for output in plan.outputs)
        inputs = [frozenset(predictor.inputs) for predictor in self._predictors]
        self._objectives = Objectives(self._outputs, inputs, fallbacks or {})
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

        budget: seconds after which models that have not begun leave the answer to their fallbacks. Raises what a model
        raises, or `NotFinite`, naming objective and row, where it gives no number and the objective has no fallback.
        """
        until = time.perf_counter() + budget
        try:
            features = self._plan.online(requests, store, self.extra)
        except RequestError:
            raise
        except Exception:  # a source of features is down: what does not need it is answered as ever
            return self._partly(requests, store, until)
        ready = time.perf_counter()
        predictions, marks = self._objectives.predict(self._predictors, features, {}, until)
        return Scored(features, predictions, _unknown(features, self._made), ready, marks)

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
        until = time.perf_counter() + budget
        try:
            features = self._lists.online(requests, once, items, store)
        except RequestError:
            raise
        except Exception:
            return self._partly(requests, store, until)
        ready = time.perf_counter()
        predictions, marks = self._objectives.predict(self._listed, features, {}, until)
        return Scored(features, predictions, features.missing(self._made), ready, marks)

    def _partly(self, requests: Requests, store: OnlineStore, until: float) -> Scored:
        """Where some features cannot be made."""
        features, failed = self._plan.online_partly(requests, store, self.extra)
        ready = time.perf_counter()
        predictions, marks = self._objectives.predict(self._predictors, features, failed, until)
        for name in self._also & failed.keys():
            marks[name] = {"by": "missing", "why": f"'{failed[name]}' could not be read"}
        return Scored(features, predictions, _unknown(features, self._made), ready, marks)

    def as_rows(self, predictions: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
        """One object per row: `{"late": 0.31, "delay": 12.4}`, for classes `{"kind": {"a": 0.2, "b": 0.8}}`."""
        columns: list[list[Any]] = []
        for output in self._outputs:
            values: list[Any] = predictions[output.name].tolist()
            many = predictions[output.name].ndim == 2
            columns.append([dict(zip(output.classes, row, strict=True)) for row in values] if many else values)
        names = [output.name for output in self._outputs]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _unknown(features: Table, names: Iterable[str]) -> dict[str, int]:
    counts = {name: features[name].gone() for name in names}
    return {name: count for name, count in counts.items() if count}
