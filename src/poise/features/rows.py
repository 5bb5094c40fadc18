"""What the rows of one `per` carry: the columns that a caller sends, and whether they have a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from poise.errors import SpecError
from poise.features.base import OutputType
from poise.spec.source import ColumnType
from poise.spec.source_types import request_types
from poise.spec.system import SystemSpec
from poise.table import Kind

Bound = TypeVar("Bound")

_OUTPUTS: dict[ColumnType, OutputType] = {
    "int": "number",
    "float": "number",
    "bool": "number",
    "string": "category",
    "category": "category",
    "text": "text",
}


class NotCarried(SpecError):
    """The rows of this `per` lack something; those of another objective may have it."""


def kind_of(column_type: ColumnType) -> Kind:
    """How values of a column type are stored.

    >>> kind_of("bool"), kind_of("text")
    ('number', 'string')
    """
    if column_type == "time":
        return "time"
    return "number" if column_type in ("int", "float", "bool") else "string"


def output_type(column_type: ColumnType) -> OutputType | None:
    """What a column is as a feature; None for instants, which are none by themselves.

    >>> output_type("string"), output_type("time")
    ('category', None)
    """
    return _OUTPUTS.get(column_type)


def request_columns(system: SystemSpec, per: str) -> dict[str, ColumnType]:
    """The columns of `per` that a caller sends, with their types, in the order of the source.

    Empty where the source declares no `request:`.
    """
    return request_types(system.sources[per], system)


def is_timed(system: SystemSpec, per: str) -> bool:
    """Whether requests for the rows of `per` have a T: from the source's `time` or from an objective's `at`."""
    return system.sources[per].time is not None or any(o.at for o in system.objectives.values() if o.per == per)


def pers(system: SystemSpec) -> tuple[str, ...]:
    """The sources whose rows are predicted for, in the order of the objectives."""
    return tuple(dict.fromkeys(objective.per for objective in system.objectives.values()))


def carried(make: Callable[[str], Bound], system: SystemSpec, per: str) -> Bound | None:
    """`make(per)`; None if only the rows of another `per` can carry it, and the error if none can."""
    try:
        return make(per)
    except NotCarried:
        for other in pers(system):
            if other != per and _works(make, other):
                return None
        raise


def _works(make: Callable[[str], Bound], per: str) -> bool:
    try:
        make(per)
    except NotCarried:
        return False
    return True
