"""The types of the expression language, which are fewer than those of columns."""

from __future__ import annotations

from typing import Literal

from poise.spec.source import ColumnType

Type = Literal["number", "bool", "string", "time", "duration"]
ANY: tuple[Type, ...] = ("number", "bool", "string", "time", "duration")

_OF_COLUMN: dict[ColumnType, Type] = {
    "string": "string",
    "category": "string",
    "text": "string",
    "int": "number",
    "float": "number",
    "bool": "bool",
    "time": "time",
}


def type_of(column: ColumnType) -> Type:
    """The type that a column of the system file has in expressions.

    >>> type_of("category"), type_of("int")
    ('string', 'number')
    """
    return _OF_COLUMN[column]
