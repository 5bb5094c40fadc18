"""Expressions over arrays: compiled once into closures, run for one request or for all rows of a training set.

Must agree with `poise.spec.in_polars`; a property test over random expressions holds the two together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from poise.spec.calls_in_numpy import CALLS
from poise.spec.expression import Expression, Type, typed
from poise.spec.strings_in_numpy import choose, distinct, equal, is_in
from poise.spec.syntax import Binary, Call, Constant, Member, Name, Node, Unary, names
from poise.spec.zones import FIRST, LAST
from poise.table import MISSING_TIME, Column

Value = Any
"""A number, bool or duration: float64 (NaN missing); a time: int64; a string: `Column`. Shape (n,), or one for all."""
Step = Callable[[Mapping[str, Column]], Value]

MOST_SHIFT = 2.0**60  # microseconds: far more than years 1 to 9999 span, and exact in both integers and floats

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def compile(expression: Expression, types: Mapping[str, Type]) -> Callable[[Mapping[str, Column]], Column]:
    """A function from columns by (dotted) name to the value of `expression`, one row per row.

    Numbers, bools (0 and 1) and durations (microseconds) come as kind `number`. Without any column the result has one
    row. Raises `ExpressionError` where the types do not fit.

    >>> from poise.spec.expression import parse
    >>> run = compile(parse("a / b"), {"a": "number", "b": "number"})
    >>> run({"a": Column.numbers([1.0, 1.0]), "b": Column.numbers([2.0, 0.0])}).to_list()
    [0.5, None]
    """
    kinds = typed(expression, types)
    step = _Compiler(kinds).value(expression.root)
    kind = kinds[id(expression.root)]
    unique = kind == "string" and isinstance(expression.root, Call)

    def run(rows: Mapping[str, Column]) -> Column:
        with np.errstate(all="ignore"):
            value = step(rows)
        height = _height(rows)
        if kind == "string":
            found = value if len(value) == height else Column("string", np.repeat(value.values, height), value.levels)
            return distinct(found) if unique else found
        if np.shape(value) != (height,):
            value = np.broadcast_to(value, (height,)).copy()
        return Column("time" if kind == "time" else "number", value)

    return run


def _height(rows: Mapping[str, Column]) -> int:
    height = getattr(rows, "height", None)
    if height is not None:
        return int(height)
    return len(next(iter(rows.values()))) if rows else 1


class _Compiler:
    """One expression's nodes to closures. `kinds` maps the id of a node to its type."""

    def __init__(self, kinds: Mapping[int, Type]) -> None:
        self._kinds = kinds

    def value(self, node: Node) -> Step:
        """The value of a node, missing included."""
        if not isinstance(node, Constant) and next(names(node), None) is None:
            return _fixed(self._value(node))
        return self._value(node)

    def _value(self, node: Node) -> Step:
        match node:
            case Constant():
                return _constant(node)
            case Name():
                return _column(node.name, self._kinds[id(node)])
            case Unary(operator="-"):
                operand = self.value(node.operand)
                return lambda rows: -operand(rows)
            case Binary() if self._kinds[id(node)] != "bool":
                return self._arithmetic(node)
            case Call() if self._kinds[id(node)] != "bool" or node.function in ("if", "coalesce"):
                return self._call(node)
            case _:
                mask = self.mask(node)
                return lambda rows: np.asarray(mask(rows), np.float64)

    def mask(self, node: Node) -> Step:
        """Where a condition is true, as bools: missing is false."""
        match node:
            case Unary(operator="not"):
                operand = self.mask(node.operand)
                return lambda rows: ~operand(rows)
            case Binary(operator="and" | "or"):
                left, right = self.mask(node.left), self.mask(node.right)
                if node.operator == "and":
                    return lambda rows: left(rows) & right(rows)
                return lambda rows: left(rows) | right(rows)
            case Binary():
                return self._comparison(node)
            case Member():
                return self._membership(node)
            case Call() if node.function not in ("if", "coalesce"):
                return self._call(node)
            case _:
                value = self.value(node)
                return lambda rows: value(rows) == 1

    def _arithmetic(self, node: Binary) -> Step:
        left, right = self.value(node.left), self.value(node.right)
        kinds = self._kinds[id(node.left)], self._kinds[id(node.right)]
        if kinds == ("time", "time"):
            return lambda rows: _between(left(rows), right(rows))
        if kinds[0] == "time":
            sign = 1 if node.operator == "+" else -1
            return lambda rows: shifted(left(rows), sign * right(rows))
        if kinds[1] == "time":
            return lambda rows: shifted(right(rows), left(rows))
        apply = _ARITHMETIC[node.operator]
        return lambda rows: finite(apply(left(rows), right(rows)))

    def _comparison(self, node: Binary) -> Step:
        left, right = self.value(node.left), self.value(node.right)
        kind, negated = self._kinds[id(node.left)], node.operator == "!="
        apply = _COMPARE[node.operator]
        if kind == "string":
            return lambda rows: _same(left(rows), right(rows), negated)
        if kind != "time" and not negated:
            return lambda rows: apply(left(rows), right(rows))

        def compare(rows: Mapping[str, Column]) -> Value:
            a, b = left(rows), right(rows)
            return apply(a, b) & ~is_missing(a) & ~is_missing(b)

        return compare

    def _membership(self, node: Member) -> Step:
        operand, negated = self.value(node.operand), node.negated
        if self._kinds[id(node.operand)] == "string":
            options = frozenset(str(option.value) for option in node.options)
            if negated:
                return lambda rows: (~is_in(c := operand(rows), options)) & (c.values >= 0)
            return lambda rows: is_in(operand(rows), options)
        allowed = np.array([float(option.value) for option in node.options])
        if negated:
            return lambda rows: ~np.isin(v := operand(rows), allowed) & ~np.isnan(v)
        return lambda rows: np.isin(operand(rows), allowed)

    def _call(self, node: Call) -> Step:
        kind = self._kinds[id(node)]
        if node.function == "missing":
            operand = self.value(node.arguments[0])
            return lambda rows: is_missing(operand(rows))
        if node.function == "if":
            condition = self.mask(node.arguments[0])
            left, right = (self.value(argument) for argument in node.arguments[1:])
            where = choose if kind == "string" else np.where
            return lambda rows: where(condition(rows), left(rows), right(rows))
        if node.function == "coalesce":
            return _coalesce([self.value(argument) for argument in node.arguments], kind)
        call = CALLS[node.function]
        steps = [self._argument(argument) for argument in node.arguments]
        if node.function in ("number", "string"):
            of = self._kinds[id(node.arguments[0])]
            return lambda rows: call(steps[0](rows), of)
        return lambda rows: call(*[step(rows) for step in steps])

    def _argument(self, node: Node) -> Step:
        """String constants reach functions as `str`: zones, and parts that are searched for, need no column."""
        if isinstance(node, Constant) and node.type == "string":
            return lambda rows: node.value
        return self.value(node)


