"""Cross-checks of sources: their columns, keys, times, and expressions."""

from __future__ import annotations

from datetime import datetime

from poise.errors import did_you_mean
from poise.spec.check_columns import check_columns, check_zone
from poise.spec.faults import Faults
from poise.spec.source import AllBut, ColumnType, Source
from poise.spec.types import Type
from poise.spec.units import DURATIONS
from poise.spec.yaml_text import KeyPath

BUILT_IN = ("decisions",)
_KEYS: tuple[ColumnType, ...] = ("string", "category", "int", "bool")
_DERIVED: dict[Type, ColumnType] = {"number": "float", "bool": "bool", "string": "category", "time": "time"}


def check_sources(faults: Faults) -> None:
    """Note what is wrong with each source by itself; fills `faults.types`."""
    for name, source in faults.system.sources.items():
        path: KeyPath = ("sources", name)
        faults.word(path, name)
        if name in BUILT_IN:
            faults.add(path, f"'{name}' is a source that Poise itself keeps; another name is needed")
        check_columns(faults, name, source)
        _derive(faults, name, source)
        _identity(faults, name, source)
        _times(faults, name, source)
        _conditions(faults, name, source)
        _rows(faults, name, source)


def _derive(faults: Faults, name: str, source: Source) -> None:
    faults.types[name] = {column: spec.type for column, spec in source.columns.items()}
    faults.untyped[name] = set()
    for column, text in source.derive.items():
        path: KeyPath = ("sources", name, "derive", column)
        faults.word(path, column)
        if column in source.columns:
            faults.add(path, f"'{column}' is a declared column already; another name is needed")
        found = faults.expression(path, text, faults.names_of(name), untyped=faults.untyped[name])
        if found is None:
            faults.untyped[name].add(column)
        elif found[1] == "duration":
            faults.add(path, f"'{text}' is a duration, which a column cannot hold", f"divide it: ({text}) / 1min")
            faults.untyped[name].add(column)
        else:
            faults.types[name][column] = _DERIVED[found[1]]


def _identity(faults: Faults, name: str, source: Source) -> None:
    path: KeyPath = ("sources", name)
    if source.key is not None and source.id is not None:
        faults.add((*path, "id"), "a source has a key (a table, a history) or an id (an event log), not both")
    for key in ("key", "id"):
        columns = getattr(source, key)
        if columns is None:
            continue
        if not columns or len(set(columns)) < len(columns):
            faults.add((*path, key), f"'{key}' must name columns, each once")
        for column in columns:
            kind = faults.column((*path, key), name, column)
            if kind is not None and kind not in (_KEYS if key == "key" else (*_KEYS, "time")):
                faults.add((*path, key), f"'{column}' is {kind}; a {key} is one of {', '.join(_KEYS)}")


def _times(faults: Faults, name: str, source: Source) -> None:
    path: KeyPath = ("sources", name)
    for key in ("time", "known"):
        column = getattr(source, key)
        if column is not None and column not in {*faults.types[name], *faults.untyped[name]}:
            near = did_you_mean(column, faults.types[name])
            hint = near if near.startswith("did") else f"declare it: columns: {{{column}: time, …}}"
            faults.add((*path, key), f"source '{name}' has no column '{column}'", hint)
            continue
        kind = faults.types[name].get(column) if column is not None else None
        if kind is not None and kind != "time":
            hint = "declare it as time, or derive an instant from it"
            faults.add((*path, key), f"'{column}' is {kind}; a column of type time is needed", hint)
    if source.late < 0:
        faults.add((*path, "late"), "a row cannot come in before it happened: a duration of 0 or more is needed")
    if source.keep is not None and source.keep < DURATIONS["d"]:
        faults.add((*path, "keep"), "rows are kept for a day at least", "e.g. keep: 2y")
    if source.time is None:
        for key in ("known", "late", "complete_until", "keep"):
            if getattr(source, key):
                faults.add((*path, key), f"'{key}' goes with 'time', which this source does not declare")
    elif source.entity is not None:
        why = "'entity' keeps rows of sources without time together; with 'time' the parts are split in time"
        faults.add((*path, "entity"), why)
    if source.complete_until is not None:
        try:
            datetime.fromisoformat(source.complete_until)
        except ValueError:
            wrong = f"'{source.complete_until}' is not an instant"
            faults.add((*path, "complete_until"), wrong, "ISO 8601 is meant, e.g. 2013-12-31T23:59:59Z")
    check_zone(faults, (*path, "timezone"), source.timezone)


def _conditions(faults: Faults, name: str, source: Source) -> None:
    path: KeyPath = ("sources", name)
    names, untyped = faults.names_of(name), faults.untyped[name]
    if source.where is not None:
        faults.condition((*path, "where"), source.where, names, untyped=untyped)
    for rule, text in source.rules.items():
        faults.condition((*path, "rules", rule), text, names, untyped=untyped)


def _rows(faults: Faults, name: str, source: Source) -> None:
    """Columns that say what may be sent, whose data a row is, and which rows belong together."""
    path: KeyPath = ("sources", name)
    if isinstance(source.request, AllBut):
        for column in source.request.except_:
            faults.one_of((*path, "request", "except"), column, source.columns, "declared column")
    elif source.request is not None:
        for column in source.request:
            faults.column((*path, "request"), name, column)
    for key in ("person", "entity"):
        column = getattr(source, key)
        if column is not None:
            faults.column((*path, key), name, column)
    if source.trust is not None:
        kind = faults.column((*path, "trust", "actor"), name, source.trust.actor)
        if kind is not None and kind not in _KEYS:
            said = f"'{source.trust.actor}' is {kind}; an actor is one of {', '.join(_KEYS)}"
            faults.add((*path, "trust", "actor"), said)
    if not source.path.strip():
        faults.add((*path, "path"), "a file, folder or pattern is needed")
