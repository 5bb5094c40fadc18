"""The tree of an expression: frozen nodes, each with the character at which it stands in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Scalar = float | str | bool


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, string, `true`, `false` or a duration (in microseconds)."""

    value: Scalar
    type: Literal["number", "bool", "string", "duration"]
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A column, feature or objective; dotted where it says whose: `restaurants.price`."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `not x`."""

    operator: Literal["-", "not"]
    operand: Node
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; `at` is where the operator stands."""

    operator: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True, slots=True)
class Member:
    """`operand in [options]` or `operand not in [options]`."""

    operand: Node
    options: tuple[Constant, ...]
    negated: bool
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`."""

    function: str
    arguments: tuple[Node, ...]
    at: int


Node = Constant | Name | Unary | Binary | Member | Call


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Unary(operand=operand) | Member(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Call(arguments=arguments):
            return arguments
        case _:
            return ()


def depth(node: Node) -> int:
    """How many nodes stand on the longest way down."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for each in level for child in children(each)]
    return deepest


def names(node: Node, *, skip: frozenset[str] = frozenset()) -> Iterator[Name]:
    """The names in a tree, from left to right; those inside calls of the functions in `skip` are left out."""
    todo: list[Node] = [node]
    while todo:
        node = todo.pop()
        if isinstance(node, Name):
            yield node
        elif not (isinstance(node, Call) and node.function in skip):
            todo.extend(reversed(children(node)))