def _fixed(step: Step) -> Step:
    with np.errstate(all="ignore"):
        value = step({})
    return lambda rows: value


def _constant(node: Constant) -> Step:
    value = Column.strings([str(node.value)]) if node.type == "string" else np.float64(node.value)
    return lambda rows: value


def _column(name: str, kind: Type) -> Step:
    if kind == "string":
        return lambda rows: rows[name]
    if kind in ("time", "bool"):
        return lambda rows: rows[name].values
    return lambda rows: finite(rows[name].values)


def _coalesce(steps: list[Step], kind: Type) -> Step:
    where = choose if kind == "string" else np.where

    def coalesce(rows: Mapping[str, Column]) -> Value:
        value = steps[0](rows)
        for step in steps[1:]:
            value = where(~is_missing(value), value, step(rows))
        return value

    return coalesce


def finite(value: Value) -> Value:
    """NaN for what is not a finite number: nothing is left of that less itself, and 0 of every other."""
    return value - (value - value)


def is_missing(value: Value) -> Any:
    """Where a value of any type is missing."""
    if isinstance(value, Column):
        return value.missing()
    return np.isnan(value) if value.dtype.kind == "f" else value == MISSING_TIME


def _between(left: Value, right: Value) -> Value:
    return np.where(is_missing(left) | is_missing(right), np.nan, (left - right).astype(np.float64))


def shifted(time: Value, duration: Value) -> Value:
    """Instants moved by microseconds; missing beyond years 1 to 9999."""
    known = (np.abs(duration) < MOST_SHIFT) & (time > FIRST) & (time < LAST)
    moved = np.where(known, time, 0) + np.rint(np.where(known, duration, 0.0)).astype(np.int64)
    return np.where(known & (moved > FIRST) & (moved < LAST), moved, MISSING_TIME)


def _same(left: Column, right: Column, negated: bool) -> Value:
    if negated:
        return ~equal(left, right) & ~left.missing() & ~right.missing()
    return equal(left, right)
