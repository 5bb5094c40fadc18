"""Extrapolation: what more rows would bring, from how the loss fell with the rows so far, and how sure that is.

The loss of a model falls about as a power of the rows it learned from, l(n) = a + b n^-c (Hestness et al., 2017;
Viering & Loog, IEEE TPAMI, 2023), with the logarithm as c = 0, and below it losses that fall ever faster for a while,
as where a pattern is just being found. Five sizes do not settle three numbers: every c of a wide range is kept with the
weight that the sizes give it, and a and b are drawn as their errors say. The law is only about right: a share of each
step counts as error, so that far smaller samples have little say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poise.evaluation.base import Floats
from poise.evaluation.spread import LEVEL

POWERS = np.linspace(-0.3, 1.3, 33)
"""Powers of learning curves that are found in practice; 1/2 and 1 are what theory gives for simple models."""
DISCREPANCY = 0.1
"""So much of a step between two sizes may be due to the law being only about right."""
BEND = 0.2
"""And what comes may differ from the law by such a share, of one doubling: curves bend where a pattern is found."""
DRAWS = 4_000


@dataclass(frozen=True, slots=True, eq=False)
class Future:
    """Draws of what could be at so many times the rows: `loss` (draws,) as a share of the constant's, and by how much
    that is less than with the rows of today, `gain` (draws,)."""

    times: float
    loss: Floats
    gain: Floats

    def limits(self, level: float = LEVEL) -> tuple[float, float, float]:
        """The skill (1 - loss) to expect, and its limits, one-sided at `level` each."""
        low, value, high = 1 - np.quantile(self.loss, [level, 0.5, 1 - level])
        return float(value), float(low), float(high)

    def gained(self, level: float = LEVEL) -> tuple[float, float, float]:
        """What is gained, and its limits."""
        low, value, high = np.quantile(self.gain, [1 - level, 0.5, level])
        return float(value), float(low), float(high)


def futures(
    rows: Floats,
    loss: Floats,
    error: Floats,
    times: tuple[float, ...],
    level_error: float = 0.0,
    luck: float = 0.0,
    seed: int = 0,
) -> list[Future]:
    """What `times` as many rows as the last of `rows` would bring.

    rows: (k,) ascending sizes, k >= 3; loss: (k,) at each, as a share of the constant's; error: (k,) standard errors of
    each beside what all sizes share, which is `level_error` (they are judged on the same rows); luck: how much one
    sample of all rows differs from another.

    >>> n = np.array([50.0, 100, 200, 400, 800])
    >>> (twice,) = futures(n, 0.5 + 4 / n, np.full(5, 0.001), (2.0,))
    >>> abs(twice.gained()[0] - 0.0025) < 0.001
    True
    """
    rng = np.random.default_rng(seed)
    x = np.asarray(rows / rows[-1], np.float64)
    sigma = np.sqrt(error**2 + (DISCREPANCY * (loss - loss[-1])) ** 2 + 1e-12)
    powers, means, roots = _fits(x, loss, sigma)
    weights = np.array([one.weight for one in powers])
    picks = rng.choice(len(powers), size=DRAWS, p=weights / weights.sum())
    normal = rng.standard_normal((DRAWS, 2))
    drawn = means[picks] + np.einsum("dij,dj->di", roots[picks], normal)
    now, slope = np.maximum(drawn[:, 0], 0.0), np.maximum(drawn[:, 1], 0.0)
    c = np.array([one.power for one in powers])[picks]
    shared = level_error * rng.standard_normal(DRAWS)
    out = []
    for factor in times:
        bent = np.exp(BEND * np.sqrt(np.log2(max(factor, 1.0))) * rng.standard_normal(DRAWS))
        later = np.maximum(now + bent * slope * _law(np.array(factor), c), 0.0)
        own = luck / np.sqrt(factor) * rng.standard_normal(DRAWS)
        out.append(Future(factor, np.maximum(later + shared + own, 0.0), now - later))
    return out


def _law(x: Floats, power: Floats) -> Floats:
    """(x^-c - 1) / c, which is -log x at c = 0: how far the loss is above that at x = 1, for a slope of 1 there."""
    small = np.abs(power) < 1e-9
    safe = np.where(small, 1.0, power)
    return np.asarray(np.where(small, -np.log(x), (x**-safe - 1) / safe), np.float64)


@dataclass(frozen=True, slots=True)
class _Power:
    power: float
    weight: float


def _fits(x: Floats, loss: Floats, sigma: Floats) -> tuple[list[_Power], Floats, Floats]:
    """For each power the best (a, b), a root of their covariance, and how well it explains the sizes."""
    made: list[tuple[Floats, Floats, float]] = []
    for power in POWERS.tolist():
        design = np.stack([np.ones_like(x), _law(x, np.array(power))], axis=1) / sigma[:, None]
        inverse = np.asarray(np.linalg.pinv(design.T @ design), np.float64)
        best = inverse @ design.T @ (loss / sigma)
        if best[1] < 0:  # it does not fall: the mean of all sizes, and no fall
            best = np.array([np.average(loss, weights=sigma**-2), 0.0])
        misfit = float(((loss / sigma - design @ best) ** 2).sum())
        made.append((best, inverse, misfit))
    least = min(misfit for _, _, misfit in made)
    spread = max(1.0, least / max(len(x) - 2, 1))
    weights = [np.exp(-(misfit - least) / (2 * spread)) for _, _, misfit in made]
    roots = [_root(inverse * spread) for _, inverse, _ in made]
    powers = [_Power(float(c), float(w)) for c, w in zip(POWERS, weights, strict=True)]
    return powers, np.stack([best for best, _, _ in made]), np.stack(roots)


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), np.float64)
