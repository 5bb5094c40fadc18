"""`take:` of a label: what is read off the rows that matched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.errors import SpecError, did_you_mean
from poise.spec.aggregate import Aggregate, aggregate_of
from poise.spec.expression import Type, check, parse, type_of
from poise.spec.in_numpy import compile as compiled
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.table import Column, History


@dataclass(frozen=True, slots=True)
class Take:
    """One thing to read: an expression over a row, or an aggregate of one over all matched rows."""

    text: str
    aggregate: Aggregate | None

    @classmethod
    def read(cls, text: str) -> Take:
        """`count`, `sum(x)`, `mean(x)`, `min(x)`, `max(x)`, or an expression.

        >>> Take.read("sum(value * 2)")
        Take(text='value * 2', aggregate='sum')
        >>> Take.read("arr_delay > 15").aggregate is None
        True
        """
        aggregate, inner = aggregate_of(text)
        return cls(inner, aggregate)


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """The value in every row of the label's source, its type, and where there is none that can be learned."""

    column: Column
    type: Type
    impossible: NDArray[np.bool_]


def evaluate(text: str, source: str, history: History, system: SystemSpec, where: str) -> Taken:
    """`text` in every row of `source`.

    A row in which a column that it names is missing is impossible, unless the column stands only inside `missing()` or
    `coalesce()`; so is one where the expression itself has no value.
    """
    types = column_types(system.sources[source], system)
    expression = parse(text, where=where)
    names = {written: written.removeprefix(f"{source}.") for written in sorted(expression.names)}
    for written, name in names.items():
        if name not in types:
            raise SpecError(f"'{written}' is not a column of '{source}'", where=where, hint=did_you_mean(name, types))
    found = {written: type_of(types[name]) for written, name in names.items()}
    kind = check(expression, found, where=where)
    columns = {written: history.rows[name] for written, name in names.items()}
    value = compiled(expression, found)(columns)
    impossible = value.missing()
    for written in expression.required_names:
        impossible = impossible | columns[written].missing()
    return Taken(value, kind, impossible)
