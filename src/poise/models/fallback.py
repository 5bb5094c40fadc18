"""What answers for an objective where its model cannot: simpler rungs that were fitted beside it, the best first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poise.models.base import Floats, Model
from poise.models.calibration import Calibration
from poise.models.predictor import Predictor
from poise.spec.objective import ProblemType
from poise.table import Table

FOLDER = "fallback"
RUNGS = ("rule", "constant")
"""In the order in which they are asked; a constant needs no feature."""


@dataclass(frozen=True, slots=True, eq=False)
class Fallback:
    """rungs: `rule` and `constant`, as far as there are any. Empty for a release that was made before there were.

    >>> import numpy as np
    >>> from poise.models.constant import ConstantModel
    >>> fallback = Fallback.of("binary", {"constant": ConstantModel(np.array([0.2]), many=False)})
    >>> fallback.answer(Table({}, 2), set())
    ('constant', array([0.2, 0.2]))
    """

    rungs: Mapping[str, Predictor] = field(default_factory=dict)

    @classmethod
    def of(cls, type: ProblemType, models: Mapping[str, Model]) -> Fallback:
        """Of fitted rungs, as they are: they are means of what came true."""
        return cls({name: Predictor(models[name], Calibration.identity(type)) for name in RUNGS if name in models})

    @property
    def inputs(self) -> frozenset[str]:
        """The columns that the rungs read."""
        return frozenset(name for predictor in self.rungs.values() for name in predictor.inputs)

    def answer(self, features: Table, failed: Collection[str]) -> tuple[str, Floats] | None:
        """The rung that answers and its predictions, (n,) or (n, k); None where no rung can.

        failed: columns that could not be made, so that a rung that reads one is passed over.
        """
        for name, predictor in self.rungs.items():
            if not failed or not set(predictor.inputs) & set(failed):
                return name, predictor.predict(features)
        return None

    def save(self, folder: Path) -> None:
        """Write each rung to a folder of its own below `fallback/` in the folder of the objective's model."""
        for name, predictor in self.rungs.items():
            predictor.save(folder / FOLDER / name)

    @classmethod
    def load(cls, folder: Path) -> Fallback:
        """What `save` wrote. Raises `StateError` where a file is damaged."""
        there = [name for name in RUNGS if (folder / FOLDER / name).is_dir()]
        return cls({name: Predictor.load(folder / FOLDER / name) for name in there})
