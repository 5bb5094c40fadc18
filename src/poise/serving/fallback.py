"""Predicting each objective, and answering by its fallback where its model cannot: said in the answer, never silently.

A model cannot answer where it fails, gives no finite number, reads a feature that could not be made, or where the time
of the request is over. The fallback then answers for all rows of the request, so that they stay comparable.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotFinite
from poise.releases.contract import Output
from poise.table import Table

if TYPE_CHECKING:
    from poise.models.fallback import Fallback

Floats = NDArray[np.float64]
Marks = Mapping[str, Mapping[str, str]]
"""Objective -> `by`, what answered in place of its model, and `why`."""
LOGGED_EVERY = 1.0
"""Seconds between two lines in the log about fallbacks of one release: they are counted, each of them."""
_LOG = logging.getLogger("poise.serving")


class Model(Protocol):
    """What predicts one objective from features, in whatever form these come."""

    def predict(self, features: Any, /) -> Floats: ...


class Objectives:
    """The objectives of one source's rows, in order, with what answers where their models do not."""

    def __init__(
        self, outputs: Sequence[Output], inputs: Sequence[frozenset[str]], fallbacks: Mapping[str, Fallback]
    ) -> None:
        self._outputs, self._inputs = tuple(outputs), tuple(inputs)
        self._fallbacks = fallbacks
        self._logged = -LOGGED_EVERY

    def predict(
        self, models: Sequence[Model], features: Table, failed: Mapping[str, str], until: float
    ) -> tuple[dict[str, Floats], dict[str, dict[str, str]]]:
        """Objective -> its predictions, (n,) or (n, k); and the marks of those that fell back.

        failed: columns that could not be made, with what failed first; until: when the request's time is over, by
        `time.perf_counter`. Raises what the model raised, or `NotFinite`, where an objective has no fallback.
        """
        predictions: dict[str, Floats] = {}
        marks: dict[str, dict[str, str]] = {}
        for output, inputs, model in zip(self._outputs, self._inputs, models, strict=True):
            why = _unready(inputs, failed, until)
            trouble: Exception | None = None
            if why is None:
                try:
                    values = model.predict(features)
                except Exception as error:  # a model may raise anything, and the others still answer
                    why, trouble = "its model failed", error
                else:
                    if np.isfinite(values).all():
                        predictions[output.name] = values
                        continue
                    why = f"its model gave no finite number for row {_odd(values)}"
                    trouble = NotFinite(f"the model of '{output.name}' gave no finite number for row {_odd(values)}")
            fallback = self._fallbacks.get(output.name)
            found = None if fallback is None else fallback.answer(features, failed)
            if found is None:
                raise trouble or NotFinite(f"'{output.name}' cannot be predicted, and has no fallback: {why}")
            by, predictions[output.name] = found
            marks[output.name] = {"by": by, "why": why}
            self._log(output.name, by, why, trouble)
        return predictions, marks

    def _log(self, name: str, by: str, why: str, trouble: Exception | None) -> None:
        now = time.monotonic()
        if now - self._logged >= LOGGED_EVERY:
            self._logged = now
            _LOG.warning("the %s answers for '%s': %s", by, name, why, exc_info=trouble)


def _unready(inputs: frozenset[str], failed: Mapping[str, str], until: float) -> str | None:
    if failed:
        gone = sorted(inputs & failed.keys())
        if gone:
            return f"'{failed[gone[0]]}' could not be read"
    return "the time of the request was over" if time.perf_counter() > until else None


def _odd(values: Floats) -> int:
    return int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(axis=1)))
