"""From contributions to predictions to contributions to terms: what each input adds to what a stakeholder cares about.

A term is an expression over predictions and columns. The columns are taken as they are; each prediction may be at its
average or as it was predicted. What each prediction does to the term is its Shapley value in that game, which for a
product such as `order * value` shares the joint effect evenly; an input gets the share that it has in the prediction.
So the contributions to a term add up to the term less what it would be with every prediction at its average.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import factorial

import numpy as np

from poise.errors import PoiseError
from poise.models.base import Floats

MOST_PREDICTIONS = 10
"""Terms that read more predictions than this together are not taken apart: each doubles the work."""
NEAR = 1e-9
"""A prediction this near to its average has the slope that the term has there."""

Terms = Callable[[Mapping[str, Floats]], Mapping[str, Floats]]
"""Predictions (name -> (n, c)) of n rows in c cases -> term -> (n, c, actions)."""


class NotTakenApart(PoiseError):
    """The terms read too many predictions."""

    status = 422
    title = "This cannot be explained"


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Of one term for n rows and a actions: its value and what it is at the average predictions, (n, a), and by how
    much it moves per unit of each prediction, name -> (n, a)."""

    value: Floats
    average: Floats
    slopes: Mapping[str, Floats]

    def of(self, contributions: Mapping[str, Mapping[str, Floats]]) -> dict[str, Floats]:
        """What each input adds, input -> (n, a); contributions: prediction -> input -> (n,)."""
        out: dict[str, Floats] = {}
        for prediction, inputs in contributions.items():
            if prediction in self.slopes:
                for name, values in inputs.items():
                    out[name] = out.get(name, 0.0) + self.slopes[prediction] * values[:, None]
        return out


def effects_of(terms: Terms, base: Mapping[str, float], predicted: Mapping[str, Floats]) -> dict[str, Effects]:
    """Each term taken apart. base: prediction -> its average; predicted: prediction -> (n,).

    Raises `NotTakenApart` for more than `MOST_PREDICTIONS`.

    >>> def money(p):
    ...     return {"money": (p["order"] * p["value"])[:, :, None]}
    >>> found = effects_of(money, {"order": 0.5, "value": 10.0}, {"order": np.array([0.7]), "value": np.array([20.0])})
    >>> found["money"].average.tolist(), found["money"].value.tolist()
    ([[5.0]], [[14.0]])
    >>> {name: slope.round(9).tolist() for name, slope in found["money"].slopes.items()}
    {'order': [[15.0]], 'value': [[0.6]]}
    """
    names = list(base)
    if len(names) > MOST_PREDICTIONS:
        raise NotTakenApart(f"its terms read {len(names)} predictions; at most {MOST_PREDICTIONS} are taken apart")
    cases = np.array(list(product((False, True), repeat=len(names))), np.bool_)
    near = {n: np.abs(predicted[n] - base[n]) <= NEAR * (1 + abs(base[n])) for n in names}
    step = {n: 1e-6 * (1 + abs(base[n])) for n in names}
    moved = {n: np.where(near[n], base[n] + step[n], predicted[n]) for n in names}
    found = _cases(terms, names, cases, base, predicted)
    around = _cases(terms, names, cases, base, moved) if any(n.any() for n in near.values()) else found
    out = {}
    for term, values in found.items():
        slopes = {}
        for p, name in enumerate(names):
            effect, tangent = _effect(values, cases, p), _effect(around[term], cases, p)
            way = np.where(near[name], 1.0, predicted[name] - base[name])[:, None]
            slopes[name] = np.where(near[name][:, None], tangent / step[name], effect / way)
        out[term] = Effects(values[:, -1], values[:, 0], slopes)
    return out


def _cases(
    terms: Terms, names: Sequence[str], cases: np.ndarray, base: Mapping[str, float], predicted: Mapping[str, Floats]
) -> Mapping[str, Floats]:
    """Each term with some predictions as predicted and the others at their average: term -> (n, cases, actions)."""
    return terms({n: np.where(cases[None, :, p], predicted[n][:, None], base[n]) for p, n in enumerate(names)})


def _effect(values: Floats, cases: np.ndarray, p: int) -> Floats:
    """The Shapley value of prediction `p`, (n, a)."""
    m = cases.shape[1]
    with_it = np.flatnonzero(cases[:, p])
    without = with_it - (1 << (m - 1 - p))
    size = cases[without].sum(axis=1)
    weight = np.array([factorial(s) * factorial(m - s - 1) / factorial(m) for s in size.tolist()])
    return np.asarray(np.sum(weight[None, :, None] * (values[:, with_it] - values[:, without]), axis=1))


def total(weights: Mapping[str, float], by_term: Mapping[str, Mapping[str, Floats]]) -> dict[str, Floats]:
    """Contributions to the score: the weighted sum of those to the terms that count."""
    out: dict[str, Floats] = {}
    for term, inputs in by_term.items():
        if weights.get(term):
            for name, values in inputs.items():
                out[name] = out.get(name, 0.0) + weights[term] * values
    return out


def by_size(contributions: Mapping[str, float]) -> dict[str, float]:
    """Those that are not 0, the largest first."""
    return dict(sorted(((n, v) for n, v in contributions.items() if v), key=lambda pair: -abs(pair[1])))
