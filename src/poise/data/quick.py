"""The quick judge: types and checks rows with NumPy, and says of each whether it is sure.

What it is sure about, the judge that reads files (`poise.data.judge`) says too, to the last bit; about anything else
that one is asked. So a server whose rows are fine never loads Polars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise import registry
from poise.clock import AHEAD
from poise.data.allowed import allowed_value
from poise.data.quick_pattern import agreeing
from poise.data.quick_row import QuickRow, quick_row
from poise.data.quick_times import instants_of
from poise.data.roles import roles_of
from poise.spec import in_numpy
from poise.spec.expression import parse, type_of
from poise.spec.source import ColumnType, Source
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.table import Column, Table

CHECKS = {"type", "required", "range", "values", "pattern", "rule", "future"}
"""The kinds of checks that are known here; with one more that a package adds, nothing is sure."""

NUMBERS = ("int", "float", "bool")
_FEW = 32

Mask = NDArray[np.bool_]
Run = Callable[[Mapping[str, Column]], Column]


@dataclass(frozen=True, slots=True, eq=False)
class Quickly:
    """n rows, judged: `good` and `other` (not of this source, by its `where`) are sure, shape (n,); the rest is not.

    table: declared and derived columns of all n rows, which mean something where `good` is true.
    """

    good: Mask
    other: Mask
    table: Table


class Quick:
    """The quick judge of one source; `row` decodes its rows, and is None where nothing about them can be sure."""

    def __init__(self, system: SystemSpec, name: str) -> None:
        source = self._source = system.sources[name]
        self.types: Mapping[str, ColumnType] = column_types(source, system)
        self.row: QuickRow | None = quick_row(name, source) if set(registry.names("check")) == CHECKS else None
        zone = source.timezone or system.timezone
        specs = source.columns.items()
        self._zones = {column: spec.timezone or zone for column, spec in specs if spec.type == "time"}
        self._matches = {column: agreeing(spec.pattern) for column, spec in specs if spec.pattern is not None}
        self._numbers = [place for place, (_, spec) in enumerate(specs) if spec.type in NUMBERS]
        self._values = _values(name, source)
        kinds = {column: type_of(kind) for column, kind in self.types.items()}

        def run(text: str) -> Run:
            return in_numpy.compile(parse(text), kinds)

        self._derive = [(column, run(text)) for column, text in source.derive.items()]
        self._rules = [run(text) for text in source.rules.values()]
        self._where = None if source.where is None else run(source.where)
        self._placed = [column for column in roles_of(source) if column in source.derive]
        self._timed = [column for column in dict.fromkeys((source.time, source.known)) if column is not None]

    def judge(self, rows: Sequence[Any], now: int) -> Quickly:
        """Judge n > 0 rows that `row` decoded; no τ may be further ahead of `now` (microseconds) than is allowed."""
        assert self.row is not None
        sure = np.ones(len(rows), np.bool_)
        columns: dict[str, Column] = {}
        came = self.row.values(rows)
        numbers = self._numbers_of(came)
        for (name, kind), values in zip(self.types.items(), came, strict=False):
            if kind == "time":
                times, common = instants_of(values, self._zones[name])
                columns[name] = Column("time", times)
                sure &= common
            elif kind in NUMBERS:
                columns[name] = Column("number", next(numbers))
            else:
                columns[name] = Column.strings(values)
        for name, derive in self._derive:
            columns[name] = derive(columns)
        good = sure & self._passed(columns, now)
        if self._where is None:
            return Quickly(good, np.zeros(len(rows), np.bool_), Table(columns))
        ours = _true(self._where, columns)
        return Quickly(good & ours, sure & ~ours, Table(columns))

    def _numbers_of(self, came: Sequence[Sequence[Any]]) -> Iterator[NDArray[np.float64]]:
        """The columns of numbers, each an array; of few rows all are made in one go."""
        lists = [came[place] for place in self._numbers]
        if lists and len(lists[0]) <= _FEW:
            return iter(np.array(lists, np.float64))
        return iter([np.array(values, np.float64) for values in lists])

    def _passed(self, columns: Mapping[str, Column], now: int) -> Mask:
        """Rows that pass the checks which decoding does not make."""
        passed = np.ones((), np.bool_)
        for name in self._placed:
            passed = passed & ~columns[name].missing()
        for name in self._timed:
            passed = passed & (columns[name].values <= now + AHEAD)
        for name, allowed in self._values.items():
            values = columns[name].values
            passed = passed & (np.isin(values, allowed) | np.isnan(values))
        for name, matches in self._matches.items():
            if matches is not None:  # otherwise only missing values were decoded
                levels = columns[name].levels
                assert levels is not None
                fits = np.array([*matches(levels), True], np.bool_)  # the last is where code -1 points
                passed = passed & fits[columns[name].values]
        for rule in self._rules:
            passed = passed & _true(rule, columns)
        return passed


def _true(condition: Run, columns: Mapping[str, Column]) -> Mask:
    return np.asarray(condition(columns).values == 1)


def _values(name: str, source: Source) -> dict[str, NDArray[np.float64]]:
    """The allowed values of columns of numbers and bools, which decoding does not look at."""
    found: dict[str, NDArray[np.float64]] = {}
    for column, spec in source.columns.items():
        if spec.values is not None and spec.type in NUMBERS:
            allowed = [allowed_value(column, spec.type, value, name) for value in spec.values]
            found[column] = np.array(allowed, np.float64)
    return found
