"""What a release holds of one objective: a model and its calibration. Loads and answers with NumPy and Numba only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poise.errors import StateError
from poise.features.listed import Listed
from poise.models.base import Floats, Model
from poise.models.calibration import Calibration
from poise.models.links import compile_links
from poise.models.listed import ForLists, for_lists
from poise.models.stored import read_json, write_json
from poise.registry import get
from poise.table import Table

ONE_NUMBER = frozenset({"binary", "regression"})
"""Types of objectives of which a prediction is one number."""


@dataclass(frozen=True, slots=True)
class CalibratedList:
    """A calibrated model in the form that lists are answered by."""

    model: ForLists
    calibration: Calibration

    @property
    def bytes_per_item(self) -> int:
        """What is kept of an item."""
        return self.model.bytes_per_item

    def predict(self, features: Listed) -> Floats:
        """Calibrated predictions of n candidates, those of `Predictor.predict` bit for bit."""
        return self.calibration.apply(self.model.predict(features))


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """A calibrated model.

    >>> import numpy as np
    >>> from poise.models.constant import ConstantModel
    >>> predictor = Predictor(ConstantModel(np.array([0.25]), many=False), Calibration.identity("binary"))
    >>> predictor.predict(Table({}, 2)).tolist()
    [0.25, 0.25]
    """

    model: Model
    calibration: Calibration

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that `predict` reads."""
        return self.model.inputs

    @property
    def importance(self) -> dict[str, float]:
        """Share of each input; see `Model.importance`."""
        return self.model.importance

    @property
    def notes(self) -> tuple[str, ...]:
        """What guards did, and what could not be done."""
        return (*self.model.notes, *self.calibration.notes)

    def predict(self, features: Table) -> Floats:
        """Calibrated predictions: (n,) probabilities or values, (n, k) probabilities of classes or labels."""
        if features.height == 1 and self.calibration.type in ONE_NUMBER:
            return np.array([self.calibration.curves[0].one(self.model.one(features))])
        return self.calibration.apply(self.model.predict(features))

    def for_lists(self, item: frozenset[str]) -> ForLists:
        """The same for candidates of lists; `item` are inputs that items alone say, of which it may keep things."""
        return CalibratedList(for_lists(self.model, item), self.calibration)

    def save(self, folder: Path) -> None:
        """Write `predictor.json`, `calibration.json` and the model's own files under `model/`."""
        write_json(folder / "predictor.json", {"kind": self.model.kind})
        write_json(folder / "calibration.json", self.calibration.to_json())
        self.model.save(folder / "model")

    @classmethod
    def load(cls, folder: Path) -> Predictor:
        """Read what `save` wrote. Raises `StateError` where a file is absent, damaged or of a newer format."""
        content = read_json(folder / "predictor.json")
        kind = get("model", content["kind"])
        compile_links()
        try:
            model: Model = kind.load(folder / "model")
            return cls(model, Calibration.from_json(read_json(folder / "calibration.json")))
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"the model's files do not fit together: {error!r}", where=folder.name) from error
