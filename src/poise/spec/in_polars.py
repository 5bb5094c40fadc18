"""Expressions over Polars columns, for work in batch.

Must agree with `poise.spec.in_numpy`, and calls it for what Polars would answer otherwise: logarithms and quotients in
their last bit, spellings of numbers, local times by another edition of the time zones. Constant parts are computed by
it once.

| type | column that comes in | result |
|---|---|---|
| number | any number (taken as Float64) | Float64 |
| bool | Boolean | Boolean |
| string | String, Categorical or Enum | String |
| time | Datetime('us', 'UTC') | Datetime('us', 'UTC') |
| duration | not a column | Float64, in microseconds |

Missing is null in the result; NaN and infinities that come in are missing too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from poise.spec.calls_in_numpy import CALLS
from poise.spec.expression import Expression, Type, typed
from poise.spec.in_numpy import MOST_SHIFT, finite
from poise.spec.in_numpy import compile as compile_numpy
from poise.spec.syntax import Binary, Call, Constant, Member, Name, Node, Unary, names
from poise.spec.zones import FIRST, LAST
from poise.table import MISSING_TIME, Column

INSTANT = pl.Datetime("us", "UTC")
_DTYPES: dict[Type, Any] = {
    "number": pl.Float64,
    "bool": pl.Boolean,
    "string": pl.String,
    "time": pl.Int64,  # instants are computed with as microseconds
    "duration": pl.Float64,
}
_OPERATORS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def compile(expression: Expression, types: Mapping[str, Type]) -> pl.Expr:
    """`expression` over columns that are named as it names them (dots included).

    A constant expression is a literal, which spreads over a frame's height in `with_columns` but not in `select`.
    Raises `ExpressionError` where the types do not fit.

    >>> from poise.spec.expression import parse
    >>> pl.DataFrame({"a": [1.0, 1.0], "b": [2.0, 0.0]}).select(compile(parse("a / b"), {"a": "number", "b": "number"}))
    shape: (2, 1)
    ┌──────┐
    │ a    │
    │ ---  │
    │ f64  │
    ╞══════╡
    │ 0.5  │
    │ null │
    └──────┘
    """
    kinds = typed(expression, types)
    value = _Compiler(kinds).value(expression.root)
    return value.cast(INSTANT) if kinds[id(expression.root)] == "time" else value


class _Compiler:
    """One expression's nodes to Polars. `kinds` maps the id of a node to its type."""

    def __init__(self, kinds: Mapping[int, Type]) -> None:
        self._kinds = kinds

    def value(self, node: Node) -> pl.Expr:
        """The value of a node; null is missing, and neither NaN nor an infinity is left."""
        kind = self._kinds[id(node)]
        if next(names(node), None) is None:
            return _literal(node, kind)
        match node:
            case Name():
                return _column(node.name, kind)
            case Unary(operator="-"):
                return -self.value(node.operand)
            case Unary():
                return ~self.mask(node.operand)
            case Binary(operator="and"):
                return self.mask(node.left) & self.mask(node.right)
            case Binary(operator="or"):
                return self.mask(node.left) | self.mask(node.right)
            case Binary():
                return self._binary(node)
            case Member():
                return self._membership(node)
            case Call():
                return self._call(node)
            case _:
                raise AssertionError(node)

    def mask(self, node: Node) -> pl.Expr:
        """A condition where missing is false."""
        return self.value(node).fill_null(False)

    def _binary(self, node: Binary) -> pl.Expr:
        left, right = self.value(node.left), self.value(node.right)
        kinds = self._kinds[id(node.left)], self._kinds[id(node.right)]
        apply = _OPERATORS[node.operator]
        if self._kinds[id(node)] == "bool":
            return apply(left, right).fill_null(False)
        if kinds == ("time", "time"):
            return (left - right).cast(pl.Float64)
        if kinds[0] == "time":
            return _shifted(left, right if node.operator == "+" else -right)
        if kinds[1] == "time":
            return _shifted(right, left)
        return _divided(left, right) if node.operator == "/" else _finite(apply(left, right))

    def _membership(self, node: Member) -> pl.Expr:
        options = [option.value for option in node.options]
        hit = self.value(node.operand).is_in(pl.Series(options, dtype=_DTYPES[self._kinds[id(node.operand)]]).implode())
        return (~hit if node.negated else hit).fill_null(False)

    def _call(self, node: Call) -> pl.Expr:
        if node.function in ("contains", "starts_with"):
            return self._search(node)
        if node.function == "if":
            condition, then, otherwise = self.mask(node.arguments[0]), *map(self.value, node.arguments[1:])
            return pl.when(condition).then(then).otherwise(otherwise)
        native = _NATIVE.get(node.function)
        if native is not None:
            return native(*map(self.value, node.arguments))
        return self._by_numpy(node)

    def _search(self, node: Call) -> pl.Expr:
        text, part = self.value(node.arguments[0]), node.arguments[1]
        assert isinstance(part, Constant)
        found = (
            text.str.contains(str(part.value), literal=True)
            if node.function == "contains"
            else text.str.starts_with(str(part.value))
        )
        return found.fill_null(False)

    def _by_numpy(self, node: Call) -> pl.Expr:
        """A call whose arguments become arrays and whose result becomes a series again."""
        kind, of = self._kinds[id(node)], [self._kinds[id(argument)] for argument in node.arguments]
        constants = {i: a.value for i, a in enumerate(node.arguments) if isinstance(a, Constant)}
        varying = [i for i in range(len(of)) if i not in constants]
        call = CALLS[node.function]
        extra = (of[0],) if node.function in ("number", "string") else ()

        def run(series: Sequence[pl.Series]) -> pl.Series:
            arrays = {i: _array(each, of[i]) for i, each in zip(varying, series, strict=True)}
            values = [arrays[i] if i in arrays else _scalar(constants[i]) for i in range(len(of))]
            with np.errstate(all="ignore"):
                return _series(call(*values, *extra), kind)

        exprs = [self.value(node.arguments[i]) for i in varying]
        return pl.map_batches(exprs, run, return_dtype=_DTYPES[kind], is_elementwise=True)


