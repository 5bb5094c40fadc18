"""Aggregates in `take` of a label: over all rows that matched, rather than of one."""

from __future__ import annotations

from typing import Literal, cast, get_args

from poise.errors import ExpressionError
from poise.spec.parser import tree
from poise.spec.syntax import Call, Node

Aggregate = Literal["count", "sum", "mean", "min", "max"]
"""`count` is written alone, the others as functions."""


def aggregate_of(text: str) -> tuple[Aggregate | None, str]:
    """The aggregate that `take` asks for, if any, and the expression that it is taken of.

    >>> aggregate_of("sum(value * 2)"), aggregate_of("value > 2"), aggregate_of("count")
    (('sum', 'value * 2'), (None, 'value > 2'), ('count', ''))
    >>> aggregate_of("min(a) + max(b)")
    (None, 'min(a) + max(b)')
    """
    plain = text.strip()
    if plain == "count":
        return "count", ""
    root = _root(plain)
    if isinstance(root, Call) and root.function in get_args(Aggregate) and len(root.arguments) == 1:
        inside = plain.removeprefix(root.function).strip()  # not so where all of it stands in parentheses
        return (cast(Aggregate, root.function), inside[1:-1].strip()) if inside != plain else (None, text)
    return None, text


def _root(text: str) -> Node | None:
    try:
        return tree(text)
    except ExpressionError:
        return None
