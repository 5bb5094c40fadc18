"""Objectives: one thing to predict each, with its label and when that label is mature."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from poise.spec.record import Expr, Record
from poise.spec.source import Names
from poise.spec.units import Duration, Fraction

ProblemType = Literal["binary", "regression", "multi-class", "multi-label"]


class Label(Record):
    """Where an objective's truth comes from.

    With `from`: the rows of that source that match and whose τ lies in [T, T + within], the row itself excepted.
    Without: columns of the row itself, known at T + within.
    """

    from_: str | None = Field(None, alias="from")
    """The source of the label; default the row itself."""
    match: Names | dict[str, str] | None = None
    """Columns that both sources have, or {column of the label source: column of the per source}."""
    take: Expr | tuple[str, ...] | None = None
    """An expression over the matched row, or `count`, `sum(x)`, `mean(x)`, `min(x)`, `max(x)` over all matched rows.
    Default for binary: whether a row matched. A list of columns makes a multi-label objective."""
    split: str | None = None
    """Multi-label from one text column: the separator of its labels."""
    within: Duration = 0
    """How long after T the truth may still come."""


class Objective(Record):
    """One thing to predict."""

    type: ProblemType
    per: str
    """The source whose rows are predicted for."""
    at: Expr | None = None
    """When the prediction is asked for (T): an expression over the row; default the source's `time`."""
    label: Label
    given: str | None = None
    """Learn only where this binary objective is true: a conditional expectation."""
    features: Names | None = None
    """Names of the features this objective uses; default all that its rows can carry."""
    rule: Expr | None = None
    """What a person would do: an expression over features and request columns that gives the prediction
    (binary: a probability, or any score, which is then mapped to probabilities; regression: the value)."""
    rungs: Names | None = None
    """Which learners are candidates, in the order of their complexity; default constant, rule, linear, trees."""
    prefer: Literal["simple", "best"] = "simple"
    """`best` keeps the best rung even where its gain is not significant; the report says so."""
    worth: Fraction | None = None
    """The gain that a more complex rung must clear, as a fraction of what the best gains over the constant; 1 %."""
    metric: str | None = None
    """The metric that chooses the rung; default log_loss, for regression rmse."""
