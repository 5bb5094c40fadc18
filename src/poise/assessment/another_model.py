"""Another model: a column that is somebody's prediction of the target, which may have been learned from these rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from poise.assessment.base import Finding
from poise.assessment.case import Case
from poise.assessment.column_names import says_predicted
from poise.assessment.percent import percent
from poise.assessment.probing import evenly, together
from poise.evaluation.base import Floats

ROWS, BINS, LEAST_ROWS = 20_000, 10, 500
LEAST_VALUES = 50
"""A chance has many values; a share of few things has few."""
SAYS = 0.03
"""What says less of the target is no prediction of it that matters."""
MOST_OFF = 16.9
"""Calibrated: of ten bins the rates are as far from the values as chance has it in 95 of 100 cases (chi-square)."""
SPREAD = 0.05
"""… and the values of the bins lie so far apart, so that this is no coincidence."""
AS_MUCH = 0.8
"""By its name a column is a prediction where it says so much of what all say together."""


def another_model(case: Case, shares: Mapping[str, float]) -> list[Finding]:
    """Columns that are a prediction: chances that come true as often as they say, or by name and strength.

    shares: what the strongest inputs say alone.
    """
    found = []
    whole: float | None = None
    for name, share in shares.items():
        if share < SAYS or case.types.get(name) != "number" or case.problem == "multi-class":
            continue
        own = case.column_of(name)
        how = "its values are chances that come true as often as they say" if _calibrated(case, name) else ""
        if not how and says_predicted(own):
            whole = together(case).skill if whole is None else whole
            how = "its name says so" if share >= AS_MUCH * whole else ""
        if how:
            said = (
                f"'{own}' seems to be the prediction of another model ({how}), and alone explains {percent(share)} of"
                " what is uncertain: was that model learned from these rows, and does it answer before the question?"
            )
            found.append(Finding(said, "warn", (own,), late=True))
    return found


def _calibrated(case: Case, name: str) -> bool:
    """Whether a number is the chance of a yes, as far as the rows can tell."""
    if case.problem != "binary":
        return False
    rows = evenly(np.arange(case.rows), ROWS)
    values = np.asarray(case.table[name].values[rows], np.float64)
    there = np.isfinite(values)
    values, truth = values[there], case.target[rows][there].astype(np.float64)
    if len(values) < LEAST_ROWS or values.min() < 0 or values.max() > 1 or len(np.unique(values)) < LEAST_VALUES:
        return False
    return any(_comes_true(chance, truth) for chance in (values, 1 - values))


def _comes_true(chance: Floats, truth: NDArray[np.float64]) -> bool:
    order = np.argsort(chance, kind="stable")
    bins = np.array_split(order, BINS)
    means = np.array([chance[one].mean() for one in bins])
    expected = np.array([chance[one].sum() for one in bins])
    came = np.array([truth[one].sum() for one in bins])
    chances = np.array([(chance[one] * (1 - chance[one])).sum() for one in bins])
    if np.ptp(means) < SPREAD or (chances <= 0).any():
        return False
    return bool((((came - expected) ** 2) / chances).sum() <= MOST_OFF)
