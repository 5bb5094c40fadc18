"""The type of every column of a source: as declared, and as its derived columns' expressions say."""

from __future__ import annotations

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
    """The columns that a caller sends with a row -> type, in the order of the source; none without `request:`.

    >>> bought = {"path": "f.csv", "columns": {"price": "float", "paid": "bool"}, "request": {"except": "paid"}}
    >>> request_types(Source.model_validate(bought), None)
    {'price': 'float'}
    """
    if source.request is None:
        return {}
    types = column_types(source, system)
    if isinstance(source.request, AllBut):
        return {name: types[name] for name in source.columns if name not in source.request.except_}
    return {name: types[name] for name in types if name in source.request}
