"""Choosing one action per request: the one whose terms, weighed, add up to most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.decisions.weights import checked
from poise.errors import ExpressionError, SpecError, did_you_mean
from poise.spec.decision import Decision
from poise.spec.expression import Type, check, parse
from poise.spec.in_numpy import compile as compiled
from poise.spec.objective import ProblemType
from poise.table import Column

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predicted:
    """An objective as terms see it: its type, and its sorted classes where it has some.

    `given`: the binary objective without which this one has no value.
    """

    type: ProblemType
    classes: tuple[str, ...] = ()
    given: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen for n requests among k actions.

    scores: utility, (n, k), NaN where a term is missing; chosen: index into `actions`, (n,); terms: term -> (n, k);
    fallback: True where no action had a score and the rule's action was taken, (n,).
    """

    actions: tuple[str, ...]
    scores: Floats
    chosen: NDArray[np.int64]
    terms: Mapping[str, Floats]
    fallback: NDArray[np.bool_]

    def left_out(self, row: int) -> dict[str, str]:
        """The actions of one request that could not be chosen, each with the reason."""
        return {
            action: "missing: " + ", ".join(t for t, values in self.terms.items() if np.isnan(values[row, j]))
            for j, action in enumerate(self.actions)
            if np.isnan(self.scores[row, j])
        }


@dataclass(frozen=True, slots=True)
class _Cell:
    """One term of one action: the names it reads, and the compiled expression; a value where it reads none."""

    names: frozenset[str]
    run: Callable[[Mapping[str, Column]], Column]
    value: float | None


