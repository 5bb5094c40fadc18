"""What people may change while a release answers: the weights, and for lists how strongly these let it explore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from poise.decisions.exploration_cost import Basis, settle
from poise.decisions.explore import Exploration
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

    @classmethod
    def of(cls, decision: Decision, weights: VersionedWeights, basis: Basis | None) -> Live:
        """Settles the exploration, which takes up to some tenths of a second.

        A weight of a term that the decision does not have means nothing. Raises `RequestError` for a weight that cannot
        be one.
        """
        values = applied(decision, weights.values)
        return cls(weights.version, values, settle(decision.explore, values, basis, decision.show))

    def gives_way_to(self, decision: Decision, weights: VersionedWeights) -> bool:
        """Whether `weights` are a later version, or the same one with other values; raises as `of` does."""
        if weights.version == self.version:
            return applied(decision, weights.values) != self.values
        return weights.version > self.version
