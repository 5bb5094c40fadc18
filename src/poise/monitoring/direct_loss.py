"""What a regression's loss will be, before any label has come: a second model that has learned where it errs.

Direct loss estimation (DLE), as NannyML has it: a model of the loss of each row by the features and the prediction,
learned where labels are known, and averaged where they are not. Here it learns from rows since the release, whose
losses are of predictions on rows that were not learned from.

It sees more of what is hard coming in. It does not see the same inputs coming to mean something else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise import registry
from poise.evaluation.base import Array, Metric
from poise.models.base import Examples, Model, Problem
from poise.table import Column

Floats = NDArray[np.float64]
MOST_ROWS = 20_000
"""Rows that it learns from, the newest."""
LEAST_ROWS = 1_000
CLIP = 0.999
"""Losses above this quantile count as it: one absurd row would tilt everything."""
PREDICTION = "@prediction"


@dataclass(frozen=True, slots=True, eq=False)
class DirectLoss:
    """The loss of a metric that is a function of a mean, by row."""

    model: Model
    metric: Metric

    @classmethod
    def fit(cls, metric: Metric, rows: Examples, prediction: Array) -> DirectLoss:
        """Learn from n rows with their truth (`rows.target`) and what was predicted, (n,).

        Raises `NotEnoughData` where nothing can be learned from them.
        """
        losses = metric.losses(rows.target, prediction)
        assert losses is not None
        losses = np.minimum(losses, np.quantile(losses, CLIP))
        newest = slice(max(0, len(losses) - MOST_ROWS), None)
        at = np.arange(len(losses))[newest]
        asked = _with_prediction(rows, prediction).with_target(losses).take(at)
        learner = registry.get("learner", "trees")()
        return cls(learner.fit(Problem("regression"), asked, asked.take(np.empty(0, np.int64))), metric)

    def losses(self, rows: Examples, prediction: Array) -> Floats:
        """The loss of each of n rows that is to be expected, (n,); their target is not read."""
        return np.maximum(self.model.predict(_with_prediction(rows, prediction).features), 0.0)

    def score(self, rows: Examples, prediction: Array) -> float:
        """The score that is to be expected of these rows."""
        return self.metric.of_mean(float(self.losses(rows, prediction).mean()))


def _with_prediction(rows: Examples, prediction: Array) -> Examples:
    features = rows.features.with_columns({PREDICTION: Column.numbers(prediction)})
    return Examples(features, {**rows.types, PREDICTION: "number"}, rows.target, rows.weight, rows.time)
