"""Labels: what became of each past request, whether it is known for certain yet, and what could not be learned.

A label counts only once it is mature: once everything that could still have changed it would have come in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import SpecError
from poise.features.label_match import Matches, matches
from poise.features.label_take import Take, evaluate
from poise.features.label_target import Value, encoded
from poise.features.requests import ROW, current
from poise.features.rows import is_timed
from poise.spec.objective import Label, Objective
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, History, Requests

STATES = ("usable", "immature", "not_given", "unmatched", "impossible", "no_time")
"""What a request's label is; exactly one of these."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The truth of n past requests for one objective.

    target: (n,) float64 for binary (0, 1) and regression, NaN where not usable; (n,) int64 positions in `classes` for
    multi-class, -1 where not usable; (n, k) int8 of 0 and 1 for multi-label.
    classes: names, sorted (multi-label by list: as listed); empty for binary and regression.
    usable: (n,) rows to learn from and to judge on. known_at: (n,) when the label was known, microseconds;
    `MISSING_TIME` (always) where there is no time.
    counts: `rows`, which is the sum of `usable`, `immature`, `not_given`, `unmatched`, `impossible` and `no_time`; and
    `multiple`: usable rows that several rows matched, of which the earliest was taken.
    """

    target: NDArray[Any]
    classes: tuple[str, ...]
    usable: NDArray[np.bool_]
    known_at: NDArray[np.int64]
    counts: dict[str, int]


def label(
    system: SystemSpec,
    objective: str,
    requests: Requests,
    histories: Mapping[str, History],
    watermarks: Mapping[str, int | None],
) -> Labels:
    """The labels of `requests`, which come from `requests_of` for the same objective (any rows of it).

    `histories` holds the label's source, that of the row and those of a parent (`given`); `watermarks` how far each
    source is complete. Raises `SpecError` for a label that the columns cannot carry, `DataError` for values that do not
    fit the problem type.
    """
    found = _found(system, objective, requests, histories, watermarks)
    usable = found.state == 0
    spec = system.objectives[objective]
    target = encoded(spec.type, found.values, usable, f"objectives.{objective}.label", spec.label.split)
    counts = {"rows": len(usable)} | {name: int((found.state == n).sum()) for n, name in enumerate(STATES)}
    counts["multiple"] = int((found.multiple & usable).sum())
    return Labels(target.values, target.classes, usable, found.known_at, counts)


def label_rows(
    system: SystemSpec, objective: str, requests: Requests, histories: Mapping[str, History]
) -> NDArray[np.int64]:
    """The position of the earliest row of the label's source that each request was matched with, (n,); -1 where none
    was. For an objective whose label comes from another source."""
    where = f"objectives.{objective}.label"
    return _matched(system, system.objectives[objective], requests, histories, where).earliest


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Before encoding: the values, the state of each row (an index of STATES), several matches, when known."""

    values: tuple[Value, ...]
    state: NDArray[np.int8]
    multiple: NDArray[np.bool_]
    known_at: NDArray[np.int64]


def _found(
    system: SystemSpec,
    name: str,
    requests: Requests,
    histories: Mapping[str, History],
    watermarks: Mapping[str, int | None],
) -> _Found:
    objective = system.objectives[name]
    where = f"objectives.{name}.label"
    known_at, immature = _maturity(system, objective, requests, watermarks)
    if objective.label.from_ is None:
        values, unmatched, impossible, multiple = _own(system, objective, requests, histories, where)
        seen = histories[objective.per].known[_rows(requests)]
    else:
        found = _matched(system, objective, requests, histories, where)
        values, unmatched, impossible, multiple = _read(system, objective, found, histories, where)
        seen = found.latest(histories[objective.label.from_].known)
    if is_timed(system, objective.per) and system.sources[objective.label.from_ or objective.per].time:
        # What a row says was not known before the row was, whatever its time.
        known_at = np.maximum(known_at, seen)
    state = np.zeros(requests.height, np.int8)
    # Later lines win: an immature row is immature whatever has been seen of it so far.
    state[impossible] = STATES.index("impossible")
    state[unmatched] = STATES.index("unmatched")
    if objective.given is not None:
        parent = label(system, objective.given, requests, histories, watermarks)
        state[~(parent.usable & (parent.target == 1))] = STATES.index("not_given")
        known_at = np.maximum(known_at, parent.known_at)
        immature |= _maturity(system, system.objectives[objective.given], requests, watermarks)[1]
    state[immature] = STATES.index("immature")
    if is_timed(system, objective.per):
        state[requests.time == MISSING_TIME] = STATES.index("no_time")
    return _Found(values, state, multiple, known_at)


