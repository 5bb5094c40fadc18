"""Exploration among actions: now and then another one than the best, so that the log can tell what it would have done.

Every row carries its `policy`, the exact probability of each action, and its `propensity`, that of the action taken.
What is drawn follows from the policy and a seed alone, whatever made the policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.decisions.exploration_cost import SHARE, Basis
from poise.decisions.terms import Floats
from poise.decisions.uniform import uniform
from poise.errors import SpecError, did_you_mean
from poise.spec.decision import Explore

Ints = NDArray[np.int64]
SEEDS = 2**53
"""Row i of a request is drawn by its seed + i, modulo this."""


@dataclass(frozen=True, slots=True)
class ActionExploration:
    """With probability `share` another action than the best is taken, each that may be explored equally likely.

    never: the actions that exploration never takes (the best one is taken whatever it is); near: in a grid of prices,
    how many steps from the best one it goes at most; None: any. cost: term -> expected share of it that is lost; None
    where that cannot be known. notes: what people should know about share and cost.
    """

    actions: tuple[str, ...] = ()
    share: float = 0.0
    never: frozenset[str] = frozenset()
    near: int | None = None
    cost: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()

    @property
    def on(self) -> bool:
        """Whether anything but the best may be taken."""
        return self.share > 0

    def policy(self, best: Ints, allowed: NDArray[np.bool_]) -> Floats:
        """The probability of each of k actions in n rows, (n, k).

        best: what is taken without exploration, (n,); allowed: what may be taken, (n, k). A row with nothing else to
        take takes the best for certain.

        >>> explore = ActionExploration(("allow", "review", "block"), share=0.1, never=frozenset({"block"}))
        >>> explore.policy(np.array([0, 2]), np.ones((2, 3), bool)).tolist()
        [[0.9, 0.1, 0.0], [0.05, 0.05, 0.9]]
        """
        rows = np.arange(len(best))
        certain = np.zeros(allowed.shape)
        certain[rows, best] = 1.0
        if not self.on:
            return certain
        others = self.others(best, allowed)
        count = others.sum(axis=1, keepdims=True)
        drawn = np.where(others, self.share / np.maximum(count, 1), (1 - self.share) * certain)
        return np.where(count > 0, drawn, certain)

    def others(self, best: Ints, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What exploration may take in the place of the best, (n, k)."""
        at = np.arange(len(self.actions))
        open_ = np.array([action not in self.never for action in self.actions])
        others: NDArray[np.bool_] = allowed & open_ & (at != best[:, None])
        if self.near is not None:
            others &= np.abs(at - best[:, None]) <= self.near
        return others

    def to_dict(self, seed: int) -> dict[str, Any] | None:
        """What the log keeps of it: `seed` is that of the first row of the request; None where it is off."""
        if not self.on:
            return None
        cost = None if self.cost is None else dict(self.cost)
        return {
            "method": "epsilon",
            "share": self.share,
            "never": sorted(self.never),
            "near": self.near,
            "seed": seed,
            "cost": cost,
        }


NO_ACTIONS = ActionExploration()
"""No exploration: the best action, with probability 1."""


def draw_actions(policy: Floats, seed: int) -> Ints:
    """The action that is taken in each row, (n,), of their probabilities (n, k): the same ones of the same seed.

    Row i is drawn by one uniform number of seed + i; the actions share [0, 1) in their order.

    >>> draw_actions(np.array([[0.6, 0.4], [0.6, 0.4], [0.0, 1.0]]), seed=7).tolist()
    [1, 0, 1]
    """
    taken: Ints = policy.argmax(axis=1).astype(np.int64)
    for row in np.flatnonzero(policy[np.arange(len(policy)), taken] < 1.0).tolist():
        point = uniform((seed + row) % SEEDS, 1)[0]
        at = int(np.searchsorted(np.cumsum(policy[row]), point, side="right"))
        taken[row] = min(at, int(np.flatnonzero(policy[row])[-1]))  # the sum may end a rounding short of 1
    return taken


def settle_actions(
    explore: Explore | None, actions: Sequence[str], weights: Mapping[str, float], basis: Basis | None
) -> ActionExploration:
    """The exploration that `explore` asks for among `actions`, under these weights.

    With `cost`, the share is the greatest at which no named term loses more than its bound on average over the rows of
    `basis` (what is lost is in proportion to it). Where the best actions are worth nothing or less in a term, the loss
    is a share of the term's mean size. Without a basis the cost is not known: share 0.1, unless declared. Raises
    `SpecError` for a bound on a term that there is not.

    >>> basis = Basis({"cost": np.array([[-1.0, -3.0]] * 4)}, {"cost": np.ones(1)})
    >>> made = settle_actions(Explore(method="epsilon", cost={"cost": 0.02}), ("warn", "wait"), {"cost": 1.0}, basis)
    >>> round(made.share, 4), {term: round(lost, 4) for term, lost in made.cost.items()}
    (0.02, {'cost': 0.02})
    """
    if explore is None:
        return NO_ACTIONS
    whole = ActionExploration(tuple(actions), 1.0, frozenset(explore.never), explore.near)
    if basis is None:
        share = explore.share or SHARE
        note = f"the cost of exploration is not known before there are models; share is {share:g}"
        return ActionExploration(whole.actions, share, whole.never, whole.near, None, (note,))
    for term in explore.cost or ():
        if term not in basis.terms:
            hint = did_you_mean(term, basis.terms)
            raise SpecError(f"cost names '{term}', which is no term", where="decision.explore.cost", hint=hint)
    lost, notes = _lost(whole, weights, basis)
    bounds = (explore.cost or {}).items()
    share = explore.share or min([1.0, *(bound / lost[term] for term, bound in bounds if lost[term] > bound)])
    cost = {term: share * value for term, value in lost.items()}
    return ActionExploration(whole.actions, share, whole.never, whole.near, cost, notes)


def _lost(
    whole: ActionExploration, weights: Mapping[str, float], basis: Basis
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Term -> the share of it that is lost where always another action is taken, and what these are shares of."""
    scores: Floats = np.zeros_like(next(iter(basis.terms.values())))
    for term, values in basis.terms.items():
        if weight := weights.get(term, 1.0):
            scores = scores + weight * values
    rows = np.isfinite(scores).any(axis=1)
    allowed = np.isfinite(scores[rows])
    if not rows.any():
        return dict.fromkeys(basis.terms, 0.0), ()
    best = np.argmax(np.where(allowed, scores[rows], -np.inf), axis=1).astype(np.int64)
    policy = whole.policy(best, allowed)
    lost, notes = {}, []
    for term, values in basis.terms.items():
        known = np.nan_to_num(values[rows])  # a term of weight 0 may be missing: there it counts nothing
        worth, size = float(known[np.arange(len(best)), best].mean()), float(np.abs(known[allowed]).mean())
        measure = worth if worth > 0 else size
        lost[term] = (worth - float((policy * known).sum(axis=1).mean())) / measure if measure > 0 else 0.0
        if worth <= 0 and size:
            notes.append(f"the best actions are worth nothing or less in {term}: its cost is a share of its mean size")
    return lost, tuple(notes)