class Chooser:
    """The terms of a decision, compiled once; call it for any number of requests and any weights.

    `objectives` says what is predicted, `types` the expression type (`spec.expression.Type`) of every other name that
    terms may use: columns of the request, features, and dotted look-ups.
    Raises `SpecError` where a term names an action, objective, class or column that does not exist.
    """

    def __init__(self, decision: Decision, objectives: Mapping[str, Predicted], types: Mapping[str, Type]) -> None:
        self.decision = decision
        self.actions = decision.choose
        self.objectives = dict(objectives)
        self._types: dict[str, Type] = {**types, **_predicted_types(objectives, types)}
        rule = decision.rule or self.actions[0]
        if rule not in self.actions:
            hint = did_you_mean(rule, self.actions)
            raise SpecError(f"rule names the action '{rule}', which is not in choose", where="decision.rule", hint=hint)
        self.rule = self.actions.index(rule)
        self._cells = {term: self._compiled(term) for term in decision.terms}
        used = frozenset[str]().union(*(cell.names for row in self._cells.values() for cell in row))
        self._predicted = frozenset(used & set(_predicted_types(objectives, {})))
        self._extra = used - self._predicted

    def _compiled(self, term: str) -> list[_Cell]:
        written = self.decision.terms[term].actions
        for action in written:
            if action not in self.actions:
                hint = did_you_mean(action, self.actions)
                message = f"there is no action '{action}'"
                raise SpecError(message, where=f"decision.terms.{term}.{action}", hint=hint)
        cells = []
        for action in self.actions:
            where = f"decision.terms.{term}.{action}"
            if action not in written:
                raise SpecError(f"the term '{term}' says nothing of the action '{action}'", where=where)
            expression = parse(written[action], where)
            found = check(expression, self._types, where)
            if found not in ("number", "bool"):
                raise ExpressionError(
                    f"a term is a number; this is a {found}", text=expression.text, position=0, where=where
                )
            run = compiled(expression, self._types)
            cells.append(_Cell(expression.names, run, None if expression.names else float(run({}).values[0])))
        return cells

    def extra_names(self) -> frozenset[str]:
        """What terms use beside predictions: columns of the request, features, dotted look-ups."""
        return self._extra

    def objective_names(self) -> frozenset[str]:
        """The objectives that terms use."""
        return frozenset(name.partition(".")[0] for name in self._predicted)

    def predicts(self, term: str, action: str) -> bool:
        """Whether this term of this action depends on a prediction."""
        return bool(self._cells[term][self.actions.index(action)].names & self._predicted)

    def terms(self, predictions: Mapping[str, NDArray[np.float64]], columns: Mapping[str, Column]) -> dict[str, Floats]:
        """Each term of each action: term -> (n, actions), NaN where it is missing.

        predictions: objective -> (n,), or (n, classes); columns: the `extra_names`, n rows each.
        """
        made = self._columns(predictions, columns)
        height = len(next(iter(made.values()))) if made else 1
        out: dict[str, Floats] = {}
        for term, cells in self._cells.items():
            values = np.empty((height, len(cells)))
            for j, cell in enumerate(cells):
                values[:, j] = cell.run(made).values if cell.value is None else cell.value
            out[term] = values if np.isfinite(values).all() else np.where(np.isfinite(values), values, np.nan)
        return out

    def choose(
        self,
        predictions: Mapping[str, NDArray[np.float64]],
        columns: Mapping[str, Column],
        weights: Mapping[str, float] | None = None,
    ) -> Choice:
        """The action of most utility per request: the sum over terms of weight x term.

        An action with a missing term that counts is not eligible; among equals the first in `choose` wins; where no
        action is eligible the rule's action is taken (`fallback`). Weights default to the file's.
        """
        return self.weigh(self.terms(predictions, columns), weights)

    def weigh(self, terms: Mapping[str, Floats], weights: Mapping[str, float] | None = None) -> Choice:
        """The choice by terms that were computed before, e.g. under other weights."""
        values = checked(self.decision, self.decision.weights if weights is None else weights)
        scores = np.zeros_like(next(iter(terms.values())))
        for term, weight in values.items():
            if weight:
                scores = scores + weight * terms[term]
        gone = np.isnan(scores)
        fallback = np.asarray(gone.all(axis=1))
        best = np.argmax(np.where(gone, -np.inf, scores), axis=1)
        return Choice(self.actions, scores, np.where(fallback, self.rule, best).astype(np.int64), terms, fallback)

    def realised(self, labels: Mapping[str, NDArray[np.float64]], columns: Mapping[str, Column]) -> dict[str, Floats]:
        """Each term of each action as it came true: term -> (n, actions), NaN where a label is not known.

        The labels stand in for the predictions: 0/1 for binary, codes or one column per class for multi-class. This
        assumes that the outcome does not depend on the action (a flight is late whether or not one was warned); where
        it does, only an experiment or an off-policy estimate can tell. A conditional objective counts 0 where its
        parent did not come true, as a term multiplies the two.
        """
        return self.terms({name: self._label(name, labels) for name in self.objective_names()}, columns)

    def policies(self, chosen: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """The action of each row under each policy to compare: `model` (as chosen), `rule`, and always one action."""
        rows = np.full(len(chosen), 0, np.int64)
        always = {f"always {action}": rows + j for j, action in enumerate(self.actions)}
        return {"model": chosen, "rule": rows + self.rule, **always}

    def _label(self, name: str, labels: Mapping[str, NDArray[np.float64]]) -> Floats:
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

    def _columns(
        self, predictions: Mapping[str, NDArray[np.float64]], columns: Mapping[str, Column]
    ) -> dict[str, Column]:
        made = {name: columns[name] for name in self._extra}
        for name in self._predicted:
            objective, _, label = name.partition(".")
            values = predictions[objective]
            if label:
                values = values[:, self.objectives[objective].classes.index(label)]
            made[name] = Column("number", np.asarray(values, np.float64))
        if not made:  # terms without any name: as many rows as there are predictions
            made = {name: Column("number", np.zeros(len(v))) for name, v in list(predictions.items())[:1]}
        return made


def take(terms: Mapping[str, Floats], actions: NDArray[np.int64]) -> dict[str, Floats]:
    """The terms of one action per row: term -> (n,).

    >>> take({"cost": np.array([[1.0, 2.0], [3.0, 4.0]])}, np.array([1, 0]))["cost"].tolist()
    [2.0, 3.0]
    """
    return {term: values[np.arange(len(actions)), actions] for term, values in terms.items()}


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
