"""Whose rows are whose: the columns by which somebody, or something, may stand out among what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poise.features.keys import joint_codes
from poise.features.labels import label_rows
from poise.releases.examples import ObjectiveData
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.table import Column, History

Ints = NDArray[np.int64]
MOST_LEVELS = 200_000
"""A column of more values than this is not looked at by value."""
KINDS = ("string", "category")


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """The rows of an objective by the values of one column of a source: `codes` (n,) index `levels`, -1 where none.

    declared: whether the file says that it stands for somebody, or is the item of a list; else it is a category, which
    may well change by itself. ours: whether how often it occurs is the system's own doing, as of items that it shows.
    lists: (n,) which rows came in one list; None where each came by itself.
    """

    source: str
    column: str
    codes: Ints
    levels: tuple[str, ...]
    declared: bool = True
    ours: bool = False
    lists: Ints | None = None


def groupings(system: SystemSpec, data: ObjectiveData, histories: Mapping[str, History]) -> list[Grouping]:
    """Every way to tell who or what stands behind the rows of an objective.

    Of the source that is predicted for: the actor of `trust`, the person, the entity, the item of a list, and each
    category that is not nearly different in every row; of the source of labels: actor and person.
    """
    per, own = data.spec.per, data.requests.rows
    said = _said(system, per)
    item = _item(system, per)
    found = [_grouped(per, column, own[column], declared=column in said) for column in _own(system, per, own)]
    found = [replace(one, ours=one.column == item) for one in found]
    label = data.spec.label.from_
    if label is not None and label != per:
        rows = label_rows(system, data.name, data.requests, histories)
        theirs = histories[label].rows
        named = [column for column in _declared(system, label) if column in theirs]
        found += [_grouped(label, column, theirs[column].take(rows)) for column in named]
    lists = _lists(system, per, own)
    return [replace(one, lists=lists) for one in found if 2 <= len(one.levels) <= MOST_LEVELS]


def repeated(system: SystemSpec, data: ObjectiveData) -> NDArray[np.bool_]:
    """Which rows say the same as an earlier row of the same day: all that callers send, and the label, (n,).

    >>> repeats(np.array([3, 3, 3, 4]), np.array([0, 0, 1, 1])).tolist()
    [False, True, False, False]
    """
    source = system.sources[data.spec.per]
    left = {source.time, *source.identity}
    sent = [c for name, c in data.requests.rows.items() if name not in left and not name.startswith("@")]
    told = Column.numbers(np.asarray(data.target, np.float64).reshape(len(data.target), -1)[:, 0])
    filled = [_filled(column) for column in (*sent, told)]
    codes, _ = joint_codes(filled, filled)
    day = data.requests.time // (24 * 3_600_000_000)
    return repeats(codes, day)


def repeats(codes: Ints, day: Ints) -> NDArray[np.bool_]:
    """Which rows have the code of an earlier row of the same day, (n,)."""
    order = np.lexsort((np.arange(len(codes)), codes, day))
    same = np.zeros(len(codes), np.bool_)
    same[1:] = (codes[order][1:] == codes[order][:-1]) & (day[order][1:] == day[order][:-1])
    out = np.zeros(len(codes), np.bool_)
    out[order] = same
    return out


def _filled(column: Column) -> Column:
    """Missing as a value of its own: a key with a missing part would match nothing."""
    if column.kind == "number":
        return Column.numbers(np.nan_to_num(column.values, nan=-9.87654321e99))
    if column.kind == "time":
        return column
    assert column.levels is not None
    return Column.coded(np.where(column.values < 0, len(column.levels), column.values), [*column.levels, "\0missing"])


def _declared(system: SystemSpec, source: str) -> list[str]:
    """The columns of a source that are said to stand for somebody."""
    spec = system.sources[source]
    actor = None if spec.trust is None else spec.trust.actor
    return list(dict.fromkeys(name for name in (actor, spec.person, spec.entity) if name is not None))


def _said(system: SystemSpec, per: str) -> list[str]:
    """The columns of a source that is predicted for which stand for somebody, or are the item of a list."""
    item = _item(system, per)
    return [*_declared(system, per), *([item] if item else [])]


def _item(system: SystemSpec, per: str) -> str | None:
    """The column with the item of a list, where `per` holds the rows of lists."""
    decision = system.decision
    return decision.item if decision is not None and decision.per == per else None


def _lists(system: SystemSpec, per: str, rows: Mapping[str, Column]) -> Ints | None:
    """Which rows came in one list, (n,); those of no list each by itself."""
    decision = system.decision
    if decision is None or decision.per != per or decision.list_ is None or decision.list_ not in rows:
        return None
    column = rows[decision.list_]
    _, codes = np.unique(column.values, return_inverse=True)
    return np.where(column.missing(), codes.max(initial=0) + 1 + np.arange(len(codes)), codes)


def _own(system: SystemSpec, per: str, rows: Mapping[str, Column]) -> list[str]:
    spec = system.sources[per]
    types = column_types(spec, system)
    texts = [n for n, t in types.items() if t in KINDS and n not in spec.identity and n in rows]
    many = {n for n in texts if _levels(rows[n]) > len(rows[n]) / 5}
    named = [*_said(system, per), *(n for n in texts if n not in many)]
    return [n for n in dict.fromkeys(named) if n in rows]


def _levels(column: Column) -> int:
    return len(np.unique(column.values))


def _grouped(source: str, name: str, column: Column, *, declared: bool = True) -> Grouping:
    if column.levels is None:
        values, codes = np.unique(column.values[~column.missing()], return_inverse=True)
        full = np.full(len(column), -1, np.int64)
        full[~column.missing()] = codes
        return Grouping(source, name, full, tuple(f"{value:g}" for value in values), declared)
    used, codes = np.unique(column.values, return_inverse=True)
    shift = int(len(used) > 0 and used[0] < 0)
    names = tuple(str(column.levels[code]) for code in used[shift:])
    return Grouping(source, name, codes.astype(np.int64) - shift, names, declared)
