"""What terms read: predictions and columns by the names of the system file, for actions and listed items alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.decisions.sums import Sums
from poise.decisions.weights import checked
from poise.errors import ExpressionError, SpecError
from poise.spec.decision import Decision
from poise.spec.expression import Expression, Type, check, parse
from poise.spec.in_numpy import compile as compiled
from poise.spec.objective import ProblemType
from poise.table import Column, Table

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predicted:
    """An objective as terms see it: its type, and its sorted classes where it has some.

    `given`: the binary objective without which this one has no value.
    """

    type: ProblemType
    classes: tuple[str, ...] = ()
    given: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One compiled expression and the names it reads; its value where it reads none."""

    names: frozenset[str]
    expression: Expression
    _run: Callable[[Mapping[str, Column]], Column]
    _value: float | None

    def __call__(self, rows: Table) -> Floats:
        """Its value in each row, (n,): 0 and 1 for conditions, NaN (or infinite: see `known`) where it is missing."""
        return self._run(rows).values if self._value is None else np.full(rows.height, self._value)


class Words:
    """The names that the expressions of a decision may use, and where their values come from.

    `objectives` says what is predicted, `types` the expression type (`spec.expression.Type`) of every other name:
    columns of the request, features, and dotted look-ups. Raises `SpecError` where one name means both.
    """

    def __init__(self, objectives: Mapping[str, Predicted], types: Mapping[str, Type]) -> None:
        self.objectives = dict(objectives)
        self._columns = dict(types)
        self._predicted = _predicted_types(objectives, types)

    def term(self, text: str, where: str) -> Cell:
        """An expression for a term: a number, over predictions and columns. Raises `ExpressionError`."""
        return _compiled(text, where, {**self._columns, **self._predicted}, ("number", "bool"), "a term is a number")

    def sorting(self, text: str, where: str) -> Cell:
        """An expression to sort by: a number, over columns alone. Raises `ExpressionError`."""
        return _compiled(text, where, self._columns, ("number", "bool"), "what lists are sorted by is a number")

    def condition(self, text: str, where: str) -> Cell:
        """A condition over columns alone. Raises `ExpressionError`."""
        return _compiled(text, where, self._columns, ("bool",), "a condition is true or false")

    def sums(self, cells: Iterable[Cell]) -> Sums | None:
        """Terms in the form that is reckoned in one call, where they are sums and products of numbers."""
        return Sums.of([cell.expression for cell in cells], {**self._columns, **self._predicted})

    def predicted(self, names: frozenset[str]) -> frozenset[str]:
        """Those of `names` that models predict."""
        return names & self._predicted.keys()

    def type_of(self, name: str) -> Type:
        """The expression type of a name that is not predicted."""
        return self._columns[name]

    def rows(self, names: frozenset[str], predictions: Mapping[str, Floats], columns: Mapping[str, Column]) -> Table:
        """The values of `names`; predictions: objective -> (n,), or (n, classes); columns: n rows each."""
        found = {
            name: Column("number", np.asarray(self.values(name, predictions), np.float64))
            if name in self._predicted
            else columns[name]
            for name in names
        }
        return Table.of(found, height_of(predictions, columns))

    def values(self, name: str, predictions: Mapping[str, Floats]) -> Floats:
        """What is predicted under one of the names of `predicted`, (n,)."""
        objective, _, label = name.partition(".")
        found = predictions[objective]
        return found[:, self.objectives[objective].classes.index(label)] if label else found

    def realised(self, names: frozenset[str], labels: Mapping[str, Floats]) -> dict[str, Floats]:
        """Labels in the place of the predictions that `names` read: 0/1 for binary, codes or one column per class for
        multi-class. A conditional objective is 0 where its parent did not come true, as a term multiplies the two."""
        return {name: self._label(name, labels) for name in {n.partition(".")[0] for n in self.predicted(names)}}

    def _label(self, name: str, labels: Mapping[str, Floats]) -> Floats:
        objective = self.objectives[name]
        values = np.asarray(labels[name], np.float64)
        if objective.type == "multi-class" and values.ndim == 1:
            truth = (values[:, None] == np.arange(len(objective.classes))).astype(np.float64)
            return np.where(np.isnan(values)[:, None], np.nan, truth)
        if objective.given is None:
            return values
        parent = np.asarray(labels[objective.given], np.float64)
        shape = (-1,) + (1,) * (values.ndim - 1)
        return np.where((parent == 0).reshape(shape), 0.0, values)


def utility(decision: Decision, terms: Mapping[str, Floats], weights: Mapping[str, float] | None = None) -> Floats:
    """The sum over terms of weight x term, in the shape of the terms: NaN where a term that counts is missing.

    Weights default to the file's; a term of weight 0 need not be known. Raises `RequestError` for weights of no term.

    >>> decision = Decision(per="shown", list="page", item="shop", terms={"orders": "order", "sales": "order * value"})
    >>> utility(decision, {"orders": np.array([0.5, 0.1]), "sales": np.array([4.0, np.nan])}, {"sales": 0}).tolist()
    [0.5, 0.1]
    """
    return weighed(terms, checked(decision, decision.weights if weights is None else weights))


def weighed(terms: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The same by weights that were checked before, one for each term.

    >>> weighed({"orders": np.array([0.5, 0.25])}, {"orders": 2.0}).tolist()
    [1.0, 0.5]
    """
    scores = np.zeros(np.shape(next(iter(terms.values()))))
    for term, weight in weights.items():
        if weight:
            scores = scores + weight * terms[term]
    return scores


def known(values: Floats) -> Floats:
    """`values` with NaN for what is beyond all floats.

    >>> known(np.array([1.0, np.inf])).tolist()
    [1.0, nan]
    """
    return values if np.isfinite(values).all() else np.where(np.isfinite(values), values, np.nan)


def height_of(predictions: Mapping[str, Floats], columns: Mapping[str, Column]) -> int:
    """How many rows these are for; 1 where nothing says.

    >>> height_of({"order": np.zeros(3)}, {})
    3
    """
    if isinstance(columns, Table):
        return columns.height
    heights = [len(values) for values in predictions.values()] + [len(column) for column in columns.values()]
    return heights[0] if heights else 1


def _compiled(text: str, where: str, types: Mapping[str, Type], allowed: tuple[Type, ...], rule: str) -> Cell:
    expression = parse(text, where)
    found = check(expression, types, where)
    if found not in allowed:
        raise ExpressionError(f"{rule}; this is a {found}", text=expression.text, position=0, where=where)
    run = compiled(expression, types)
    return Cell(expression.names, expression, run, None if expression.names else float(run({}).values[0]))


def _predicted_types(objectives: Mapping[str, Predicted], types: Mapping[str, Type]) -> dict[str, Type]:
    """Every name under which terms see predictions; ambiguous ones raise `SpecError`."""
    out: dict[str, Type] = {}
    for name, objective in objectives.items():
        several = objective.type in ("multi-class", "multi-label")
        seen = [f"{name}.{label}" for label in objective.classes] if several else [name]
        for word in {name, *seen} & set(types):
            hint = "rename one of them"
            raise SpecError(f"'{word}' is both an objective and a column", where="decision.terms", hint=hint)
        out |= dict.fromkeys(seen, "number")
    return out
