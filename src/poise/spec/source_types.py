"""The type of every column of a source: as declared, and as its derived columns' expressions say."""

from __future__ import annotations

from poise.spec.decision import Decision
from poise.spec.expression import Type, check, parse, type_of
from poise.spec.source import AllBut, ColumnType, Source
from poise.spec.system import SystemSpec

_DERIVED: dict[Type, ColumnType] = {
    "number": "float",
    "bool": "bool",
    "string": "category",
    "time": "time",
    "duration": "float",
}


def column_types(source: Source, system: SystemSpec) -> dict[str, ColumnType]:
    """Column -> type, declared columns first, then the derived ones in their order.

    Raises `ExpressionError` where a derived column's expression does not fit the columns before it.

    >>> price = {"path": "f.csv", "columns": {"price": "float"}, "derive": {"dear": "price > 9"}}
    >>> column_types(Source.model_validate(price), None)
    {'price': 'float', 'dear': 'bool'}
    """
    types: dict[str, ColumnType] = {name: column.type for name, column in source.columns.items()}
    for name, text in source.derive.items():
        found = check(parse(text, name), {known: type_of(kind) for known, kind in types.items()}, name)
        types[name] = _DERIVED[found]
    return types


def request_types(source: Source, system: SystemSpec) -> dict[str, ColumnType]:
    """The columns that a caller sends with a row -> type, in the order of the source.

    Without `request:` there are none; but where a list is decided on, its `item` and the columns by which other
    sources are looked up. What Poise itself gives to a list's rows (their list, place, id and time) is never sent.

    >>> bought = {"path": "f.csv", "columns": {"price": "float", "paid": "bool"}, "request": {"except": "paid"}}
    >>> request_types(Source.model_validate(bought), None)
    {'price': 'float'}
    """
    listed = listed_by(source, system)
    if source.request is None and listed is None:
        return {}
    types = column_types(source, system)
    given = set() if listed is None else given_to_rows(source, listed)
    if source.request is None:
        assert listed is not None
        keys = {part for other in system.sources.values() if other is not source for part in other.key or ()}
        return {name: types[name] for name in source.columns if name in keys | {listed.item} and name not in given}
    if isinstance(source.request, AllBut):
        return {name: types[name] for name in source.columns if name not in {*source.request.except_, *given}}
    return {name: types[name] for name in types if name in source.request}


def listed_by(source: Source, system: SystemSpec | None) -> Decision | None:
    """The decision that lists rows of this source; None where none does."""
    decision = None if system is None else system.decision
    if decision is None or not decision.lists or system is None or system.sources.get(decision.per) is not source:
        return None
    return decision


def given_to_rows(source: Source, decision: Decision) -> set[str]:
    """The columns of a list's rows that Poise gives them when it answers: no caller can send them."""
    own = (decision.list_, decision.position, source.time, source.known, *(source.id or ()))
    return {name for name in own if name is not None}


def position_type(source: Source, system: SystemSpec) -> dict[str, ColumnType]:
    """The column that says where in its list a row stood -> type: models learn from it, but callers do not send it."""
    listed = listed_by(source, system)
    if listed is None or listed.position is None or listed.position not in source.columns:
        return {}
    return {listed.position: source.columns[listed.position].type}
