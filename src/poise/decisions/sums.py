"""Terms that are sums and products of numbers, in a form that one compiled call reckons for all candidates.

Registers hold the numbers that are read, then constants, then what each step makes: `order * value - 1` reads two, has
one constant and takes two steps. Every step follows `poise.spec.in_numpy` bit for bit: what is no finite number is
missing, NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled, compiled_part
from poise.spec.expression import Expression, Type, typed
from poise.spec.syntax import Binary, Constant, Name, Node, Unary

if TYPE_CHECKING:
    from poise.decisions.terms import Floats

_STEPS = {"+": 0, "-": 1, "*": 2, "/": 3}
_MINUS = 4
RUN = 16
"""So many scores are sorted by counting."""


class _NoSum(Exception):
    """An expression does something else than to add and to multiply numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Several terms as one list of steps.

    names: what is read, one register each; constants: (c,), the next registers; steps: (m, 3) what to do with which two
    registers, each making the next one; results: (t,) the register of each term.
    """

    names: tuple[str, ...]
    constants: Floats
    steps: NDArray[np.int64]
    results: NDArray[np.int64]

    @classmethod
    def of(cls, expressions: Sequence[Expression], types: Mapping[str, Type]) -> Sums | None:
        """The terms in this form; None where one of them does anything else.

        >>> from poise.spec.expression import parse
        >>> types = {"order": "number", "value": "number"}
        >>> sums = Sums.of([parse("order"), parse("order * value - 1")], types)
        >>> sums.names, sums.constants.tolist(), sums.steps.tolist(), sums.results.tolist()
        (('order', 'value'), [1.0], [[2, 0, 1], [1, 3, 2]], [0, 4])
        >>> Sums.of([parse("if(order > 1, 1, 0)")], types) is None
        True
        """
        names = tuple(sorted(frozenset[str]().union(*(expression.names for expression in expressions))))
        try:
            kinds = [typed(expression, types) for expression in expressions]
            constants = [value for e, of in zip(expressions, kinds, strict=True) for value in _constants(e.root, of)]
            made = _Steps({name: at for at, name in enumerate(names)}, len(names), list(dict.fromkeys(constants)))
            results = [made.register(expression.root) for expression in expressions]
        except _NoSum:
            return None
        steps = np.array(made.steps, np.int64).reshape(-1, 3)
        return cls(names, np.array(made.constants), steps, np.array(results, np.int64))

    def rank(self, read: Floats, weights: Floats, allowed: Floats | None) -> tuple[Floats, NDArray[np.int64]]:
        """The terms and below them the scores by weights (t,), (t + 1, n), and the order of those that are allowed and
        have a score, the best first, the earlier of equals first.

        read: (names, n); allowed: (n,) 1 where a candidate may be listed, None where all may.
        """
        n = read.shape[1]
        made, order = np.empty((len(self.results) + 1, n)), np.empty((2, n), np.int64)
        may = _ALL if allowed is None else allowed
        count = _rank(read, self.constants, self.steps, self.results, weights, may, made, order)
        return made, order[0, :count]


_ALL = np.empty(0)


class _Steps:
    """Turns nodes into steps, those below before those above."""

    def __init__(self, place: Mapping[str, int], first: int, constants: list[float]) -> None:
        self._place = place
        self._first = first
        self.constants = constants
        self.steps: list[tuple[int, int, int]] = []

    def register(self, node: Node) -> int:
        """Where the value of a node will stand."""
        match node:
            case Name():
                return self._place[node.name]
            case Constant():
                return self._first + self.constants.index(float(node.value))
            case Unary():
                operand = self.register(node.operand)
                self.steps.append((_MINUS, operand, operand))
            case Binary():
                self.steps.append((_STEPS[node.operator], self.register(node.left), self.register(node.right)))
        return self._first + len(self.constants) + len(self.steps) - 1


def _constants(node: Node, kinds: Mapping[int, Type]) -> list[float]:
    """The constants of an expression of numbers. Raises `_NoSum` for any other."""
    if kinds[id(node)] != "number":
        raise _NoSum
    match node:
        case Name():
            return []
        case Constant():
            return [float(node.value)]
        case Unary(operator="-"):
            return _constants(node.operand, kinds)
        case Binary() if node.operator in _STEPS:
            return [*_constants(node.left, kinds), *_constants(node.right, kinds)]
        case _:
            raise _NoSum


@compiled_part
def _finite(value: float) -> float:
    """NaN for what is no finite number, as `in_numpy.finite`."""
    return value - (value - value)


@compiled
def _rank(
    read: Floats,
    constants: Floats,
    steps: NDArray[np.int64],
    results: NDArray[np.int64],
    weights: Floats,
    allowed: Floats,
    made: Floats,
    order: NDArray[np.int64],
) -> int:
    """Fills `made`, the terms and the scores, and the first row of `order`; how many stand there."""
    names, first = len(read), len(read) + len(constants)
    terms, scores = made[:-1], made[-1]
    registers = np.empty(first + len(steps))
    for c in range(len(constants)):
        registers[names + c] = constants[c]
    count = 0
    for i in range(len(scores)):
        for j in range(names):
            registers[j] = _finite(read[j, i])
        for s in range(len(steps)):
            a, b = registers[steps[s, 1]], registers[steps[s, 2]]
            if steps[s, 0] == 0:
                value = _finite(a + b)
            elif steps[s, 0] == 1:
                value = _finite(a - b)
            elif steps[s, 0] == 2:
                value = _finite(a * b)
            elif steps[s, 0] == 3:
                value = _finite(a / b)
            else:
                value = -a
            registers[first + s] = value
        score = 0.0
        for t in range(len(results)):
            terms[t, i] = registers[results[t]]
            if weights[t] != 0.0:
                score = score + weights[t] * terms[t, i]
        scores[i] = score
        if not np.isnan(score) and (len(allowed) == 0 or allowed[i] == 1.0):
            order[0, count] = i
            count += 1
    _sort(scores, order, count)
    return count


@compiled_part
def _sort(scores: Floats, order: NDArray[np.int64], count: int) -> None:
    """The first `count` of `order[0]` from the highest score down, equals as they stood: in runs of `RUN`, which are
    merged in runs that double. A processor guesses wrongly at every second comparison: none of these is a branch."""
    keys = np.empty((2, count))
    for i in range(count):
        keys[0, i] = scores[order[0, i]]
    for start in range(0, count, RUN):
        _sort_run(keys, order, start, min(start + RUN, count))
    run = RUN
    while run < count:
        for start in range(0, count, 2 * run):
            _merge(keys, order, start, min(start + run, count), min(start + 2 * run, count))
        for at in range(count):
            order[0, at], keys[0, at] = order[1, at], keys[1, at]
        run *= 2


@compiled_part
def _sort_run(keys: Floats, order: NDArray[np.int64], start: int, end: int) -> None:
    """Sorts from `start` to `end` by counting how many come before each."""
    for i in range(start, end):
        place = start
        for j in range(start, i):
            place += int(keys[0, j] >= keys[0, i])
        for j in range(i + 1, end):
            place += int(keys[0, j] > keys[0, i])
        order[1, place], keys[1, place] = order[0, i], keys[0, i]
    for i in range(start, end):
        order[0, i], keys[0, i] = order[1, i], keys[1, i]


@compiled_part
def _merge(keys: Floats, order: NDArray[np.int64], start: int, middle: int, end: int) -> None:
    """The runs from `start` to `middle` and from there to `end` as one, in the second rows."""
    a, b, at = start, middle, start
    while a < middle and b < end:
        first = keys[0, a] >= keys[0, b]
        order[1, at] = order[0, a] if first else order[0, b]
        keys[1, at] = keys[0, a] if first else keys[0, b]
        a += int(first)
        b += 1 - int(first)
        at += 1
    for rest in range(a, middle):
        order[1, at], keys[1, at] = order[0, rest], keys[0, rest]
        at += 1
    for rest in range(b, end):
        order[1, at], keys[1, at] = order[0, rest], keys[0, rest]
        at += 1
