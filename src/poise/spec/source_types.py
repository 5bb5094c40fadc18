"""The type of every column of a source: as declared, and as its derived columns' expressions say."""

from __future__ import annotations

from collections.abc import Mapping

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

    Without `request:` there are none; but where a list is decided on, its `item`, whose row it is (`person`) and the
    columns by which other sources are looked up. What Poise itself gives to a list's rows is never sent.

    >>> bought = {"path": "f.csv", "columns": {"price": "float", "paid": "bool"}, "request": {"except": "paid"}}
    >>> request_types(Source.model_validate(bought), None)
    {'price': 'float'}
    """
    if source.request is None and listed_by(source, system) is None:
        return {}
    return sent_of(source, system, column_types(source, system))


def sent_of(source: Source, system: SystemSpec, types: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """`request_types` out of the types that the columns of the source are known to have."""
    listed = listed_by(source, system)
    given = set() if listed is None else given_to_rows(source, system, listed)
    if isinstance(source.request, AllBut):
        names = {*source.columns} - {*source.request.except_}
    elif source.request is not None:
        names = {*source.request}
    elif listed is not None and listed.item is not None:
        names = {*_keys_of_others(source, system), *_whose(source), listed.item}
    else:
        return {}
    return {name: kind for name, kind in types.items() if name in names - given}


def _names_sent(source: Source, system: SystemSpec) -> list[str]:
    """The names of `request_types`, also where derived columns have no type because their expressions are faulty."""
    return list(sent_of(source, system, dict.fromkeys([*source.columns, *source.derive], "string")))


def listed_by(source: Source, system: SystemSpec | None) -> Decision | None:
    """The decision that lists rows of this source; None where none does."""
    decision = None if system is None else system.decision
    if decision is None or not decision.lists or system is None or system.sources.get(decision.per) is not source:
        return None
    return decision


def given_to_rows(source: Source, system: SystemSpec, decision: Decision) -> set[str]:
    """The columns of a list's rows that Poise gives them when it answers, so that no caller can send them.

    They are the place, the id and the time of a row, and its list; but a list that is the rows of one person, or of a
    key of another source, is known to callers, and sent like any other column.
    """
    given = {decision.position, source.time, source.known}
    if decision.list_ not in {*_whose(source), *_keys_of_others(source, system)}:
        given.add(decision.list_)
    identity = source.id or source.key or ()
    given.update(identity if len(identity) == 1 else ())
    return {name for name in given if name is not None}


def group_column(source: Source, system: SystemSpec) -> str | None:
    """The column whose rows stay together where rows without time are divided: of a list's rows at least the list."""
    listed = listed_by(source, system)
    return source.entity or source.person or (None if listed is None else listed.list_)


def position_type(source: Source, system: SystemSpec) -> dict[str, ColumnType]:
    """The column that says where in its list a row stood -> type: models learn from it, but callers do not send it."""
    listed = listed_by(source, system)
    if listed is None or listed.position is None:
        return {}
    types = column_types(source, system)
    return {listed.position: types[listed.position]} if listed.position in types else {}


def position_feature(system: SystemSpec, per: str) -> str | None:
    """The name of the feature that the position is, for the rows of `per`; None where they have none."""
    listed = listed_by(system.sources[per], system)
    return None if listed is None or listed.position is None else f"{per}_{listed.position}"


def why_not_sent(source: Source, system: SystemSpec, column: str) -> tuple[str, str]:
    """Why callers cannot be taken to send a column of the rows that are predicted for, and what to do.

    The sentence goes on after the column's name.
    """
    listed = listed_by(source, system)
    if listed is not None and column == listed.position:
        name = f"{listed.per}_{column}"
        return (
            "says where the row was shown, which is not known before the list is made",
            f"models learn from it by themselves, as the feature {name}, and answer as for the first place",
        )
    if listed is not None and column in given_to_rows(source, system, listed):
        what = "list" if column == listed.list_ else "time" if column in (source.time, source.known) else "id"
        return f"is the {what} of a row, which Poise gives it when it answers", _INSTEAD[what].format(column)
    name = next(name for name, other in system.sources.items() if other is source)
    declare = (
        f"add it to request: of '{name}'" if source.request is not None else f"declare request: in source '{name}'"
    )
    if listed is not None and source.request is None:
        declare = f"declare request: [{', '.join([*_names_sent(source, system), column])}] in source '{name}'"
    hint = f"{declare}; else read it from a source whose time is when it is known"
    return "is not known to be sent with a request", f"if callers know it when they ask, {hint}"


_INSTEAD = {
    "list": "where it says whose rows these are and callers know it, declare person: {0}",
    "time": "clock features and windows know the time",
    "id": "an id is new with every row and tells a model nothing",
}
"""What to do about a column that Poise gives to a row, by what it is."""


def _keys_of_others(source: Source, system: SystemSpec) -> set[str]:
    """The columns by which rows of other sources are found."""
    return {part for other in system.sources.values() if other is not source for part in other.key or ()}


def _whose(source: Source) -> set[str]:
    return {name for name in (source.person, source.entity) if name is not None}
