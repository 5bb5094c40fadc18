"""Past requests out of the rows of a source: what the caller would have sent, and when (T)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.errors import SpecError, did_you_mean
from poise.features.keys import joint_codes
from poise.features.rows import request_columns
from poise.spec.expression import check, parse, type_of
from poise.spec.in_numpy import compile as compiled
from poise.spec.objective import Objective
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Column, History, Requests, Table

ROW = "@row"
"""The column of past requests that holds the position of their row in the history of `per`."""


def requests_of(system: SystemSpec, objective_or_per: str, history: History) -> Requests:
    """The requests that the rows of `per` stand for, in the order of `history`.

    For an objective, T is its `at` (with `given`, its parent's); for a source, and without `at`, the row's τ;
    `MISSING_TIME` where rows have no time, or where `at` is missing. Of a table only the newest version of each key is
    a request. `rows` holds all columns of the history, so that labels and slices find theirs, and `@row`, the position
    in it; features read none but the request columns. Raises `SpecError` for an `at` over anything else.
    """
    objective = system.objectives.get(objective_or_per)
    per = objective.per if objective else objective_or_per
    if per not in system.sources:
        known = [*system.objectives, *system.sources]
        raise SpecError(f"there is no objective or source '{per}'", hint=did_you_mean(per, known))
    rows = current(history, system.sources[per].key)
    table = history.rows if rows is None else history.rows.take(rows)
    positions = np.arange(history.height) if rows is None else rows
    time = _time(system, per, objective, objective_or_per, table, history.time[positions])
    identity = system.sources[per].identity
    id = table.get(identity[0]) if len(identity) == 1 else None
    return Requests(table.with_columns({ROW: Column.numbers(positions)}), time, id)


def asked_at(system: SystemSpec, name: str) -> str | None:
    """The `at` of an objective; that of its parent where it is `given` one."""
    objective = system.objectives[name]
    if objective.given is None:
        return objective.at
    parent = asked_at(system, objective.given)
    if objective.at is not None and objective.at != parent:
        raise SpecError(
            f"objective '{name}' is given '{objective.given}', so its features are as of that one's T: leave out at:"
        )
    return parent


def _time(
    system: SystemSpec, per: str, objective: Objective | None, name: str, table: Table, tau: NDArray[np.int64]
) -> NDArray[np.int64]:
    """T of each row."""
    source = system.sources[per]
    text = asked_at(system, name) if objective else None
    if text is None:
        return tau if source.time else np.full(len(tau), MISSING_TIME, np.int64)
    where = f"objectives.{name}.at"
    types = request_columns(system, per)
    if source.time:
        types = {**types, source.time: column_types(source, system)[source.time]}
    expression = parse(text, where=where)
    for column in expression.names - set(types):
        raise SpecError(
            f"at: '{text}' reads '{column}', which is not sent", where=where, hint=did_you_mean(column, types)
        )
    expression_types = {column: type_of(types[column]) for column in sorted(expression.names)}
    if check(expression, expression_types, where=where) != "time":
        raise SpecError(f"at: '{text}' is not an instant", where=where, hint="e.g. departs - 2h")
    found: NDArray[np.int64] = compiled(expression, expression_types)(table.select(expression_types)).values
    return found


def current(history: History, key: tuple[str, ...] | None) -> NDArray[np.int64] | None:
    """Positions of the newest version of each key of a table, in order; None where that is every row."""
    if history.kind != "table" or key is None or not history.height:
        return None
    if history.first is not None and bool(history.first.all()):
        return None
    columns = [history.rows[name] for name in key]
    codes, _ = joint_codes(columns, columns)
    rows = np.flatnonzero(codes >= 0)
    last = np.full(int(codes.max()) + 1, -1, np.int64)
    last[codes[rows]] = rows  # of several assignments to one place the last stays
    return np.sort(last[last >= 0])
