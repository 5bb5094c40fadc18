"""The rows of a source as a msgspec struct: its decoder finds types, bounds, allowed values and missing ones in C.

A row that decodes is of the types that its source declares; what a row that does not is, Polars must say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec

from poise.data.allowed import allowed_value
from poise.data.quick_pattern import agreeing
from poise.data.roles import roles_of
from poise.errors import SpecError
from poise.spec.source import ColumnSpec, Source

EXACT = 2**53
"""Beyond this, neighbouring whole numbers are the same float64: such rows are not judged quickly."""
_STRINGS = ("string", "category", "text")


class QuickRow:
    """Decodes rows of source `name`.

    >>> columns = {"o": "string", "n": {"type": "int", "min": 1}}
    >>> o = Source.model_validate({"path": "o.csv", "id": "o", "columns": columns})
    >>> row = QuickRow("orders", o)
    >>> row.values([row.decode(b'{"o": "a", "n": 2}'), row.decode(b'{"o": "b"}')])
    [['a', 'b'], [2, None]]
    >>> row.decode(b'{"o": "a", "n": 0}') is None
    True
    """

    def __init__(self, name: str, source: Source) -> None:
        needed = roles_of(source)
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for number, (column, spec) in enumerate(source.columns.items()):
            kind = _type(name, column, spec)
            if (column in needed or spec.required) and kind is type(None):
                raise SpecError(f"'{column}' has a value in every row, of which nothing is sure")
            if column in needed or spec.required:
                fields.append((f"c{number}", kind))
            else:
                fields.append((f"c{number}", kind | None, None))
        keys = {f"c{number}": key for number, key in enumerate(source.in_file.values())}
        made = msgspec.defstruct("Row", fields, rename=keys, gc=False, kw_only=True)
        self._gets = [attrgetter(field[0]) for field in fields]  # a tuple for each row would keep the collector busy
        self._one = msgspec.json.Decoder(made)
        self._many = msgspec.json.Decoder(list[made])  # type: ignore[valid-type]

    def decode(self, row: bytes) -> Any | None:
        """The row, or None where it is not surely of its types. Raises `msgspec.DecodeError` where it is not JSON."""
        try:
            return self._one.decode(row)
        except msgspec.ValidationError:
            return None

    def decode_all(self, rows: bytes) -> list[Any] | None:
        """A JSON list of rows, or None where any of them is not surely of its types. Raises as `decode` does."""
        try:
            return self._many.decode(rows)
        except msgspec.ValidationError:
            return None

    def values(self, rows: Sequence[Any]) -> list[list[Any]]:
        """The values of each declared column of n decoded rows, n each."""
        return [list(map(get, rows)) for get in self._gets]


def quick_row(name: str, source: Source) -> QuickRow | None:
    """What decodes the rows of a source; None where nothing about them can be sure, such as two columns of one key."""
    if len(set(source.in_file.values())) < len(source.columns):
        return None
    try:
        return QuickRow(name, source)
    except (SpecError, TypeError, ValueError):  # a check that cannot be: the judge says so where it meets it
        return None


def _type(name: str, column: str, spec: ColumnSpec) -> Any:
    """The type of the values of a column that are surely good; further checks follow on arrays."""
    bounded = spec.min is not None or spec.max is not None
    if (bounded and spec.type not in ("int", "float")) or (spec.pattern is not None and spec.type not in _STRINGS):
        raise SpecError(f"a check of '{column}' does not fit its type")
    allowed = [allowed_value(column, spec.type, value, name) for value in spec.values or ()]
    if spec.values is not None and (not allowed or spec.type == "time"):
        raise SpecError(f"'{column}' can have no value")
    if spec.pattern is not None and agreeing(spec.pattern) is None:
        return type(None)
    if spec.type == "time":
        return str if spec.format is None else type(None)
    if spec.type in _STRINGS:
        return Literal[tuple(allowed)] if allowed else str
    if spec.type == "bool":
        return bool
    if spec.type == "float":
        return Annotated[float, msgspec.Meta(ge=spec.min, le=spec.max)]
    low = -EXACT if spec.min is None else max(-EXACT, math.ceil(spec.min))
    high = EXACT if spec.max is None else min(EXACT, math.floor(spec.max))
    return Annotated[int, msgspec.Meta(ge=low, le=high)]
