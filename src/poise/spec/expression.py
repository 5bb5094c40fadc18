"""The expression language: text to a frozen tree, and its static type. No `eval`; two compilers give it meaning.

Names, numbers, strings, durations (`2h`), comparisons, arithmetic, `and` / `or` / `not`, `in [...]`, and the
functions of `poise.spec.functions`. Null and NaN are one *missing*: arithmetic with it gives missing, a comparison
with it is false, `and`, `or` and `not` take it as false, and x / 0 or anything beyond all floats is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from poise.spec.checking import Checker
from poise.spec.parser import tree
from poise.spec.syntax import Node, names
from poise.spec.types import Type, type_of

__all__ = ["Expression", "Type", "check", "parse", "type_of", "typed"]


@dataclass(frozen=True)
class Expression:
    """A parsed expression. Equal where the text is.

    >>> e = parse("coalesce(a, 0) + users.b")
    >>> sorted(e.names), sorted(e.required_names)
    (['a', 'users.b'], ['users.b'])
    """

    text: str
    root: Node

    @cached_property
    def names(self) -> frozenset[str]:
        """The names it reads, dotted as written."""
        return frozenset(name.name for name in names(self.root))

    @cached_property
    def required_names(self) -> frozenset[str]:
        """The names that also stand outside `missing()` and `coalesce()`: where one is missing, the result may be."""
        return frozenset(name.name for name in names(self.root, skip=frozenset({"missing", "coalesce"})))


def parse(text: str, where: str | None = None) -> Expression:
    """The expression that `text` spells; `where` names its place in errors.

    Raises `ExpressionError`, which points at the character.

    >>> parse("departs - 2x")
    Traceback (most recent call last):
    poise.errors.ExpressionError: '2x' has the unknown unit 'x' (allowed: d, h, min, ms, s, w, y)
        departs - 2x
                   ^
    """
    return Expression(text, tree(text, where))


def check(expression: Expression, types: Mapping[str, Type], where: str | None = None) -> Type:
    """The type of `expression`, given the types of the names it may use.

    Raises `ExpressionError` at the first name or operation that does not fit.

    >>> check(parse("arrives - departs"), {"arrives": "time", "departs": "time"})
    'duration'
    >>> check(parse("carier == 'AA'"), {"carrier": "string"})
    Traceback (most recent call last):
    poise.errors.ExpressionError: there is no 'carier' here (did you mean 'carrier'?)
        carier == 'AA'
        ^
    """
    return Checker(expression.text, types, where).check(expression.root)


def typed(expression: Expression, types: Mapping[str, Type]) -> dict[int, Type]:
    """The type of every node, by the node's `id`: what a compiler walks with. Raises as `check` does."""
    checker = Checker(expression.text, types, None)
    checker.check(expression.root)
    return checker.types
