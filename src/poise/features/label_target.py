"""The form in which learners see a label: numbers, positions in classes, or one 0/1 column per label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import DataError, SpecError
from poise.spec.expression import Type
from poise.spec.objective import ProblemType

LARGEST = 1e18
"""The largest number of either sign that a regression learns: its square still is a number in single precision."""
MOST_LABELS = 1_000  # columns of a multi-label target; a choice among more is a ranking of pairs


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One value per request: numbers, or codes into `levels`."""

    values: NDArray[Any]
    type: Type
    levels: NDArray[Any] | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What learners see, and the names of its classes."""

    values: NDArray[Any]
    classes: tuple[str, ...] = ()


def encoded(
    problem: ProblemType, values: tuple[Value, ...], usable: NDArray[np.bool_], where: str, split: str | None = None
) -> Target:
    """The target of a problem type. Rows that are not usable hold NaN, -1 or zeros.

    Raises `SpecError` where the type of the value does not fit the problem, `DataError` where a value does not.
    """
    if problem == "multi-label":
        return _split(values[0], split, usable, where) if split is not None else _listed(values, usable, where)
    if len(values) != 1:
        raise SpecError(f"take: names {len(values)} columns, which only a multi-label objective can learn", where=where)
    if problem == "binary":
        return Target(_truth(values[0], usable, where))
    if problem == "multi-class":
        return _classes(values[0], usable, where)
    if values[0].type not in ("number", "bool", "duration"):
        raise SpecError(f"a regression learns numbers; '{values[0].text}' is a {values[0].type}", where=where)
    return Target(_numbers(values[0], usable, where))


def _numbers(value: Value, usable: NDArray[np.bool_], where: str) -> NDArray[np.float64]:
    """The numbers, none of them so large that its square overflows where learners reckon in single precision."""
    huge = usable & (np.abs(value.values) > LARGEST)
    if huge.any():
        raise DataError(
            f"a regression learns numbers up to {LARGEST:g}; '{value.text}' is {value.values[huge][0]:g} in "
            f"{int(huge.sum()):,} rows (or as large)",
            where=where,
            hint="refuse such rows with max:, or divide by a unit",
        )
    return np.where(usable, value.values, np.nan)


def _truth(value: Value, usable: NDArray[np.bool_], where: str) -> NDArray[np.float64]:
    """0 and 1."""
    if value.type not in ("bool", "number"):
        raise SpecError(
            f"a binary label is true or false; '{value.text}' is a {value.type}",
            where=where,
            hint="e.g. status == 'paid'",
        )
    odd = usable & (value.values != 0) & (value.values != 1)
    if odd.any():
        raise DataError(
            f"a binary label is true, false, 0 or 1; '{value.text}' is {value.values[odd][0]:g} "
            f"(or another number) in {int(odd.sum()):,} rows",
            where=where,
            hint=f"compare it, e.g. {value.text} == {value.values[odd][0]:g}",
        )
    return np.where(usable, value.values, np.nan)


def _classes(value: Value, usable: NDArray[np.bool_], where: str) -> Target:
    """Positions in the sorted names of the classes that occur."""
    if value.type == "time":
        raise SpecError(f"'{value.text}' is an instant, which is no class", where=where)
    levels, codes = np.unique(value.values[usable], return_inverse=True)
    names = [_name(level, value) for level in levels.tolist()]
    classes = tuple(sorted(set(names)))
    place = {name: position for position, name in enumerate(classes)}
    target = np.full(len(usable), -1, np.int64)
    target[usable] = np.array([place[name] for name in names], np.int64)[codes]
    return Target(target, classes)


def _name(level: float, value: Value) -> str:
    """A class as text: `3`, `2.5`, `true`, or the word that it is."""
    if value.levels is not None:
        return str(value.levels[int(level)])
    if value.type == "bool":
        return "true" if level else "false"
    return str(int(level)) if float(level).is_integer() else repr(level)


def _listed(values: tuple[Value, ...], usable: NDArray[np.bool_], where: str) -> Target:
    """One column per expression of the list."""
    if len(values) < 2:
        raise SpecError("a multi-label objective takes a list of columns, or one text column with split:", where=where)
    columns = [np.where(usable, _truth(value, usable, where), 0).astype(np.int8) for value in values]
    return Target(np.stack(columns, axis=1), tuple(value.text for value in values))


def _split(value: Value, separator: str, usable: NDArray[np.bool_], where: str) -> Target:
    """One column per word of a separated list; an empty text has none of them."""
    if value.levels is None:
        raise SpecError(f"split: needs text, '{value.text}' is a {value.type}", where=where)
    used = np.unique(value.values[usable]).tolist()
    parts = {code: {p.strip() for p in value.levels[code].split(separator)} - {""} for code in used}
    classes = tuple(sorted(set().union(*parts.values()))) if parts else ()
    if len(classes) > MOST_LABELS:
        raise DataError(
            f"'{value.text}' has {len(classes):,} different labels; at most {MOST_LABELS:,} are learned", where=where
        )
    place = {name: position for position, name in enumerate(classes)}
    table = np.zeros((len(value.levels) + 1, len(classes)), np.int8)
    for code, words in parts.items():
        table[code, [place[word] for word in sorted(words)]] = 1
    target: NDArray[np.int8] = table[np.where(usable, value.values, len(value.levels))]
    return Target(target, classes)
