"""Answering for the rung `rule`: one score, by bins, by level, or as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from poise.errors import DataError
from poise.models.base import Floats, Model
from poise.models.inputs import Inputs
from poise.models.stored import read_json, write_json
from poise.spec.expression import Type, parse
from poise.spec.in_numpy import compile as compile_expression
from poise.table import Column, Table

Form = Literal["bins", "levels", "line"]


@dataclass(frozen=True, eq=False)
class Score:
    """The one number or level that a rule looks at: a feature, or the expression that the objective declares."""

    name: str
    """The feature's name, or the text of the expression."""
    types: Mapping[str, Type] | None = None
    """For an expression: the type of each name in it. None for a feature."""
    _compiled: Any = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if self.types is not None:
            object.__setattr__(self, "_compiled", compile_expression(parse(self.name), dict(self.types)))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.name,) if self.types is None else tuple(sorted(self.types))

    def column(self, features: Table) -> Column:
        """Its values. Raises `DataError` where a column is absent."""
        for name in self.inputs:
            if name not in features:
                raise DataError(f"the rule reads '{name}', which these rows do not have")
        if self._compiled is None:
            return features[self.name]
        out: Column = self._compiled(features)
        return out


@dataclass(frozen=True, eq=False)
class RuleModel(Model):
    """A table with one row per bin or level of the score, or a line through it.

    form: `bins`: `edges` (m,) ascending, bin i holds edges[i-1] <= x < edges[i], `values` (m + 2, k), the last row for
    missing; `levels`: `values` (levels + 2, k), first other levels, last missing; `line`: values[0] + values[1] * x,
    and values[2] where x is missing.
    """

    score: Score
    form: Form
    values: Floats
    edges: Floats
    levels: tuple[str, ...]
    many: bool
    probability: bool
    """Whether a line's values are kept within (0, 1)."""
    notes: tuple[str, ...] = field(default=())
    kind = "rule"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The feature, or the columns that the expression names."""
        return self.score.inputs

    @property
    def importance(self) -> dict[str, float]:
        """All of it is the one feature, or shared equally by the columns of the expression."""
        return {name: 1 / len(self.inputs) for name in self.inputs}

    def predict(self, features: Table) -> Floats:
        """Predictions, (n,) or (n, k)."""
        column = self.score.column(features)
        if self.form == "line":
            return self._line(numbers_of(column))
        found = self.values[codes_of(column, self.form, self.edges, self.levels)]
        return found if self.many else np.ascontiguousarray(found[:, 0])

    def _line(self, x: Floats) -> Floats:
        base, slope, missing = self.values[:, 0].tolist()
        usable = np.isfinite(x)
        out = np.where(usable, base + slope * np.where(usable, x, 0.0), missing)
        return np.asarray(np.clip(out, 1e-6, 1 - 1e-6) if self.probability else out)

    def save(self, folder: Path) -> None:
        """Write `model.json`."""
        content = {
            "score": self.score.name,
            "types": None if self.score.types is None else dict(self.score.types),
            "form": self.form,
            "values": self.values.tolist(),
            "edges": self.edges.tolist(),
            "levels": list(self.levels),
            "many": self.many,
            "probability": self.probability,
            "notes": list(self.notes),
        }
        write_json(folder / "model.json", content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `model.json`."""
        c = read_json(folder / "model.json")
        return cls(
            Score(c["score"], c["types"]),
            c["form"],
            np.array(c["values"], np.float64),
            np.array(c["edges"], np.float64),
            tuple(c["levels"]),
            c["many"],
            c["probability"],
            tuple(c["notes"]),
        )

    def describe(self) -> str:
        """The rule in words: `arrivals_mean_late_1d_by_origin in 10 bins`."""
        name = self.score.name
        if self.form == "bins":
            return f"{name} in {len(self.edges) + 1} bins"
        if self.form == "levels":
            return f"the mean by {name}, {len(self.levels)} levels" if not self.many else f"the shares by {name}"
        base, slope = self.values[:2, 0].tolist()
        return f"the value of {name}" if (base, slope) == (0, 1) else f"{base:.4g} + {slope:.4g} * {name}"


def numbers_of(column: Column) -> Floats:
    """A score as numbers, NaN where missing. Raises `DataError` for strings."""
    if column.kind == "string":
        raise DataError("the rule gives strings where a number is needed")
    return np.where(column.missing(), np.nan, column.values.astype(np.float64))


def codes_of(column: Column, form: Form, edges: Floats, levels: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The row of the table for each value of a score, (n,)."""
    if form == "levels":
        code = Inputs(("score",), (levels,)).encode(Table({"score": column}))[:, 0]
        return np.where(np.isnan(code), len(levels) + 1, code).astype(np.int64)
    x = numbers_of(column)
    return np.where(np.isnan(x), len(edges) + 1, np.searchsorted(edges, x, side="right")).astype(np.int64)
