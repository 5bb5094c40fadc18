"""How sure a debiased calibration error is, on the scale of its square.

The square T of a vector of bins' mean residuals r with covariance V (from blocks) has variance 4 r'WVWr + 2 tr(WVWV),
where W holds the bins' shares of rows. That grows with T: where chance made T small it makes its own standard error
small too, and limits of "estimate +- t x error" then miss the truth too often. So a limit U is where T lies a normal
quantile away from U by the error that it would have *at* U, as in the score interval of Wilson (JASA, 1927).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from poise.evaluation.base import Floats, ratio
from poise.evaluation.spread import LEVEL, Spread

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class SquareSpread(Spread):
    """A debiased square with its error at any true square s: sqrt(4 s `growing` + `standing`).

    `shared` is what rows of a block that err together add to the expected square, beyond what was debiased.
    """

    value: float
    blocks: int
    growing: float
    standing: float
    shared: float

    def low(self, level: float = LEVEL) -> float:
        """The lower limit, without what is shared within blocks."""
        return -np.inf if self.blocks < 2 else self._limit(level, -1.0) - self.shared

    def high(self, level: float = LEVEL) -> float:
        """The upper limit."""
        return np.inf if self.blocks < 2 else self._limit(level, 1.0)

    def chance_above(self, bound: float) -> float:
        """Small where the square is clearly below `bound`."""
        return self._tail(bound - self.value, bound)

    def chance_below(self, bound: float) -> float:
        """Small where the square is clearly above `bound`."""
        return self._tail(self.value - self.shared - bound, bound)

    def _limit(self, level: float, sign: float) -> float:
        z = _NORMAL.inv_cdf(level)
        z *= 1 + (z * z + 1) / (4 * (self.blocks - 1))  # as Student's t does for few blocks, to first order
        middle = 2 * z * z * self.growing
        return self.value + middle + sign * z * sqrt(max(4 * self._at(self.value) + middle * middle / (z * z), 0.0))

    def _at(self, square: float) -> float:
        return square * self.growing + self.standing / 4

    def _tail(self, far: float, bound: float) -> float:
        error = 2 * sqrt(max(self._at(max(bound, 0.0)), 0.0))
        if self.blocks < 2:
            return 1.0
        return 1 - _NORMAL.cdf(far / error) if error > 0 else float(far <= 0)


def square_spread(columns: list[Floats], value: float) -> SquareSpread:
    """The spread of `value`, a mean over columns of debiased squares; each has sums (weight, residual, …) by bin and
    block, shape (4, bins, blocks). Columns are taken to err together, which is never too sure."""
    held = int(np.count_nonzero(columns[0][0].sum(axis=0)))
    parts = np.array([_parts(sums, held) for sums in columns])
    growing, standing, shared = parts[:, 0].max(), np.sqrt(parts[:, 1]).mean() ** 2, parts[:, 2].mean()
    return SquareSpread(value, held, float(growing), float(standing), float(max(shared, 0.0)))


def _parts(sums: Floats, held: int) -> tuple[float, float, float]:
    """One column's `growing`, `standing` and `shared`."""
    weight, rest = sums[0].sum(axis=1), sums[1].sum(axis=1)
    share = np.sqrt(weight / weight.sum())
    mean = ratio(rest, weight, 0.0)
    moved = ratio(sums[1] - mean[:, None] * sums[0], weight[:, None], 0.0) * share[:, None]
    covariance = moved @ moved.T * (held / max(held - 1, 1))
    along = mean * share
    growing = float(along @ covariance @ along / (along @ along)) if along.any() else float(np.trace(covariance))
    of_rows = ratio(
        ratio(sums[2].sum(axis=1), weight, 0.0) - mean**2, ratio(weight**2, sums[3].sum(axis=1), 0.0) - 1, 0.0
    )
    shared = float(np.trace(covariance) - (share**2 * of_rows).sum())
    return growing, float(2 * (covariance**2).sum()), shared
