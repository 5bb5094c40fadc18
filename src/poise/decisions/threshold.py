"""What an action must gain to be taken where it may be taken only so often: a price, learned from recent rows.

Of all ways to take an action 200 times a day the best is to take it where it gains more than some price, the same for
all rows of the day: the dual price of the capacity. It is set anew from what recent rows would have gained, so that as
much capacity as is left meets the rows that are still to come (Agrawal, Wang and Ye, A dynamic near-optimal algorithm
for online linear programming, Operations Research 62, 2014).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from poise.decisions.terms import Floats

ROUNDS = 8
"""Prices depend on each other, and are set one after the other so many times."""


def prices(scores: Floats, shares: Mapping[int, float]) -> dict[int, float]:
    """The price of each limited action: so that on rows like these it is best in no more than its share of them.

    scores: (n, k), NaN where an action cannot be taken; shares: action -> the share of rows it may be taken in; 1 or
    more: it is not limited. A price is 0 or more, in the unit of the scores. Without rows every price is 0.

    >>> prices(np.array([[0.0, 5.0], [0.0, 3.0], [0.0, 1.0], [0.0, -2.0]]), {1: 0.25})
    {1: 3.0}
    """
    found = dict.fromkeys(shares, 0.0)
    rows = scores[np.isfinite(scores).any(axis=1)]
    if not len(rows):
        return found
    worth = np.where(np.isfinite(rows), rows, -np.inf)
    for _ in range(ROUNDS if len(shares) > 1 else 1):
        before = dict(found)
        for action, share in shares.items():
            found[action] = _price(worth, found, action, share)
        if found == before:
            break
    return found


def _price(worth: Floats, found: Mapping[int, float], action: int, share: float) -> float:
    """What one action must gain over the best of the others, at the prices that these have now."""
    priced = worth.copy()
    for other, price in found.items():
        priced[:, other] -= price
    own = worth[:, action]
    priced[:, action] = -np.inf
    rest = priced.max(axis=1)
    gains = np.where(np.isfinite(rest), own - np.where(np.isfinite(rest), rest, 0.0), np.inf)
    gains = np.sort(np.where(np.isfinite(own), gains, -np.inf))[::-1]
    taken = int(share * len(gains) + 1e-9)  # so many of the rows may take it: those that gain most
    if taken >= len(gains):
        return 0.0
    price = gains[taken]
    return max(0.0, float(price)) if np.isfinite(price) else (0.0 if price < 0 else _most(gains))


def _most(gains: Floats) -> float:
    """Where nothing else can be taken, no price keeps an action back; what else it gained at most is as good as any."""
    finite = gains[np.isfinite(gains)]
    return max(0.0, float(finite.max())) if len(finite) else 0.0


def best(
    scores: Floats, charged: Mapping[int, float], closed: frozenset[int]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The best action of each row after prices, (n,), among those that are not closed, and where there is one, (n,).

    An action that is level with another one at its price is not taken.

    >>> best(np.array([[0.0, 5.0], [0.0, 3.0]]), {1: 3.0}, frozenset())[0].tolist()
    [1, 0]
    """
    worth = np.where(np.isfinite(scores), scores, -np.inf)
    for action, price in charged.items():
        worth[:, action] -= price
        if price > 0:
            worth[:, action] = np.nextafter(worth[:, action], -np.inf)
    for action in closed:
        worth[:, action] = -np.inf
    return np.argmax(worth, axis=1).astype(np.int64), np.asarray(np.isfinite(worth).any(axis=1))
