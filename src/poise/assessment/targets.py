"""Targets: what is to be predicted, by the values of the target column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.assessment.case import Obstacle
from poise.assessment.kinds import Kind, kind_of, without_missing
from poise.assessment.percent import percent
from poise.errors import DataError
from poise.evaluation.words import number
from poise.spec.objective import ProblemType

MOST_CLASSES = 10
"""Whole numbers of up to so many values are classes."""
KEPT_CLASSES = 30
"""Of more classes the most frequent are kept, and the rest is one class."""
OTHER = "(other)"
YES = ("true", "t", "yes", "y", "1", "1.0", "positive", "pos")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The truth of each row that has one (`has`, (n,) bool); `values` are those rows only."""

    problem: ProblemType
    values: NDArray[Any]
    has: NDArray[np.bool_]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    obstacle: Obstacle | None = None
    merged: int = 0
    kind: Kind | None = field(default=None)


def target_of(column: pl.Series, problem: ProblemType | None = None) -> Target:
    """What is to be predicted. `problem` overrides what the values look like.

    Raises `DataError` where the column has no values at all, or values that are no truth to learn (instants, lists).
    """
    name = column.name
    kind = kind_of(column)
    if kind.kind == "empty":
        raise DataError(f"the target '{name}' has no values", hint="name the column that says what came true")
    if kind.kind in ("other", "time"):
        what = "instants" if kind.kind == "time" else str(column.dtype)
        raise DataError(
            f"the target '{name}' holds {what}", hint="a target is a number, yes or no, or one of some classes"
        )
    values = kind.values if kind.values.dtype != pl.String else without_missing(kind.values)
    has = values.is_not_null().to_numpy()
    there = values.drop_nulls()
    distinct = there.n_unique()
    if distinct == 1:
        return _constant(there, has, kind, name)
    if kind.values.dtype == pl.Float64:
        return _numbers(there, has, kind, name, distinct, problem)
    return _classes(there, has, kind, name, problem)


def _constant(there: pl.Series, has: NDArray[np.bool_], kind: Kind, name: str) -> Target:
    shown = _plain(there[0])
    said = Obstacle(
        f"'{name}' is '{shown}' in all {len(there):,} rows that have a value, so there is nothing to tell apart",
        "do not use ML",
        f"rows in which '{name}' came out otherwise",
    )
    return Target("binary", np.ones(len(there)), has, (f"not {shown}", shown), (), said, kind=kind)


def _numbers(
    there: pl.Series, has: NDArray[np.bool_], kind: Kind, name: str, distinct: int, problem: ProblemType | None
) -> Target:
    values = there.to_numpy().astype(np.float64)
    if problem == "regression" or (problem is None and (distinct > MOST_CLASSES or not _whole(values))):
        if distinct == 2 and problem is None:
            return _two(there, has, kind, name)
        notes = [f"'{name}': {kind.note}"] if kind.note else []
        return Target("regression", values, has, (), tuple(notes), kind=kind)
    if distinct == 2:
        return _two(there, has, kind, name)
    text = pl.Series(name, [_plain(value) for value in values.tolist()])
    made = _classes(text, has, kind, name, problem)
    said = f"'{name}' has {distinct} whole values, which are taken as classes (with --problem regression as a number)"
    return Target(made.problem, made.values, has, made.classes, (said, *made.notes), made.obstacle, made.merged, kind)


def _two(there: pl.Series, has: NDArray[np.bool_], kind: Kind, name: str) -> Target:
    """Yes is the larger number, a word for yes, or else the rarer value."""
    found = there.unique().sort().to_list()
    if there.dtype == pl.String:
        words = [value.lower() for value in found]
        counts = [int((there == value).sum()) for value in found]
        if words[0] in YES or (words[1] not in YES and counts[0] < counts[1]):
            found = found[::-1]
    values = (there == found[1]).to_numpy().astype(np.float64)
    if kind.kind == "flag" and kind.type == "bool":
        shown: tuple[str, str] = ("no", "yes")
    else:
        shown = (_plain(found[0]), _plain(found[1]))
    note = (
        f"'{name}': what is predicted is '{shown[1]}' ({percent(values.mean(), 1)} of the rows), against '{shown[0]}'"
    )
    return Target("binary", values, has, shown, (note,), kind=kind)


def _classes(there: pl.Series, has: NDArray[np.bool_], kind: Kind, name: str, problem: ProblemType | None) -> Target:
    if problem == "regression":
        raise DataError(f"the target '{name}' holds words, e.g. '{there[0]}', and no numbers to predict")
    counts = there.value_counts(sort=True)
    levels, rows = counts[there.name].to_list(), counts["count"].to_list()
    if len(levels) == 2:
        return _two(there, has, kind, name)
    ranked = sorted(zip([-n for n in rows], levels, strict=True))
    if len(levels) > 0.5 * len(there):
        said = Obstacle(
            f"'{name}' has {len(levels):,} different values in {len(there):,} rows: hardly any occurs twice, so none"
            " can be learned as a class",
            "do not use ML",
            "fewer classes, or another question: a score for each pair of a row and an item, not a class per item",
        )
        return Target("multi-class", np.zeros(len(there)), has, (str(levels[0]),), (), said, kind=kind)
    kept = [level for _, level in ranked[:KEPT_CLASSES]] if len(ranked) > KEPT_CLASSES + 1 else levels
    merged = len(levels) - len(kept)
    names = sorted(kept) + ([OTHER] if merged else [])
    place = {level: i for i, level in enumerate(names)}
    codes = there.replace_strict(place, default=len(names) - 1, return_dtype=pl.Int64).to_numpy()
    notes = []
    if merged:
        share = sum(n for n, level in zip(rows, levels, strict=True) if level not in set(kept)) / len(there)
        notes.append(
            f"'{name}' has {len(levels):,} classes: the {len(kept)} most frequent are kept, the others"
            f" ({percent(share)} of the rows) are one"
        )
    return Target("multi-class", codes, has, tuple(names), tuple(notes), None, merged, kind)


def _whole(values: NDArray[np.float64]) -> bool:
    return bool((values == np.floor(values)).all())


def _plain(value: Any) -> str:
    return number(value, 9) if isinstance(value, float) else str(value)