def _literal(node: Node, kind: Type) -> pl.Expr:
    """A part without names, computed once."""
    run = compile_numpy(Expression("", node), {})
    value = run({}).to_list()[0]
    if kind == "bool" and value is not None:
        value = bool(value)
    return pl.lit(value, dtype=_DTYPES[kind])


def _column(name: str, kind: Type) -> pl.Expr:
    column = pl.col(name)
    if kind == "time":
        return column.cast(INSTANT).cast(pl.Int64)
    if kind == "number":
        return _finite(column.cast(pl.Float64))
    return column.cast(_DTYPES[kind])


def _finite(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_finite()).then(value)


def _divided(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """By NumPy: Polars multiplies by 1 / right where that is one number, which is not the same in the last bit."""

    def run(series: Sequence[pl.Series]) -> pl.Series:
        above, below = (_array(each, "number") for each in series)
        with np.errstate(all="ignore"):
            return _series(finite(above / below), "number")

    return pl.map_batches([left, right], run, return_dtype=pl.Float64, is_elementwise=True)


def _shifted(time: pl.Expr, duration: pl.Expr) -> pl.Expr:
    known = (duration.abs() < MOST_SHIFT) & (time > FIRST) & (time < LAST)
    moved = pl.when(known).then(time) + pl.when(known).then(duration).round(0, mode="half_to_even").cast(pl.Int64)
    return pl.when((moved > FIRST) & (moved < LAST)).then(moved)


def _all_there(*values: pl.Expr) -> pl.Expr:
    return pl.all_horizontal([value.is_not_null() for value in values])


def _least(*values: pl.Expr) -> pl.Expr:
    return pl.when(_all_there(*values)).then(pl.min_horizontal(values))


def _greatest(*values: pl.Expr) -> pl.Expr:
    return pl.when(_all_there(*values)).then(pl.max_horizontal(values))


_NATIVE: dict[str, Callable[..., pl.Expr]] = {
    "missing": lambda x: x.is_null(),
    "coalesce": lambda *values: pl.coalesce(values),
    "abs": lambda x: x.abs(),
    "sqrt": lambda x: _finite(x.sqrt()),
    "floor": lambda x: x.floor(),
    "ceil": lambda x: x.ceil(),
    "round": lambda x: x.round(0, mode="half_to_even"),
    "least": _least,
    "greatest": _greatest,
    "clip": lambda x, low, high: _least(_greatest(x, low), high),
    "length": lambda s: s.str.len_chars().cast(pl.Float64),
}


def _array(series: pl.Series, kind: Type) -> Any:
    if kind == "string":
        levels = series.unique().drop_nulls()
        codes = series.replace_strict(levels, pl.int_range(len(levels), dtype=pl.Int32, eager=True), default=-1)
        return Column.coded(codes.to_numpy(), levels.to_list())
    if kind == "time":
        return series.fill_null(MISSING_TIME).to_numpy()
    return series.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _scalar(value: float | str | bool) -> Any:
    return value if isinstance(value, str) else np.float64(value)


def _series(value: Any, kind: Type) -> pl.Series:
    if kind == "string":
        assert isinstance(value, Column) and value.levels is not None
        codes = pl.Series(value.values)
        return pl.Series(value.levels.tolist(), dtype=pl.String).gather(codes.set(codes < 0, None))
    if kind == "time":
        series = pl.Series(value, dtype=pl.Int64)
        return series.set(series == MISSING_TIME, None)
    return pl.Series(value, dtype=pl.Float64).fill_nan(None)
