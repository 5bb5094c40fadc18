"""Expressions of a source (`derive`, `where`, `rules`) as Polars expressions over its typed columns."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from poise.errors import SpecError
from poise.spec import in_polars
from poise.spec.expression import check, parse, type_of
from poise.spec.source import ColumnType, Source


def condition(text: str, types: Mapping[str, ColumnType], *, where: str) -> pl.Expr:
    """A boolean expression; null where it is missing.

    Raises `ExpressionError`, or `SpecError` where the text is no condition.
    """
    expression = parse(text, where)
    kinds = {name: type_of(kind) for name, kind in types.items()}
    found = check(expression, kinds, where)
    if found != "bool":
        raise SpecError(f"'{text}' gives a {found}", where=where, hint="a condition is needed, e.g. 'price > 0'")
    return in_polars.compile(expression, kinds)


def derived(name: str, source: Source, types: Mapping[str, ColumnType]) -> list[tuple[str, pl.Expr]]:
    """The derived columns of source `name`, in order; `types` are those of all its columns. Numbers are floats."""
    kinds = {column: type_of(spec.type) for column, spec in source.columns.items()}
    made: list[tuple[str, pl.Expr]] = []
    for column, text in source.derive.items():
        where = f"sources.{name}.derive.{column}"
        value = in_polars.compile(parse(text, where), kinds)
        made.append((column, value.cast(pl.Float64) if types[column] == "float" else value))
        kinds[column] = type_of(types[column])
    return made
