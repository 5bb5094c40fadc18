"""The rung `constant`: the mean, the share of each class or the share of each label, whatever the features say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from poise.errors import NotEnoughData
from poise.models.base import EVERY_PROBLEM, Examples, Floats, Learner, Model, Problem
from poise.models.guards import clipped, rare_class_notes
from poise.models.stored import read_json, write_json
from poise.table import Table


@dataclass(frozen=True, eq=False)
class ConstantModel(Model):
    """One prediction for all rows: `values` has shape (1,), or (k,) for k classes or labels (`many`)."""

    values: Floats
    many: bool
    notes: tuple[str, ...] = field(default=())
    kind = "constant"

    @property
    def inputs(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def importance(self) -> dict[str, float]:
        """Empty: no input matters."""
        return {}

    def predict(self, features: Table) -> Floats:
        """The same numbers for each row, (n,) or (n, k)."""
        if self.many:
            return np.tile(self.values, (features.height, 1))
        return np.full(features.height, self.values[0])

    def save(self, folder: Path) -> None:
        """Write `model.json`."""
        content = {"values": self.values.tolist(), "many": self.many, "notes": list(self.notes)}
        write_json(folder / "model.json", content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `model.json`."""
        content = read_json(folder / "model.json")
        return cls(np.array(content["values"], np.float64), content["many"], tuple(content["notes"]))

    def describe(self) -> str:
        """The values in words."""
        return "always " + ", ".join(f"{value:.4g}" for value in self.values[:10])


class ConstantLearner(Learner):
    """The simplest rung, which each other rung must beat.

    >>> y = np.array([0, 0, 0, 1])
    >>> rows = Examples(Table({}, 4), {}, y, None, np.zeros(4, np.int64))
    >>> ConstantLearner().refit(None, Problem("binary"), rows).values.tolist()
    [0.25]
    """

    name = "constant"
    order = 0
    works_with = EVERY_PROBLEM

    def fit(self, problem: Problem, fit: Examples, tune: Examples) -> ConstantModel:
        """Means of the target over `fit`."""
        return self.refit(None, problem, fit)

    def refit(self, model: Model | None, problem: Problem, examples: Examples) -> ConstantModel:
        """Means of the target over `examples`; shares of 0 and 1 are moved off by half a row."""
        if not examples.height:
            raise NotEnoughData("there are no rows to learn from")
        (rows,), notes = clipped(problem, examples)
        values = mean_target(problem, rows)
        return ConstantModel(values, problem.many, notes + rare_class_notes(problem, examples.target))


def mean_target(problem: Problem, rows: Examples) -> Floats:
    """Weighted mean of the target, (1,), or shares (k,); no share is 0 or 1, so that log loss stays finite."""
    target = rows.target
    if problem.type == "multi-class":
        target = np.eye(problem.width)[target.astype(np.int64)]
    mean = np.atleast_1d(np.average(target.astype(np.float64), axis=0, weights=rows.weights))
    if problem.type == "regression":
        return mean
    half = 0.5 / (rows.height + 1)
    mean = np.clip(mean, half, 1 - half)
    return np.asarray(mean / mean.sum() if problem.type == "multi-class" else mean)
