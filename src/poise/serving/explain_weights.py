"""Which weights would have changed a choice: scores are sums of weight x term, so that the answer is exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poise.models.base import Floats


def another_first(terms: Mapping[str, Floats], weights: Mapping[str, float], best: int) -> list[dict[str, Any]]:
    """For each term the nearest weights, the others as they are, at which another candidate draws level with `best`.

    terms: term -> (n,) of the candidates that can win. Each entry: `term`, `weight`, `becomes`, and `then`, the
    candidate that is first beyond it. A weight does not change its sign.

    >>> terms = {"orders": np.array([0.5, 0.3]), "money": np.array([1.0, 2.0])}
    >>> for found in another_first(terms, {"orders": 10.0, "money": 1.0}, 0):
    ...     print(found)
    {'term': 'orders', 'weight': 10.0, 'becomes': 5.0, 'then': 1}
    {'term': 'money', 'weight': 1.0, 'becomes': 2.0, 'then': 1}
    """
    scores = _scores(terms, weights)
    out = []
    for term, values in terms.items():
        behind, ahead = scores[best] - scores, values - values[best]
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.where(ahead != 0, behind / ahead, np.nan)
        for side in (-1, 1):
            there = np.flatnonzero((np.sign(ahead) == side) & (np.arange(len(values)) != best))
            if len(there):
                nearest = there[np.argmin(np.abs(change[there]))]
                becomes = weights[term] + float(change[nearest])
                if _keeps_sign(weights[term], becomes):
                    out.append({"term": term, "weight": weights[term], "becomes": becomes, "then": int(nearest)})
    return out


def to_be_first(terms: Mapping[str, Floats], weights: Mapping[str, float], one: int) -> list[dict[str, Any]]:
    """For each term the nearest weight, the others as they are, at which candidate `one` is level with the best.

    Entries as those of `another_first`; none for a term whose weight alone cannot do it.

    >>> terms = {"orders": np.array([0.5, 0.3]), "money": np.array([1.0, 2.0])}
    >>> [found["becomes"] for found in to_be_first(terms, {"orders": 10.0, "money": 1.0}, 1)]
    [5.0, 2.0]
    """
    scores = _scores(terms, weights)
    out = []
    for term, values in terms.items():
        gain, lack = values[one] - values, scores - scores[one]
        if (lack[gain == 0] > 0).any():
            continue
        least = np.max(lack[gain > 0] / gain[gain > 0], initial=-np.inf)
        most = np.min(lack[gain < 0] / gain[gain < 0], initial=np.inf)
        change = least if least > 0 else min(most, 0.0)
        becomes = weights[term] + float(change)
        if least <= most and _keeps_sign(weights[term], becomes):
            out.append({"term": term, "weight": weights[term], "becomes": becomes, "then": one})
    return out


def _scores(terms: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    out = np.zeros_like(next(iter(terms.values())))
    for term, values in terms.items():
        out = out + weights[term] * values
    return out


def _keeps_sign(weight: float, becomes: float) -> bool:
    return becomes <= 0 if weight < 0 else becomes >= 0


def ranks(scores: Floats) -> list[int | None]:
    """The place of each candidate by its score, 1 for the best; None where it has none. Among equals the earlier first.

    >>> ranks(np.array([0.2, np.nan, 0.9]))
    [2, None, 1]
    """
    order = np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")
    place = np.empty(len(scores), np.int64)
    place[order] = np.arange(1, len(scores) + 1)
    return [None if gone else one for one, gone in zip(place.tolist(), np.isnan(scores).tolist(), strict=True)]


def places(terms: Mapping[str, Floats], weights: Mapping[str, float]) -> dict[str, dict[str, Sequence[int | None]]]:
    """What each term does to the order: each candidate's place by it `alone`, and `without` it.

    Alone, the larger comes first; of a term with a weight below 0, the smaller.

    >>> terms = {"orders": np.array([0.3, 0.5]), "delay": np.array([9.0, 4.0])}
    >>> places(terms, {"orders": 0.0, "delay": -1.0})["orders"]
    {'alone': [2, 1], 'without': [2, 1]}
    """
    out: dict[str, dict[str, Sequence[int | None]]] = {}
    for term, values in terms.items():
        others = [weights[t] * v for t, v in terms.items() if t != term and weights[t]]
        without = sum(others) if others else np.full(len(values), np.nan)
        out[term] = {
            "alone": ranks(-values if weights[term] < 0 else values),
            "without": ranks(np.asarray(without, np.float64)),
        }
    return out
