"""Ranking candidates: the best first, by terms and weights; what may not be shown is left out, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.decisions.terms import Cell, Floats, Predicted, Words, height_of, known, weighed
from poise.decisions.weights import checked
from poise.errors import SpecError
from poise.spec.decision import Decision
from poise.spec.expression import Type
from poise.table import Column

Bools = NDArray[np.bool_]
Order = NDArray[np.int64]
FEW = 1_000
"""So few values are sorted as fast where it has to be stable."""


class Ranked(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The candidates of one request in order, best first.

    names: those of the t terms, none where nothing is learned; made: each term, then the scores, (t + 1, n); allowed:
    what `where` says, (n,), None where there is none; order: those that may be shown; rule: its values, (n,), where
    none of these has a score.
    """

    names: tuple[str, ...]
    made: Floats
    allowed: Floats | None
    order: Order
    rule: Floats | None = None

    @property
    def terms(self) -> dict[str, Floats]:
        """Term -> (n,)."""
        return dict(zip(self.names, self.made, strict=False))

    @property
    def scores(self) -> Floats:
        """What each is worth by the weights, (n,)."""
        return np.asarray(self.made[-1])

    @property
    def fallback(self) -> bool:
        """Whether the rule sorted."""
        return self.rule is not None

    @property
    def sorted_by(self) -> Floats:
        """The scores, or the rule's values, (n,)."""
        return self.scores if self.rule is None else self.rule


