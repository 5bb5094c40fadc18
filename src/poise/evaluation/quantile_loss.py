"""Quantile loss: what a prediction of a quantile costs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from poise.errors import SpecError
from poise.evaluation.base import Array, Floats, MeanLoss
from poise.spec.objective import ProblemType


class QuantileLoss(MeanLoss):
    """The pinball loss (Koenker & Bassett 1978) at one quantile; at the median, the default, half the MAE.

    Too low a prediction costs `quantile` per unit, too high a one `1 - quantile`.

    >>> float(QuantileLoss(0.9).score(np.array([10.0]), np.array([8.0])))
    1.8
    """

    name = "quantile_loss"
    bigger_is_better = False
    works_with: ClassVar[frozenset[ProblemType]] = frozenset({"regression"})

    def __init__(self, quantile: float = 0.5) -> None:
        if not 0 < quantile < 1:
            raise SpecError(f"a quantile lies between 0 and 1; came: {quantile}")
        self.quantile = quantile

    def losses(self, target: Array, prediction: Array) -> Floats:
        """The pinball loss per row, shape (n,)."""
        short = np.asarray(target - prediction, np.float64)
        return np.maximum(self.quantile * short, (self.quantile - 1) * short)
