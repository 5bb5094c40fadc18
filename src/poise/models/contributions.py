"""What each input contributes to a calibrated prediction, in the prediction's own unit, so that it adds up exactly.

Contributions are found on the raw score (`contributions_raw`) and carried through link and calibration along the
straight way from the average score to this row's: each input gets its share of every step (Aumann and Shapley, 1974).
For one score that is its share of the raw score times the slope of the chord, whatever the curve; for classes, whose
scores share one softmax, the way is integrated.

Contributions say what the *model* makes of a row. They do not say what would happen if the world were changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poise.models.base import Floats
from poise.models.calibration import Calibration
from poise.models.contributions_raw import Averages, raw_explainer
from poise.models.predictor import Predictor
from poise.table import Table

STEPS = 48
"""Points by which the way of classes is integrated."""
NEAR = 1e-6
"""Below this difference of raw scores the chord is the tangent."""


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """Of n predictions with k numbers each: `base` (k,), what is predicted where nothing is known of a row;
    `inputs`: input -> (n, k), which add up to the prediction less `base`; `predicted` (n, k)."""

    base: Floats
    inputs: Mapping[str, Floats]
    predicted: Floats


class Explainer:
    """Takes the predictions of one objective apart.

    averages: see `contributions_raw.raw_explainer`, which also says what is raised.

    >>> from poise.models.constant import ConstantModel
    >>> explainer = Explainer(Predictor(ConstantModel(np.array([0.25]), many=False), Calibration.identity("binary")))
    >>> explainer.of(Table({}, 1)).base.tolist()
    [0.25]
    """

    def __init__(self, predictor: Predictor, averages: Averages | None = None) -> None:
        self._raw = raw_explainer(predictor.model, averages)
        self._predictor, self._calibration = predictor, predictor.calibration

    def of(self, features: Table) -> Contributions:
        """What each input contributes to the prediction of each of n rows."""
        found = self._raw.of(features)
        scores = np.tile(found.base, (features.height, 1))
        for values in found.adds.values():
            scores = scores + values
        base = self._predict(found.base[None, :])
        predicted = self._predictor.predict(features).reshape(features.height, -1)
        carry = self._as_classes if self._calibration.type == "multi-class" else self._one_by_one
        return Contributions(base[0], carry(found.base, scores, found.adds, base, predicted), predicted)

    def _predict(self, raw: Floats) -> Floats:
        """Calibrated predictions (n, k) of raw scores (n, k)."""
        return self._calibration.apply(self._raw.link(raw)).reshape(len(raw), -1)

    def _one_by_one(
        self, start: Floats, scores: Floats, adds: Mapping[str, Floats], base: Floats, predicted: Floats
    ) -> dict[str, Floats]:
        """Each output is a function of its own score alone."""
        way = scores - start
        small = np.abs(way) < NEAR * (1 + np.abs(scores))
        chord = (predicted - base) / np.where(small, 1.0, way)
        if small.any():
            step = NEAR * (1 + np.abs(scores))
            tangent = (self._predict(scores + step) - self._predict(scores - step)) / (2 * step)
            chord = np.where(small, tangent, chord)
        return {name: values * chord for name, values in adds.items()}

    def _as_classes(
        self, start: Floats, scores: Floats, adds: Mapping[str, Floats], base: Floats, predicted: Floats
    ) -> dict[str, Floats]:
        """Classes share a softmax: each step along the way moves all of them."""
        if not adds:
            return {}
        slope = _slope(self._calibration)
        names, parts = list(adds), np.stack(list(adds.values()))  # (inputs, n, k)
        at, weight = np.polynomial.legendre.leggauss(STEPS)
        out = np.zeros_like(parts)
        for place, share in zip(((at + 1) / 2).tolist(), (weight / 2).tolist(), strict=True):
            p = self._predict(start + place * (scores - start))
            out += share * slope * p * (parts - np.sum(p * parts, axis=2, keepdims=True))
        rest = (predicted - base) - out.sum(axis=0)  # what the integral leaves: spread by size, so that it adds up
        size = np.abs(out)
        total = size.sum(axis=0)
        out += rest * np.divide(size, total, out=np.full_like(size, 1 / len(names)), where=total > 0)
        return dict(zip(names, out, strict=True))


def _slope(calibration: Calibration) -> float:
    """By how much a class's calibrated score rises with its raw score."""
    (curve,) = calibration.curves
    return 1.0 if curve.method == "identity" else float(curve.values[0])