class Ranker:
    """The terms, `where` and `rule` of a list decision, compiled once; call it for any candidates and any weights.

    `objectives` says what is predicted, `types` the expression type (`spec.expression.Type`) of every other name.
    `rule_only`: nothing is learned yet, so that no term has a value and the rule alone sorts.
    Raises `SpecError` for an expression over what does not exist or of the wrong type.

    >>> spec = Decision(per="shown", list="page", item="shop", where="open", rule="liked", terms={"orders": "order"})
    >>> ranker = Ranker(spec, {"order": Predicted("binary")}, {"open": "bool", "liked": "number"})
    >>> columns = {"open": Column.numbers([1, 1, 0]), "liked": Column.numbers([5, 9, 7])}
    >>> terms = ranker.terms({"order": np.array([0.2, 0.1, 0.9])}, columns)
    >>> order, fallback = ranker.order(ranker.score(terms), ranker.where(columns) == 1, ranker.rule(columns))
    >>> order.tolist(), fallback
    ([0, 1], False)
    """

    def __init__(
        self,
        decision: Decision,
        objectives: Mapping[str, Predicted],
        types: Mapping[str, Type],
        *,
        rule_only: bool = False,
    ) -> None:
        self.decision = decision
        self.rule_only = rule_only
        self._words = Words(objectives, types)
        self._terms = {} if rule_only else {term: self._term(term) for term in decision.terms}
        self._names = tuple(self._terms)
        self._used = frozenset[str]().union(*(cell.names for cell in self._terms.values()))
        self._predicted = self._words.predicted(self._used)
        self._sums = self._words.sums(self._terms.values()) if self._terms else None
        self._where = None if decision.where is None else self._words.condition(decision.where, "decision.where")
        self._rule = None if decision.rule is None else self._words.sorting(decision.rule, "decision.rule")

    def _term(self, term: str) -> Cell:
        written, where = self.decision.terms[term], f"decision.terms.{term}"
        if written.actions or written.is_ is None:
            hint = f"write {term}: {{is: …}}"
            raise SpecError("a list has no actions: a term says what an item is worth", where=where, hint=hint)
        return self._words.term(written.is_, where)

    def extra_names(self) -> frozenset[str]:
        """What terms, `where` and `rule` read beside predictions: columns of the request, features, look-ups."""
        own = [cell.names for cell in (self._where, self._rule) if cell is not None]
        return (self._used - self._predicted).union(*own)

    def objective_names(self) -> frozenset[str]:
        """The objectives that terms use."""
        return frozenset(name.partition(".")[0] for name in self._predicted)

    def type_of(self, name: str) -> Type:
        """The expression type of one of the `extra_names`."""
        return self._words.type_of(name)

    def predicts(self, term: str) -> bool:
        """Whether this term depends on a prediction."""
        return term in self._terms and bool(self._terms[term].names & self._predicted)

    def terms(self, predictions: Mapping[str, Floats], columns: Mapping[str, Column]) -> dict[str, Floats]:
        """Each term of n candidates: term -> (n,), NaN where it is missing (all of them where only the rule sorts).

        predictions: objective -> (n,), or (n, classes), as for the first place; columns: the `extra_names`, n rows
        each.
        """
        if self.rule_only:
            return {term: np.full(height_of(predictions, columns), np.nan) for term in self.decision.terms}
        rows = self._words.rows(self._used, predictions, columns)
        return {term: known(cell(rows)) for term, cell in self._terms.items()}

    def score(self, terms: Mapping[str, Floats], weights: Mapping[str, float] | None = None) -> Floats:
        """The utility of each candidate, (n,): the sum of weight x term, NaN where a term that counts is missing.

        Weights default to the file's. Raises `RequestError` for weights of no term.
        """
        return self.weighed(terms, checked(self.decision, self.decision.weights if weights is None else weights))

    def weighed(self, terms: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
        """The same by weights that were checked before, one for each term."""
        scores = weighed(terms, weights)
        return np.full_like(scores, np.nan) if self.rule_only else scores

    def where(self, columns: Mapping[str, Column]) -> Floats:
        """Whether each candidate may be shown, (n,): 1, 0, or NaN where that is missing; all 1 without `where`."""
        return np.ones(height_of({}, columns)) if self._where is None else self._own(self._where, columns)

    def why_not(self, value: float) -> str:
        """Why a candidate whose `where` came out as `value` (0 or NaN) may not be shown."""
        return f"where: {self.decision.where} is {'missing' if np.isnan(value) else 'false'}"

    def rule(self, columns: Mapping[str, Column]) -> Floats:
        """The value of `rule` of each candidate, (n,), NaN where it is missing; all 0 without a rule."""
        return np.zeros(height_of({}, columns)) if self._rule is None else self._own(self._rule, columns)

    def realised(self, labels: Mapping[str, Floats], columns: Mapping[str, Column]) -> dict[str, Floats]:
        """Each term as it came true: term -> (n,), NaN where a label is not known. The labels stand in for the
        predictions; a conditional objective counts 0 where its parent did not come true."""
        return self.terms(self._words.realised(self._used, labels), columns)

    def rank(
        self, predictions: Mapping[str, Floats], columns: Mapping[str, Column], weights: Mapping[str, float]
    ) -> Ranked:
        """All of this for n candidates, by weights that were checked before, one for each term: bit for bit what the
        single steps give."""
        allowed, sums = None if self._where is None else self._own(self._where, columns), self._sums
        if sums is not None:
            values = [
                self._words.values(name, predictions) if name in self._predicted else columns[name].values
                for name in sums.names
            ]
            read = np.array(values, np.float64) if values else np.empty((0, height_of(predictions, columns)))
            made, order = sums.rank(read, np.array([weights[term] for term in self._terms]), allowed)
            if len(order):
                return Ranked(self._names, made, allowed, order)
        else:
            terms = self.terms(predictions, columns)
            shown = [terms[term] for term in self._names]  # of none where nothing was learned, as nothing is known
            made = np.array([*shown, self.weighed(terms, weights)])
        scores = made[-1]
        eligible = np.ones(len(scores), np.bool_) if allowed is None else allowed == 1
        order, fallback = self.order(scores, eligible, scores)
        if not fallback:
            return Ranked(self._names, made, allowed, order)
        rule = self.rule(columns)  # it sorts only where no score does, so it is mostly not asked for
        order, _ = self.order(scores, eligible, rule)
        return Ranked(self._names, made, allowed, order, rule)

    def order(self, scores: Floats, eligible: Bools, rule: Floats) -> tuple[Order, bool]:
        """The indices of the candidates to list, the best first, and whether the rule had to sort them.

        Those that are eligible and have a score, by score; among equals the earlier candidate first. Where no eligible
        one has a score, all eligible ones by `rule`, those whose rule is missing last.
        """
        among = np.flatnonzero(eligible & (scores == scores))
        if len(among) == len(scores):
            return _descending(scores), False
        fallback = not len(among) and bool(eligible.any())
        if fallback:
            among = np.flatnonzero(eligible)
        return among[_descending((rule if fallback else scores)[among])], fallback

    def _own(self, cell: Cell, columns: Mapping[str, Column]) -> Floats:
        return known(cell(self._words.rows(cell.names, {}, columns)))


def _descending(values: Floats) -> Order:
    """The order from large to small, NaN last, the earlier of equals first.

    NumPy sorts many values far faster where it need not be stable: there stability is paid for only among equals.
    """
    if len(values) <= FEW:
        return np.asarray(np.argsort(-values, kind="stable"), np.int64)
    order = np.argsort(-values)
    ranked = values[order]
    if (ranked[1:] == ranked[:-1]).any() or np.isnan(ranked[-2:]).all():
        order = np.argsort(-values, kind="stable")
    return np.asarray(order, np.int64)
