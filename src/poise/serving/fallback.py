"""Predicting each objective, and answering by its fallback where its model cannot: said in the answer, never silently.

A model cannot answer where it fails, gives no finite number, reads a feature that could not be made, or where it took
longer than a request has for it. The fallback then answers for all rows of the request, so that they stay comparable.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotFinite
from poise.jit import compiled
from poise.releases.contract import Output
from poise.serving.breaker import Breakers
from poise.serving.budget import late
from poise.table import Table

if TYPE_CHECKING:
    from poise.models.fallback import Fallback

Floats = NDArray[np.float64]
Marks = Mapping[str, Mapping[str, str]]
"""Objective -> `by`, what answered in place of its model, and `why`."""
LOGGED_EVERY = 1.0
"""Seconds between two lines in the log about fallbacks of one release: they are counted, each of them."""
_LOG = logging.getLogger("poise.serving")
Own = Callable[[frozenset[str]], float]


class _Odd(Exception):
    """A model's numbers are not all finite."""


def _nothing(_: frozenset[str]) -> float:
    return 0.0


class Model(Protocol):
    """What predicts one objective from features, in whatever form these come."""

    def predict(self, features: Any, /) -> Floats: ...


class Objectives:
    """The objectives of one source's rows, in order, with what answers where their models do not."""

    def __init__(
        self,
        outputs: Sequence[Output],
        inputs: Sequence[frozenset[str]],
        fallbacks: Mapping[str, Fallback],
        breakers: Breakers | None = None,
    ) -> None:
        self._outputs, self._inputs = tuple(outputs), tuple(inputs)
        self._fallbacks = fallbacks
        self._breakers = breakers or Breakers()
        self._logged = -LOGGED_EVERY
        _all_finite(np.zeros(2))  # compiled now: a rehearsal may bring one row

    def predict(
        self,
        models: Sequence[Model],
        features: Table,
        failed: Mapping[str, str],
        budget: float = math.inf,
        fed: float = 0.0,
        own: Own = _nothing,
    ) -> tuple[dict[str, Floats], dict[str, dict[str, str]]]:
        """Objective -> its predictions, (n,) or (n, k); and the marks of those that fell back.

        failed: columns that could not be made, and why; budget: seconds that each objective has for its own features
        and model, so that none is charged for another; fed: what all features took together; own: what of that some
        columns took. Raises what the model raised, or `NotFinite`, where there is no fallback.
        """
        predictions: dict[str, Floats] = {}
        marks: dict[str, dict[str, str]] = {}
        slow, now = self._breakers.known, time.perf_counter
        began = now()
        for output, inputs, model in zip(self._outputs, self._inputs, models, strict=True):
            why: str | None = None
            trouble: Exception | None = None
            if failed or slow or fed > budget:
                why = self._unready(output.name, inputs, failed, budget, own)
            if why is None:
                try:
                    values = predictions[output.name] = model.predict(features)
                    if not _finite(values):
                        raise _Odd(f"gave no finite number for row {_odd(values)}")
                except _Odd as odd:
                    why, trouble = f"its model {odd}", NotFinite(f"the model of '{output.name}' {odd}")
                except Exception as error:  # a model may raise anything, and the others still answer
                    why, trouble = "its model failed", error
                ended = now()
                took, began = ended - began, ended
                if fed + took > budget or slow:
                    why = self._judged(output.name, took, budget, own(inputs)) or why
                if why is None:
                    continue
            fallback = self._fallbacks.get(output.name)
            found = None if fallback is None else fallback.answer(features, failed)
            if found is None:
                raise trouble or NotFinite(f"'{output.name}' cannot be predicted, and has no fallback: {why}")
            by, predictions[output.name] = found
            marks[output.name] = {"by": by, "why": why}
            self._log(output.name, by, why, trouble)
            began = now()
        return predictions, marks

    def _unready(
        self, name: str, inputs: frozenset[str], failed: Mapping[str, str], budget: float, own: Own
    ) -> str | None:
        """Why the model is not even called."""
        gone = sorted(inputs & failed.keys())
        if gone:
            return failed[gone[0]]
        return self._breakers.why("model", name) or late(budget, own(inputs))

    def _judged(self, name: str, took: float, budget: float, features: float) -> str | None:
        """Why an answer comes too late, if it does; its breaker is told."""
        why = late(budget, features, took)
        if why is None:
            self._breakers.well("model", name)
        else:
            self._breakers.slow("model", name, took, budget)
        return why

    def _log(self, name: str, by: str, why: str, trouble: Exception | None) -> None:
        now = time.monotonic()
        if now - self._logged >= LOGGED_EVERY:
            self._logged = now
            _LOG.warning("the %s answers for '%s': %s", by, name, why, exc_info=trouble)


def _finite(values: Floats) -> bool:
    return math.isfinite(values.item(0)) if values.size == 1 else bool(_all_finite(values.ravel()))


@compiled
def _all_finite(values: Floats) -> bool:
    finite = True
    for value in values:
        finite &= math.isfinite(value)
    return finite


def _odd(values: Floats) -> int:
    return int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(axis=1)))
