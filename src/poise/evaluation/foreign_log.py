"""A log that another system made: which action each row took, how probable that was, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poise.errors import DataError
from poise.evaluation.base import ratio
from poise.evaluation.blocks import Blocks
from poise.evaluation.off_policy import LoggedRows, Model

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 5
"""What a model expects of a row is learned from the other folds, whole blocks each: else it would have seen the row."""
PRIOR = 20.0
"""What an action is worth is drawn towards the mean of all as if so many rows had shown that."""
TOO_FAR = 4.0
"""Standard errors between how often an action was taken and what its propensities say, from which on it is said."""
ALIKE = 2.0
"""Propensities of an action are much alike where the largest is at most so many times the smallest."""
LARGEST = 0.2
"""One row must not be more than this share of what an action's rows weigh."""
SAID = 5
"""So many actions are named in a warning."""


@dataclass(frozen=True, slots=True, eq=False)
class ForeignLog:
    """n rows, each one decision by itself.

    actions: the names of all k; taken: (n,) which was, from 0; propensity: (n,), of the action taken; reward: (n,).
    place: (n,) from 0, where in a list the row stood (0 everywhere, where it says nothing): every place is compared
    with itself alone. blocks: of the rows. Raises `DataError` for what cannot be, as `LoggedRows` does.

    >>> from poise.evaluation.blocks import blocks_of
    >>> n, random = 2000, np.random.default_rng(0)
    >>> taken = random.integers(0, 4, n)
    >>> log = ForeignLog(("a", "b", "c", "d"), taken, np.full(n, 0.25), taken + random.random(n), np.zeros(n, np.int64),
    ...                  blocks_of(np.full(n, -(2**63))))
    >>> from poise.evaluation.off_policy_estimate import estimate
    >>> made = estimate("doubly-robust", log.under(log.always("d")), log.logged())
    >>> made.value.low < 3.5 < made.value.high, log.wrong_propensities()
    (True, [])
    """

    actions: tuple[str, ...]
    taken: Ints
    propensity: Floats
    reward: Floats
    place: Ints
    blocks: Blocks

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.taken)

    def always(self, action: str) -> Floats:
        """The policy that takes one action always, (places, actions)."""
        policy = np.zeros((self._places, len(self.actions)))
        policy[:, self.actions.index(action)] = 1.0
        return policy

    def uniform(self) -> Floats:
        """The policy that takes, at each place, all actions that were ever taken there, alike, (places, actions)."""
        seen = self._counts() > 0
        return np.asarray(seen / np.maximum(seen.sum(axis=1, keepdims=True), 1))

    def logged(self) -> LoggedRows:
        """The rows under the policy that made them: each counts as it came."""
        expected = self._expected()[self._fold, self.place, self.taken]
        return replace(self.by_row(self.propensity), model=Model(expected, expected))

    def by_row(self, target: Floats) -> LoggedRows:
        """The rows under a policy of which only the probability of the action that was taken is known, (n,).

        What else it would do nobody knows, so that no model can stand in for it.
        """
        if not ((target >= 0) & (target <= 1 + 1e-9)).all():
            raise DataError("a probability of the other policy is not from 0 to 1")
        return LoggedRows(np.arange(self.count), self.propensity, target, self.reward, np.ones(self.count), self.blocks)

    def under(self, policy: Floats) -> LoggedRows:
        """The rows under a policy that is known by place, (places, actions), with what a model expects of it.

        The model: what came of the action at that place in the other folds, drawn towards the mean of all.
        """
        expected, fold = self._expected(), self._fold
        covered = (policy * (self._counts() > 0)).sum(axis=1)[self.place]
        worth = (policy * expected).sum(axis=2)
        model = Model(expected[fold, self.place, self.taken], worth[fold, self.place])
        return replace(self.by_row(policy[self.place, self.taken]), covered=covered, model=model)

    def wrong_propensities(self) -> list[str]:
        """What frequencies say against the propensities, in sentences: under right ones each action that can be taken
        counts, weighed by 1 / propensity, once per row (of its place)."""
        said, (low, high) = [], (self.propensity.min(initial=1.0), self.propensity.max(initial=0.0))
        if self.count and low == high == 1.0:
            return ["all propensities are 1: the log was made without exploration"]
        off = sorted(self._off(), key=lambda one: -abs(one[1]))
        for name, _, share in off[:SAID]:
            much = "more" if share > 1 else "less"
            said.append(
                f"the propensities of '{name}' do not match how often it was taken: {share:.2f} times as often as they "
                f"say, {much} than chance explains"
            )
        if len(off) > SAID:
            said.append(f"so it is with {len(off) - SAID:,} more of {len(self.actions):,} actions")
        return said

    def _off(self) -> Iterator[tuple[str, float, float]]:
        """Actions that were taken more or less often than their propensities say: name, standard errors, share."""
        for place in range(self._places):
            rows = self.place == place
            total = int(rows.sum())
            weight, taken, k = 1 / self.propensity[rows], self.taken[rows], len(self.actions)
            sums, least, most = np.bincount(taken, weight, k), np.full(k, np.inf), np.zeros(k)
            np.minimum.at(least, taken, weight)
            np.maximum.at(most, taken, weight)
            # The variance of 1{taken} / p is E[1/p] - 1; its mean is told by the rows in which the action was taken.
            spread = np.sqrt(total * ratio(np.bincount(taken, weight * (weight - 1), k), sums, 0.0))
            # Fewer than they say: rows in which the action was hardly probable are hardly ever seen, however much they
            # weigh, so that only propensities that are much alike can tell. Nor do a few rows of great weight.
            told = (most <= LARGEST * sums) & ((sums > total) | (most <= ALIKE * least))
            for at in np.flatnonzero((np.abs(sums - total) > TOO_FAR * spread) & told & (sums > 0)):
                where = f"{self.actions[at]} at place {place + 1}" if self._places > 1 else self.actions[at]
                yield where, float((sums[at] - total) / max(spread[at], 1e-300)), float(sums[at] / total)

    @property
    def _places(self) -> int:
        return int(self.place.max(initial=0)) + 1

    def _counts(self, rows: NDArray[np.bool_] | None = None, of: Floats | None = None) -> Floats:
        """How many rows (or the sum of `of`) per place and action, (places, actions)."""
        keep = np.ones(self.count, np.bool_) if rows is None else rows
        cell = self.place[keep] * len(self.actions) + self.taken[keep]
        weight = None if of is None else of[keep]
        size = self._places * len(self.actions)
        return np.bincount(cell, weight, size).astype(np.float64).reshape(self._places, len(self.actions))

    @property
    def _fold(self) -> Ints:
        """Of each row, (n,)."""
        return self.blocks.codes % FOLDS

    def _expected(self) -> Floats:
        """What each action is expected to come to in the rows of a fold at a place, (folds, places, actions)."""
        out = np.zeros((FOLDS, self._places, len(self.actions)))
        for fold in range(FOLDS):
            others = self._fold != fold
            rows, sums = self._counts(others), self._counts(others, self.reward)
            mean = ratio(sums.sum(axis=1, keepdims=True), rows.sum(axis=1, keepdims=True), 0.0)
            out[fold] = (sums + PRIOR * mean) / (rows + PRIOR)
        return out
