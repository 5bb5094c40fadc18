"""What the functions of the expression language compute on arrays.

`missing`, `coalesce` and `if` are not here: they treat missing values themselves and stand in the compilers.
Shapes and missing values are as in `poise.spec.in_numpy`. `in_polars` calls some of these for what Polars would answer
otherwise in the last bit, or for another version of the time zones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from poise.spec import clocks_in_numpy as clocks
from poise.spec import strings_in_numpy as strings
from poise.spec.types import Type
from poise.table import MISSING_TIME, Column

Value = Any


def _finite(function: Callable[[Value], Value]) -> Callable[[Value], Value]:
    def call(x: Value) -> Value:
        value = function(x)
        return value - (value - value)  # as `in_numpy.finite`

    return call


def _largest(a: Value, b: Value) -> Value:
    if a.dtype.kind == "f":
        return np.maximum(a, b)
    return np.where((a == MISSING_TIME) | (b == MISSING_TIME), MISSING_TIME, np.maximum(a, b))


def _least(*values: Value) -> Value:
    return reduce(np.minimum, values)  # the least integer is what stands for a missing time


def _greatest(*values: Value) -> Value:
    return reduce(_largest, values)


def _number(x: Value, of: Type) -> Value:
    return strings.number(_column(x)) if of == "string" else x


def _string(x: Value, of: Type) -> Column:
    if of == "string":
        return _column(x)
    return strings.truth_text(x) if of == "bool" else strings.text(x)


def _column(value: Column | str) -> Column:
    return Column.strings([value]) if isinstance(value, str) else value


def _of_string(function: Callable[..., Value]) -> Callable[..., Value]:
    return lambda value, *rest: function(_column(value), *rest)


CALLS: dict[str, Callable[..., Value]] = {
    "abs": np.abs,
    "sqrt": _finite(np.sqrt),
    "exp": _finite(np.exp),
    "log": _finite(np.log),
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "least": _least,
    "greatest": _greatest,
    "clip": lambda x, low, high: _least(_greatest(x, low), high),
    "lower": _of_string(strings.lower),
    "length": _of_string(strings.length),
    "contains": _of_string(strings.contains),
    "starts_with": _of_string(strings.starts_with),
    "number": _number,
    "string": _string,
    "year": clocks.year,
    "month": clocks.month,
    "day": clocks.day,
    "weekday": clocks.weekday,
    "hour": clocks.hour,
    "instant": clocks.instant,
    "next_clock": clocks.next_clock,
}
"""Function -> what it computes of its evaluated arguments. `number` and `string` also get the argument's type."""
