"""Calibration: predictions that are multiplied by values must be right on average, at every level.

A form (see `curves`) is used only where it is better than a simpler one on rows that it was not fitted to, in blocks
of time, significantly over those blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models import curves
from poise.models.base import Floats, Problem
from poise.models.curves import IDENTITY, Curve
from poise.models.folds import folds_of
from poise.models.guards import target_bounds
from poise.models.losses import losses
from poise.spec.objective import ProblemType

BLOCKS = 10
LEAST_ROWS, LEAST_SIDE = 50, 10
"""With fewer rows, or fewer on one side of a binary truth, predictions stay as they are."""
ISOTONIC_SIDE = 2_000
LEAST_GAIN = 5e-4
SURE_ERRORS = 1.645
"""A form must lower the loss by this fraction, and by so many standard errors of its gain over blocks (95 %)."""

Fitter = Callable[[Floats, NDArray[Any], Floats], Curve | None]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """How predictions of one objective are corrected: one curve, for multi-label one per label.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(0.2, 0.8, 4_000)
    >>> y = (rng.uniform(size=4_000) < p**2).astype(float)
    >>> fitted = Calibration.fit(Problem("binary"), p, y)
    >>> bool(abs(fitted.apply(p).mean() - y.mean()) < 0.01), fitted.method != "identity"
    (True, True)
    """

    type: ProblemType
    curves: tuple[Curve, ...]
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def identity(cls, type: ProblemType, notes: tuple[str, ...] = ()) -> Calibration:
        """Predictions as they are."""
        return cls(type, (IDENTITY,), notes)

    @classmethod
    def fit(
        cls,
        problem: Problem,
        raw: Floats,
        target: NDArray[Any],
        weight: Floats | None = None,
        time: NDArray[np.int64] | None = None,
    ) -> Calibration:
        """The form that is best out of block for predictions `raw` of the *calibrate* rows: (n,), or (n, k)."""
        w = np.ones(len(target)) if weight is None else weight
        if len(target) < LEAST_ROWS:
            return cls.identity(problem.type, (f"not calibrated: {len(target)} rows, {LEAST_ROWS} are needed",))
        folds = folds_of(time, len(target), BLOCKS, problem.seed)
        if problem.type != "multi-label":
            curve, notes = _chosen(problem, raw, _bounded(problem, target), w, folds)
            return cls(problem.type, (curve,), notes)
        one = Problem("binary", seed=problem.seed, threads=problem.threads)
        found = [_chosen(one, raw[:, c], target[:, c], w, folds) for c in range(raw.shape[1])]
        few = [name for name, (_, notes) in zip(problem.classes, found, strict=True) if notes]
        said = (f"not calibrated, too few examples: {', '.join(few)}",) if few else ()
        return cls(problem.type, tuple(curve for curve, _ in found), said)

    @property
    def method(self) -> str:
        """The name of the form; several for multi-label."""
        return ", ".join(dict.fromkeys(curve.method for curve in self.curves))

    def apply(self, raw: Floats) -> Floats:
        """Calibrated predictions, of the shape of `raw`."""
        if len(self.curves) == 1:
            return self.curves[0].apply(raw)
        return np.stack([curve.apply(raw[:, c]) for c, curve in enumerate(self.curves)], axis=1)

    def to_json(self) -> dict[str, Any]:
        """Plain values; floats read back with every bit."""
        stored = [{"method": curve.method, "values": curve.values.tolist()} for curve in self.curves]
        return {"type": self.type, "curves": stored, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Calibration:
        """What `to_json` gave."""
        found = tuple(Curve(one["method"], np.array(one["values"], np.float64)) for one in content["curves"])
        return cls(content["type"], found, tuple(content["notes"]))


def _bounded(problem: Problem, target: NDArray[Any]) -> NDArray[Any]:
    """A regression target without absurd values, as in training: one of them would tilt the line."""
    bounds = target_bounds(target.astype(np.float64)) if problem.type == "regression" else None
    return target if bounds is None else np.clip(target, *bounds)


def _forms(problem: Problem, target: NDArray[Any]) -> list[Fitter]:
    """Candidates, the simplest first."""
    if problem.type == "regression":
        return [curves.fit_line]
    if problem.type == "multi-class":
        return [curves.fit_temperature, curves.fit_biases]
    side = min(int(target.sum()), int(len(target) - target.sum()))
    if side < LEAST_SIDE:
        return []
    forms: list[Fitter] = [curves.fit_shift, curves.fit_platt, curves.fit_beta]
    return [*forms, curves.fit_isotonic] if side >= ISOTONIC_SIDE else forms


def _chosen(
    problem: Problem, raw: Floats, target: NDArray[Any], w: Floats, folds: NDArray[np.int64]
) -> tuple[Curve, tuple[str, ...]]:
    """The best curve, fitted on all rows."""
    forms = _forms(problem, target)
    if not forms:
        return IDENTITY, (f"not calibrated: fewer than {LEAST_SIDE} rows on one side",)
    held, best = losses(problem, raw, target), IDENTITY
    for form in forms:
        whole, out = form(raw, target, w), _out_of_block(form, raw, target, w, folds)
        if whole is None or out is None:
            continue
        tried = losses(problem, out, target)
        if _gains(held, tried, w, folds):
            held, best = tried, whole
    return best, ()


def _out_of_block(
    form: Fitter, raw: Floats, target: NDArray[Any], w: Floats, folds: NDArray[np.int64]
) -> Floats | None:
    """Predictions for each block by the form fitted on the others; None where it cannot be fitted on some."""
    out = np.empty_like(raw, np.float64)
    present = np.unique(folds)
    if len(present) < 2:
        return None
    for fold in present.tolist():
        inside = folds == fold
        curve = form(raw[~inside], target[~inside], w[~inside])
        if curve is None:
            return None
        out[inside] = curve.apply(raw[inside])
    return out


def _gains(held: Floats, tried: Floats, w: Floats, folds: NDArray[np.int64]) -> bool:
    """Whether the mean loss falls, by enough and by more than 1.645 standard errors over blocks."""
    count = int(folds.max()) + 1
    mass = np.bincount(folds, weights=w, minlength=count)
    gain = np.bincount(folds, weights=w * (held - tried), minlength=count)[mass > 0] / mass[mass > 0]
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    mean = float(np.average(gain, weights=mass[mass > 0]))
    return bool(mean > SURE_ERRORS * error and mean > LEAST_GAIN * abs(float(np.average(held, weights=w))))
