"""Cases of a system: one per objective, of the rows that training would learn from.

Features are as of T and only mature labels count, as `releases.examples` has them; nothing is typed or guessed here, as
the system file says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case, Declared, Index, Obstacle, ReadColumn
from poise.assessment.scanning import LEARNED_ROWS
from poise.data.lake import Lake
from poise.features.base import Output
from poise.releases.examples import ObjectiveData, assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.spec.source import ColumnType
from poise.spec.source_types import group_column
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Column

LEAST_ROWS = 30
"""Fewer rows with a known truth tell nothing about rows that are not among them."""
FATES = {
    "immature": "too recent: their truth may still come in",
    "not_given": "left out, as the condition did not hold",
    "unmatched": "without any matching row",
    "impossible": "whose truth can never be known",
    "no_time": "without a time to predict at",
}


def cases_of(
    system: SystemSpec, lake: Lake, declared: Declared | None = None, rows: int = LEARNED_ROWS
) -> tuple[Case, ...]:
    """One case per objective, from the lake's newest rows; of a multi-label objective one per label.

    rows: the most that are learned from; of more an even sample is taken. Raises `NotEnoughData` for an empty source.
    """
    extra = extra_names(system)
    plans = plans_of(system, extra)
    found = assemble(system, plans, read_sources(system, lake, plans, extra), extra)
    said = declared or Declared()
    return tuple(case for data in found.values() for case in _cases(system, data, said, rows))


def _cases(system: SystemSpec, data: ObjectiveData, declared: Declared, most: int) -> list[Case]:
    if data.spec.type != "multi-label":
        classes = data.classes if data.spec.type == "multi-class" else ("no", "yes")
        return [_case(system, data, data.name, data.target, classes, declared, most)]
    labels = enumerate(data.classes)
    return [
        _case(
            system, data, f"{data.name}.{label}", data.target[:, at].astype(np.float64), ("no", "yes"), declared, most
        )
        for at, label in labels
    ]


def _case(
    system: SystemSpec,
    data: ObjectiveData,
    name: str,
    target: NDArray[Any],
    classes: tuple[str, ...],
    declared: Declared,
    most: int,
) -> Case:
    columns = {one.name: _read(one, data.columns[one.name]) for one in data.outputs}
    types = {one.name: one.type for one in data.outputs if columns[one.name].dropped is None}
    timed = bool((data.requests.time != MISSING_TIME).any())
    group = group_column(system.sources[data.spec.per], system)
    problem = "binary" if data.spec.type == "multi-label" else data.spec.type
    made = Case(
        name=system.system,
        target_name=name,
        problem=problem,
        table=data.columns,
        types=types,
        target=target.astype(np.float64) if problem == "binary" else target,
        classes=() if problem == "regression" else classes,
        time=data.requests.time,
        groups=data.groups,
        known_at=data.known_at if timed else None,
        time_name=_time_name(system, data) if timed else None,
        key_name=None if data.groups is None else group,
        columns=columns,
        notes=_notes(data.counts, len(target), most),
        rows_in=int(data.counts.get("rows", len(target))),
        declared=declared,
        obstacle=_obstacle(problem, target, types, name),
    )
    return made if made.rows <= most else made.take(_evenly(made.rows, most))


def _read(output: Output, column: Column) -> ReadColumn:
    """What is known of one feature."""
    gone = column.missing()
    there = column.values[~gone]
    distinct = len(np.unique(there))
    type_: ColumnType = "float" if output.type == "number" else output.type
    dropped = (
        "it has no values" if not distinct else "it is always the same" if distinct == 1 and not gone.any() else None
    )
    inputs = () if dropped else (output.name,)
    missing = float(gone.mean()) if len(gone) else 0.0
    note = output.origin or None
    return ReadColumn(output.name, output.type, type_, None, inputs, dropped, note, missing, distinct)


def _time_name(system: SystemSpec, data: ObjectiveData) -> str:
    return data.spec.at or system.sources[data.spec.per].time or "T"


def _notes(counts: Mapping[str, int], rows: int, most: int) -> tuple[str, ...]:
    notes = ["features are as of the time of each request, and only mature labels count, as in training"]
    notes += [f"{counts[key]:,} rows are {words}" for key, words in FATES.items() if counts.get(key)]
    if rows > most:
        notes.append(f"about {most:,} of {rows:,} rows were drawn evenly, and all figures are about them")
    return tuple(notes)


def _obstacle(problem: str, target: NDArray[Any], types: Mapping[str, object], name: str) -> Obstacle | None:
    if len(target) < LEAST_ROWS:
        said = f"only {len(target):,} rows have a known '{name}': too few to learn from some and test on others"
        return Obstacle(said, "collect data first", f"at least {LEAST_ROWS} rows with a '{name}', better some hundred")
    if not types:
        said = "no feature differs from row to row"
        return Obstacle(said, "collect data first", "features that differ from row to row")
    if len(np.unique(target)) == 1:
        said = f"'{name}' came out the same in all {len(target):,} rows, so there is nothing to tell apart"
        return Obstacle(said, "do not use ML", f"rows in which '{name}' came out otherwise")
    if problem == "binary" and min(target.sum(), len(target) - target.sum()) < 2:
        said = f"only one of {len(target):,} rows is of the rarer kind"
        return Obstacle(said, "collect data first", "more rows of the rarer kind, at least some ten")
    return None


def _evenly(rows: int, most: int) -> Index:
    return np.linspace(0, rows - 1, most).astype(np.int64)