def _maturity(
    system: SystemSpec, objective: Objective, requests: Requests, watermarks: Mapping[str, int | None]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """When each label is known, and whether that is still to come: T + within + late against the watermark."""
    source = objective.label.from_ or objective.per
    if not is_timed(system, objective.per):
        return np.full(requests.height, MISSING_TIME, np.int64), np.zeros(requests.height, np.bool_)
    wait = objective.label.within + system.sources[source].late
    known_at = np.where(requests.time == MISSING_TIME, MISSING_TIME, requests.time + wait)
    # A label source without time says nothing about how far it is complete: the rows' own source does.
    complete = watermarks.get(source if system.sources[source].time else objective.per)
    return known_at, known_at > complete if complete is not None else np.ones(requests.height, np.bool_)


Read = tuple[tuple[Value, ...], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]
"""Values, and where nothing matched, where what matched cannot be learned, where several matched."""


def _own(
    system: SystemSpec, objective: Objective, requests: Requests, histories: Mapping[str, History], where: str
) -> Read:
    """Columns of the row itself."""
    takes = _takes(objective.label)
    if not takes or any(take.aggregate for take in takes):
        raise SpecError("a label of the row itself needs take: with a column or an expression", where=where)
    rows = _rows(requests)
    values, impossible = _at(system, objective.per, takes, histories[objective.per], rows, where)
    none = np.zeros(requests.height, np.bool_)
    return values, none, impossible, none


def _read(
    system: SystemSpec, objective: Objective, found: Matches, histories: Mapping[str, History], where: str
) -> Read:
    """What the matched rows of another source say."""
    source = objective.label.from_
    assert source is not None
    takes = _takes(objective.label)
    count = found.count
    none = np.zeros(len(count), np.bool_)
    if not takes:
        if objective.type != "binary":
            raise SpecError(f"a {objective.type} label needs take:", where=where)
        return (Value((count > 0).astype(np.float64), "bool"),), none, none, none
    aggregate = takes[0].aggregate
    if len(takes) > 1 and any(take.aggregate for take in takes):
        raise SpecError("a list in take: holds columns or expressions, no aggregates", where=where)
    if aggregate is None:
        values, impossible = _at(system, source, takes, histories[source], found.earliest, where)
        return values, count == 0, impossible, count > 1
    if aggregate == "count":
        return (Value(count.astype(np.float64), "number"),), none, none, none
    taken = evaluate(takes[0].text, source, histories[source], system, where)
    if taken.type not in ("number", "bool", "duration"):
        raise SpecError(f"{aggregate}() needs numbers, '{takes[0].text}' is a {taken.type}", where=where)
    amount = found.amount(taken.column.values, aggregate)
    unmatched = none if aggregate == "sum" else count == 0
    return (Value(amount, "number"),), unmatched, found.having(taken.impossible) > 0, none


def _at(
    system: SystemSpec, source: str, takes: list[Take], history: History, rows: NDArray[np.int64], where: str
) -> tuple[tuple[Value, ...], NDArray[np.bool_]]:
    """The values in these rows (-1: none), and where one of them cannot be learned."""
    impossible = np.zeros(len(rows), np.bool_)
    values = []
    for take in takes:
        taken = evaluate(take.text, source, history, system, where)
        impossible |= np.append(taken.impossible, False)[rows]
        column = taken.column.take(rows)
        values.append(Value(column.values, taken.type, column.levels, take.text))
    return tuple(values), impossible


def _matched(
    system: SystemSpec, objective: Objective, requests: Requests, histories: Mapping[str, History], where: str
) -> Matches:
    """The rows of the label's source that belong to each request."""
    source = objective.label.from_
    assert source is not None
    spec, history = system.sources[source], histories[source]
    timed = is_timed(system, objective.per)
    if spec.time and not timed:
        raise SpecError(f"'{source}' has times, but the rows of '{objective.per}' have none to compare", where=where)
    pairs = _pairs(objective.label, where)
    keys, row_keys = [requests.rows[own] for own in pairs.values()], [history.rows[name] for name in pairs]
    for (name, mine), a, b in zip(pairs.items(), row_keys, keys, strict=True):
        if a.kind != b.kind:
            raise SpecError(
                f"match: '{name}' of '{source}' is a {a.kind}, '{mine}' of '{objective.per}' a {b.kind}", where=where
            )
    time = (requests.time, objective.label.within) if timed and spec.time else None
    own = _rows(requests) if source == objective.per else None
    return matches(keys, row_keys, history, time, own, current(history, spec.key))


def _pairs(spec: Label, where: str) -> dict[str, str]:
    """Column of the label's source -> column of the row."""
    if spec.match is None:
        raise SpecError("a label from another source needs match: the columns that both have", where=where)
    return dict(spec.match) if isinstance(spec.match, dict) else {name: name for name in spec.match}


def _takes(spec: Label) -> list[Take]:
    if spec.take is None:
        return []
    return [Take.read(text) for text in ((spec.take,) if isinstance(spec.take, str) else spec.take)]


def _rows(requests: Requests) -> NDArray[np.int64]:
    """Positions of the requests' rows in the history of `per`."""
    rows: NDArray[np.int64] = requests.rows[ROW].values.astype(np.int64)
    return rows
