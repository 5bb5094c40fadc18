"""Logged choices with what came of them: told how other weights would have chosen, and what that would have come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.off_policy import CERTAIN, LoggedRows, Model

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ChoiceLog:
    """n choices among k actions, whose outcomes are known where the action that was taken does not hide them.

    terms: term -> (n, k), as predicted; realised: term -> (n, k), as the labels say, NaN where they are not known.
    chosen: (n,), and policy: (n, k), with what probability each action would have been. reveals: term -> (k,), which
    actions show what the term is made of; only of terms that some action hides. time: T, (n,) microseconds, ascending.

    What comes of an action is taken from rows in which it was taken. Of a term that some actions hide (`censors:`) the
    outcome is there whatever is done, and only not always seen: where it was seen it says what every action would have
    come to, and such a row stands for all that had the same chance of showing it.
    """

    terms: Mapping[str, Floats]
    realised: Mapping[str, Floats]
    chosen: Ints
    policy: Floats
    time: Ints
    reveals: Mapping[str, Bools] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many choices."""
        return len(self.chosen)

    @property
    def explores(self) -> bool:
        """Whether any other action could have been taken than the one that was."""
        return bool((self.policy.max(axis=1, initial=0.0) < 1 - CERTAIN).any())

    @property
    def blocks(self) -> Blocks:
        """The blocks of the choices."""
        return blocks_of(self.time)

    def newest(self, most: int) -> ChoiceLog:
        """The last `most` of the choices, which are in the order of time."""
        last = slice(max(self.count - most, 0), None)
        return replace(
            self,
            terms={term: values[last] for term, values in self.terms.items()},
            realised={term: values[last] for term, values in self.realised.items()},
            chosen=self.chosen[last],
            policy=self.policy[last],
            time=self.time[last],
        )

    def under(self, target: Floats) -> dict[str, LoggedRows]:
        """What each term would have come to, had actions been chosen with the probabilities `target`, (n, k)."""
        blocks = self.blocks
        return {
            term: self._seen(term, target, blocks) if term in self.reveals else self._taken(term, target, blocks)
            for term in self.terms
        }

    def _taken(self, term: str, target: Floats, blocks: Blocks) -> LoggedRows:
        """By what came of the action that was taken."""
        rows = np.arange(self.count)
        expected = np.nan_to_num(self.terms[term])
        return LoggedRows(
            rows,
            self.policy[rows, self.chosen],
            target[rows, self.chosen],
            self.realised[term][rows, self.chosen],
            (target * (self.policy > 0)).sum(axis=1),
            blocks,
            Model(expected[rows, self.chosen], (target * expected).sum(axis=1)),
            self.explores,
        )

    def _seen(self, term: str, target: Floats, blocks: Blocks) -> LoggedRows:
        """By what every action would have come to, where the outcome was seen; weights make up for where it was not."""
        shows = self.reveals[term]
        chance = np.minimum(self.policy[:, shows].sum(axis=1), 1.0)
        seen = shows[self.chosen]
        expected = (target * np.nan_to_num(self.terms[term])).sum(axis=1)
        came = np.where(target > 0, target * self.realised[term], 0.0).sum(axis=1)
        return LoggedRows(
            np.arange(self.count),
            np.where(seen, chance, self.policy[np.arange(self.count), self.chosen]),
            seen.astype(np.float64),
            np.where(seen, came, 0.0),
            (chance > 0).astype(np.float64),
            blocks,
            Model(expected, expected),
            self.explores,
        )
