"""What another policy would have come to, told from the log of one that explored: what estimators get and promise.

A decision shows rows: a list its items, a choice its one action. Each shown row has the probability with which it was
shown where it was (`propensity`), the probability with which another policy would have shown it there (`target`), and
what came of it. Their ratio is the row's importance weight.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.errors import DataError
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import BlockSums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CERTAIN = 1e-9
"""A propensity that is nearer to 1 than this is 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What a model expected, for estimators that use one.

    shown: of each shown row, (m,). target: of each decision under the other policy: the sum over all rows that it could
    show, each times the probability that it is shown, (n,).
    """

    shown: Floats
    target: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LoggedRows:
    """m shown rows of n decisions, whose outcomes are all known.

    decision: (m,) from 0 to n - 1, in order, of a list by place. propensity: (m,), above 0 and at most 1. target: (m,).
    reward: (m,). covered: (n,), the share of what the other policy would show that the logging one could have shown
    there. blocks: of the decisions. explored: whether anything else than what was done could have been; default:
    whether any propensity is below 1.
    Raises `DataError` for a propensity that is no probability, a reward that is not finite, or a decision that is not
    there.

    >>> from poise.evaluation.blocks import blocks_of
    >>> half = np.full(2, 0.5)
    >>> rows = LoggedRows(np.arange(2), half, np.array([1.0, 0.0]), np.array([3.0, 9.0]), np.ones(2),
    ...                   blocks_of(np.full(2, -(2**63))))
    >>> rows.weight.tolist(), rows.effective
    ([2.0, 0.0], 1.0)
    """

    decision: Ints
    propensity: Floats
    target: Floats
    reward: Floats
    covered: Floats
    blocks: Blocks
    model: Model | None = None
    explored: bool | None = None

    def __post_init__(self) -> None:
        wrong = ~((self.propensity > 0) & (self.propensity <= 1 + 1e-9))
        if wrong.any():
            came = float(self.propensity[wrong][0])
            raise DataError(f"a propensity of {came:g} came", hint="allowed: above 0, at most 1")
        if not np.isfinite(self.reward).all() or not np.isfinite(self.target).all():
            raise DataError("an outcome or a target probability is not finite", hint="leave out what is not known yet")
        if len(self.decision) and not 0 <= self.decision.min() <= self.decision.max() < self.count:
            raise DataError(f"rows name decisions beyond the {self.count:,} that there are")

    @property
    def place(self) -> Ints:
        """The place of each row in its decision, (m,) from 0; rows of a decision follow each other, in order."""
        begins = np.flatnonzero(np.diff(self.decision, prepend=-1))
        return np.arange(len(self.decision)) - np.repeat(begins, np.diff(np.append(begins, len(self.decision))))

    @property
    def count(self) -> int:
        """How many decisions."""
        return len(self.covered)

    @property
    def weight(self) -> Floats:
        """The importance weight of each row, (m,)."""
        return self.target / self.propensity

    @property
    def tried(self) -> bool:
        """Whether the log could have shown anything else than it did."""
        return bool((self.propensity < 1 - CERTAIN).any()) if self.explored is None else self.explored

    @property
    def per_decision(self) -> float:
        """Shown rows per decision."""
        return len(self.decision) / self.count if self.count else 0.0

    @property
    def effective(self) -> float:
        """How many decisions of the other policy the log is worth: (sum of weights)^2 / sum of their squares, over the
        rows per decision (Kish, Survey Sampling, 1965)."""
        square = float(np.square(self.weight).sum())
        return float(self.weight.sum()) ** 2 / square / self.per_decision if square else 0.0

    def sums(self, values: Floats) -> Floats:
        """The sum of `values` (m,) over the rows of each decision, (n,)."""
        return np.bincount(self.decision, values, self.count).astype(np.float64, copy=False)


class OffPolicyEstimator(ABC):
    """One way to estimate the mean reward per decision of the other policy: a ratio of two sums over decisions."""

    name: ClassVar[str]
    needs_model: ClassVar[bool] = False

    @abstractmethod
    def parts(self, rows: LoggedRows) -> tuple[Floats, Floats]:
        """Numerators and denominators, both (n,), whose totals' ratio is the estimate."""

    def sums(self, rows: LoggedRows) -> BlockSums:
        """Both by block, for intervals. Raises `DataError` where a model is needed and there is none."""
        if self.needs_model and rows.model is None:
            raise DataError(f"the estimator '{self.name}' needs what a model expected of each row")
        above, below = self.parts(rows)
        codes, count = rows.blocks.codes, rows.blocks.count
        above, below = (np.bincount(codes, of, count).astype(np.float64, copy=False) for of in (above, below))
        return BlockSums(above, below)

    def value(self, rows: LoggedRows) -> float:
        """The estimate."""
        return self.sums(rows).value
