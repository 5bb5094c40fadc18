"""What exploration costs, in terms, and how strong it may be for a stated cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from poise.decisions.explore import NONE, Exploration
from poise.decisions.terms import Floats
from poise.spec.decision import Explore

TEMPERATURE, SHARE = 1.0, 0.1
"""How strong exploration is where its cost is bounded but cannot be known."""


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """A sample of lists by which the cost of exploration is known under any weights.

    terms: term -> (lists, width), of the candidates that may be shown, as for the first place, NaN behind the last
    candidate of a list; exposure: term -> (show,), what it makes of its value at the first place at places 1..show.
    """

    terms: Mapping[str, Floats]
    exposure: Mapping[str, Floats]

    def save(self, path: Path) -> None:
        """Write it to an `.npz` file."""
        terms = {f"term/{name}": values for name, values in self.terms.items()}
        exposure = {f"exposure/{name}": values for name, values in self.exposure.items()}
        np.savez_compressed(path, allow_pickle=False, **terms, **exposure)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            parts = {name: file[name] for name in file.files}
        found: dict[str, dict[str, Floats]] = {"term": {}, "exposure": {}}
        for name, values in parts.items():
            kind, _, term = name.partition("/")
            found[kind][term] = values
        return cls(found["term"], found["exposure"])


def settle(explore: Explore | None, weights: Mapping[str, float], basis: Basis | None, show: int) -> Exploration:
    """The exploration that `explore` asks for under these weights."""
    if explore is None:
        return NONE
    declared = explore.temperature if explore.method == "plackett-luce" else explore.share
    assumed = TEMPERATURE if explore.method == "plackett-luce" else SHARE
    return Exploration(explore.method, explore.top, assumed if declared is None else declared)
