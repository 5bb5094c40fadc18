"""Weights in all directions: which ones reach several goals within bounds, and which no other ones beat.

Nothing is fitted to outcomes here: what is compared is what the models expect, so that what is chosen may be estimated
from the same log afterwards without being the luckiest of many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from poise.serving.preview import term_of
from poise.spec.requirement import Requirement

Weights = dict[str, float]
Expected = Callable[[Mapping[str, float]], dict[str, float]]
"""Weights -> the gain of each term as a share of now."""

ROUNDS = ((16, 3.0), (12, 1.0), (10, 0.3))
"""How many weights are tried in each round, and how far from the best so far: up to 2 to this power times each."""
SPREAD = 30
"""Weights that are tried for a front, each up to 8 times what it is and down to an eighth."""
MOST_POINTS = 12
"""Points of a front, besides now."""
TOLERANCE = 0.0025
"""By so much of what a term comes to now a goal or a bound may be missed: the log tells nothing finer."""


def over(shares: Mapping[str, float], bounds: Sequence[Requirement]) -> list[Requirement]:
    """The bounds that these gains break."""
    return [one for one in bounds if _short(shares, one) > TOLERANCE]


def within(
    expected: Expected,
    now: Mapping[str, float],
    worth: Mapping[str, float],
    goals: Mapping[str, float],
    bounds: Sequence[Requirement],
    first: Weights | None = None,
) -> tuple[Weights, list[str]]:
    """The weights that reach the goals within the bounds at the least loss, or come nearest; and the bounds that stand
    in the way: without them a cheaper way, or any, was found.

    worth: what a gain of all that a term comes to now is worth by the weights of now. Tried: `first`, and sampled
    weights, in rounds that come closer together about the best so far.
    """
    tried: list[tuple[Weights, dict[str, float]]] = [(dict(now), expected(now))]
    if first is not None:
        tried.append((first, expected(first)))
    random, terms = np.random.default_rng(0), [term for term, weight in now.items() if weight]
    for count, reach in ROUNDS:
        best = _best(tried, worth, goals, bounds)[0]
        for _ in range(count):
            values = _moved(best, terms, 2.0 ** random.uniform(-reach, reach, len(terms)))
            tried.append((values, expected(values)))
    found = _best(tried, worth, goals, bounds)
    free = _best(tried, worth, goals, ())
    binds = [f"{one.who}: {one.metric}" for one in bounds if _short(free[1], one) > TOLERANCE]
    return found[0], binds


def not_beaten(expected: Expected, now: Mapping[str, float], worth: Mapping[str, float]) -> list[Weights]:
    """Sampled weights of which no other is expected to come to as much of every term and more of one, those that lose
    least first; `worth` as for `within`."""
    random, terms = np.random.default_rng(0), [term for term, weight in now.items() if weight]
    tried = []
    for _ in range(SPREAD if len(terms) > 1 else 0):
        values = _moved(now, terms, 2.0 ** random.uniform(-3.0, 3.0, len(terms)))
        tried.append((values, expected(values)))
    kept = [one for one in tried if not any(_beats(other[1], one[1]) for other in tried)]
    kept.sort(key=lambda one: _loss(one[1], worth))
    return [values for values, _ in kept[:MOST_POINTS]]


def _moved(values: Mapping[str, float], terms: Sequence[str], factors: NDArray[np.float64]) -> Weights:
    """Weights of which only the ratios change: the first that counts stays."""
    made = dict(values)
    for term, factor in zip(terms[1:], factors[1:] / factors[0], strict=True):
        made[term] = float(f"{values[term] * factor:.4g}")
    return made


def _best(
    tried: Sequence[tuple[Weights, dict[str, float]]],
    worth: Mapping[str, float],
    goals: Mapping[str, float],
    bounds: Sequence[Requirement],
) -> tuple[Weights, dict[str, float]]:
    """Of those that break no bound (or break them least), the one that comes nearest to the goals; among equals the one
    that loses least."""

    def key(one: tuple[Weights, dict[str, float]]) -> tuple[float, float, float]:
        shares = one[1]
        short = [gain - shares[term] if gain > 0 else shares[term] - gain for term, gain in goals.items()]
        return _missed(_short(shares, bound) for bound in bounds), _missed(short), _loss(shares, worth)

    return min(tried, key=key)


def _missed(short: Iterable[float]) -> float:
    return sum(max(one - TOLERANCE, 0.0) for one in short)


def _short(shares: Mapping[str, float], bound: Requirement) -> float:
    """By how much of what a term comes to now a bound is missed."""
    share = 1 + shares[term_of(bound)]
    if bound.at_least is not None:
        return bound.at_least.value - share
    return share - bound.at_most.value if bound.at_most is not None else 0.0


def _loss(shares: Mapping[str, float], worth: Mapping[str, float]) -> float:
    """What is lost in all, by the weights of now."""
    return -sum(amount * shares[term] for term, amount in worth.items())


def _beats(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(one[term] >= other[term] for term in other) and any(one[term] > other[term] for term in other)
