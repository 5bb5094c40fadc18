"""Exploration: now and then another order than the best one, so that the log can tell what else would have done.

Every shown item carries its propensity: the exact probability that it is shown at this place. Without exploration
that is 1, and nothing can be learned from a log about what was never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.decisions import plackett_luce
from poise.decisions.terms import Floats
from poise.decisions.uniform import uniform
from poise.errors import StateError

Method = Literal["none", "plackett-luce", "epsilon"]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The places 1..k of one list: which candidate stands there, (k,), and how probable that was, (k,)."""

    order: NDArray[np.int64]
    propensity: Floats


@dataclass(frozen=True, slots=True)
class Exploration:
    """How lists are explored: the method, how many of the best take part, and how strongly.

    strength: `plackett-luce`: the temperature, in standard deviations of the scores that take part; `epsilon`: the
    share of the lists that is shuffled. 0 is off. cost: term -> expected share of it that is lost; None where that
    cannot be known. notes: what people should know about strength and cost.
    """

    method: Method
    top: int
    strength: float
    cost: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()

    @property
    def on(self) -> bool:
        """Whether any list may differ from the best one."""
        return self.method != "none" and self.strength > 0

    def draw(self, scores: Floats, show: int, seed: int) -> Drawn:
        """The first `show` places of one list, and the propensity of each.

        scores: (n,), of all candidates that may be shown, the best first; NaN (no score) counts as the lowest of them.
        The same scores, show and seed (from 0) give the same list and propensities on every machine, but for rounding
        in the last digits.

        >>> drawn = Exploration("epsilon", top=3, strength=0.3).draw(np.array([0.9, 0.5, 0.1, 0.0]), show=2, seed=7)
        >>> drawn.order.tolist(), drawn.propensity.round(3).tolist()
        ([0, 1], [0.8, 0.8])
        """
        places = min(show, len(scores))
        order, propensity = np.arange(places), np.ones(places)
        taking = min(self.top, len(scores))
        if not self.on or taking < 2 or not places:
            return Drawn(order, propensity)
        drawn = min(places, taking)
        random = uniform(seed, taking + 1)
        if self.method == "epsilon":
            if random[0] < self.strength:
                order[:drawn] = np.argsort(random[1:], kind="stable")[:drawn]
            kept = order[:drawn] == np.arange(drawn)
            propensity[:drawn] = self.strength / taking + (1 - self.strength) * kept
        else:
            logits = plackett_luce.logits(scores[:taking], self.strength)
            order[:drawn] = plackett_luce.order(logits, random[1:])[:drawn]
            propensity[:drawn] = plackett_luce.shown(logits, order[:drawn])
        return Drawn(order, propensity)

    def propensities(self, scores: Floats, show: int) -> Floats:
        """P(candidate i at place p), (n, places), places = the lesser of n and `show`; `scores` as for `draw`.

        >>> Exploration("epsilon", top=2, strength=0.5).propensities(np.array([2.0, 1.0, 0.0]), show=3).tolist()
        [[0.75, 0.25, 0.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.0]]
        """
        places = min(show, len(scores))
        out = np.eye(len(scores), places)
        taking = min(self.top, len(scores))
        if not self.on or taking < 2 or not places:
            return out
        drawn = min(places, taking)
        if self.method == "epsilon":
            out[:taking, :drawn] = self.strength / taking + (1 - self.strength) * out[:taking, :drawn]
        else:
            out[:taking, :drawn] = plackett_luce.marginals(plackett_luce.logits(scores[:taking], self.strength), drawn)
        return out

    def to_dict(self, seed: int) -> dict[str, Any] | None:
        """What an answer says of it, and what `redraw` needs; None where it is off."""
        if not self.on:
            return None
        own = "share" if self.method == "epsilon" else "temperature"
        cost = None if self.cost is None else dict(self.cost)
        return {"method": self.method, own: self.strength, "top": self.top, "seed": seed, "cost": cost}


NONE = Exploration("none", top=0, strength=0.0)
"""No exploration: the best list, with propensity 1."""


def redraw(explored: Mapping[str, Any] | None, scores: Floats, show: int) -> Drawn:
    """A list again, from what its answer said: `explored` as in the answer, `scores` of the candidates that might be
    shown, the best first, (n,). Order and propensities are those of the answer. Raises `StateError` for a method that
    there is not.

    >>> explore = Exploration("plackett-luce", top=20, strength=0.5)
    >>> scores = np.linspace(1.0, 0.0, 30)
    >>> bool((explore.draw(scores, 10, 4).order == redraw(explore.to_dict(seed=4), scores, 10).order).all())
    True
    """
    if explored is None:
        return NONE.draw(scores, show, 0)
    method, own = explored["method"], "share" if explored["method"] == "epsilon" else "temperature"
    if method not in ("plackett-luce", "epsilon"):
        raise StateError(f"a list was explored by '{method}'", hint="allowed: plackett-luce, epsilon")
    return Exploration(method, explored["top"], explored[own]).draw(scores, show, explored["seed"])
