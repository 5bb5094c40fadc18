"""What people may change while a release answers: the weights, and how strongly these let it explore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from poise.decisions.exploration_cost import Basis, settle
from poise.decisions.explore import NONE, Exploration
from poise.decisions.explore_actions import NO_ACTIONS, ActionExploration, settle_actions
from poise.decisions.weights import applied
from poise.spec.decision import Decision


class VersionedWeights(Protocol):
    """One version of the live weights, as `decisions` and the state database hold them."""

    @property
    def version(self) -> int: ...
    @property
    def values(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """One version of the weights, what it means for each term of the decision, and the exploration settled for it."""

    version: int
    values: Mapping[str, float]
    exploration: Exploration
    """Of lists; `among_actions` is that of actions."""
    among_actions: ActionExploration = NO_ACTIONS

    @classmethod
    def of(cls, decision: Decision, weights: VersionedWeights, basis: Basis | None) -> Live:
        """Settles the exploration, which takes up to some tenths of a second.

        A weight of a term that the decision does not have means nothing. Raises `RequestError` for a weight that cannot
        be one.
        """
        values = applied(decision, weights.values)
        if decision.lists:
            return cls(weights.version, values, settle(decision.explore, values, basis, decision.show))
        explored = settle_actions(decision.explore, decision.actions, values, basis)
        return cls(weights.version, values, NONE, explored)

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know about how strongly is explored, and what that costs."""
        return (*self.exploration.notes, *self.among_actions.notes)

    def gives_way_to(self, decision: Decision, weights: VersionedWeights) -> bool:
        """Whether `weights` are a later version, or the same one with other values; raises as `of` does."""
        if weights.version == self.version:
            return applied(decision, weights.values) != self.values
        return weights.version > self.version
