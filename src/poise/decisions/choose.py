"""Choosing one action per request: the one whose terms, weighed, add up to most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.decisions.terms import Cell, Floats, Predicted, Words, known, utility
from poise.errors import SpecError, did_you_mean
from poise.spec.decision import Decision
from poise.spec.expression import Type
from poise.spec.prices import Prices
from poise.table import Column, Table


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


class Chooser:
    """The terms of a decision, compiled once; call it for any number of requests and any weights.

    `objectives` says what is predicted, `types` the expression type (`spec.expression.Type`) of every other name that
    terms may use: columns of the request, features, and dotted look-ups.
    Raises `SpecError` where a term names an action, objective, class or column that does not exist.
    """

    def __init__(self, decision: Decision, objectives: Mapping[str, Predicted], types: Mapping[str, Type]) -> None:
        self.decision = decision
        self.actions = decision.actions
        self._words = Words(objectives, types)
        rule = decision.rule or self.actions[0]
        if rule not in self.actions:
            hint = did_you_mean(rule, self.actions)
            raise SpecError(f"rule names the action '{rule}', which is not in choose", where="decision.rule", hint=hint)
        self.rule = self.actions.index(rule)
        self._cells = {term: self._compiled(term) for term in decision.terms}
        self._used = frozenset[str]().union(*(cell.names for row in self._cells.values() for cell in row))
        self._predicted = self._words.predicted(self._used)

    def _compiled(self, term: str) -> list[Cell]:
        spec = self.decision.terms[term]
        if self.decision.prices is not None:
            where = f"decision.terms.{term}"
            if spec.is_ is None:
                raise SpecError(f"the term '{term}' says nothing of a price", where=where)
            return [self._words.term(spec.is_, where)]
        written = spec.actions
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
            cells.append(self._words.term(written[action], where))
        return cells

    def extra_names(self) -> frozenset[str]:
        """What terms use beside predictions: columns of the request, features, dotted look-ups."""
        return self._used - self._predicted

    def objective_names(self) -> frozenset[str]:
        """The objectives that terms use."""
        return frozenset(name.partition(".")[0] for name in self._predicted)

    def type_of(self, name: str) -> Type:
        """The expression type of one of the `extra_names`."""
        return self._words.type_of(name)

    def objectives_of(self, term: str, action: str) -> frozenset[str]:
        """The objectives that this term of this action is made of."""
        cells = self._cells[term]
        read = cells[self.actions.index(action) if len(cells) > 1 else 0].names & self._predicted
        return frozenset(name.partition(".")[0] for name in read)

    def predicts(self, term: str, action: str) -> bool:
        """Whether this term of this action depends on a prediction."""
        cells = self._cells[term]
        return bool(cells[self.actions.index(action) if len(cells) > 1 else 0].names & self._predicted)

    def terms(self, predictions: Mapping[str, NDArray[np.float64]], columns: Mapping[str, Column]) -> dict[str, Floats]:
        """Each term of each action: term -> (n, actions), NaN where it is missing.

        predictions: objective -> (n,), or (n, classes); columns: the `extra_names`, n rows each. Of prices both have a
        row for each price of each row, (n x prices) in that order, as `priced` makes them.
        """
        rows = self._words.rows(self._used, predictions, columns)
        if self.decision.prices is not None:
            return {term: known(cells[0](rows)).reshape(-1, len(self.actions)) for term, cells in self._cells.items()}
        out = {}
        for term, cells in self._cells.items():
            values = np.empty((rows.height, len(cells)))
            for j, cell in enumerate(cells):
                values[:, j] = cell(rows)
            out[term] = known(values)
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
        scores = utility(self.decision, terms, weights)
        gone = np.isnan(scores)
        fallback = np.asarray(gone.all(axis=1))
        best = np.argmax(np.where(gone, -np.inf, scores), axis=1)
        return Choice(self.actions, scores, np.where(fallback, self.rule, best).astype(np.int64), terms, fallback)

    def realised(self, labels: Mapping[str, NDArray[np.float64]], columns: Mapping[str, Column]) -> dict[str, Floats]:
        """Each term of each action as it came true: term -> (n, actions), NaN where a label is not known.

        The labels stand in for the predictions: 0/1 for binary, codes or one column per class for multi-class. This
        assumes that the outcome does not depend on the action (a flight is late whether or not one was warned); where
        it does, only an experiment or an off-policy estimate can tell. A conditional objective counts 0 where its
        parent did not come true, as a term multiplies the two. Of prices only what came of a row's own price is known:
        it stands at every price, and means nothing at others.
        """
        if self.decision.prices is not None:
            rows = self._words.rows(self._used, self._words.realised(self._used, labels), columns)
            return {t: np.repeat(known(c[0](rows))[:, None], len(self.actions), axis=1) for t, c in self._cells.items()}
        return self.terms(self._words.realised(self._used, labels), columns)

    def policies(self, chosen: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """The action of each row under each policy to compare: `model` (as chosen), `rule`, and always one action."""
        rows = np.full(len(chosen), 0, np.int64)
        always = {f"always {action}": rows + j for j, action in enumerate(self.actions)}
        return {"model": chosen, "rule": rows + self.rule, **always}


def priced(rows: Table, prices: Prices) -> Table:
    """Each of n rows at each of k prices, (n x k) rows: the prices of the first row first.

    >>> grid = Prices.model_validate({"price": {"from": 1, "to": 2, "step": 0.5}})
    >>> priced(Table({"size": Column.numbers([7.0, 8.0])}), grid)["price"].to_list()
    [1.0, 1.5, 2.0, 1.0, 1.5, 2.0]
    """
    values = np.array(prices.grid.values)
    every = rows.take(np.repeat(np.arange(rows.height), len(values)))
    return every.with_columns({prices.column: Column.numbers(np.tile(values, rows.height))})


def take(terms: Mapping[str, Floats], actions: NDArray[np.int64]) -> dict[str, Floats]:
    """The terms of one action per row: term -> (n,).

    >>> take({"cost": np.array([[1.0, 2.0], [3.0, 4.0]])}, np.array([1, 0]))["cost"].tolist()
    [2.0, 3.0]
    """
    return {term: values[np.arange(len(actions)), actions] for term, values in terms.items()}
