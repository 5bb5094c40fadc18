"""The rows that several objectives judge together: which they are, what came of them, and what slices cut them by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from poise.features.requests import ROW
from poise.releases.examples import ObjectiveData
from poise.releases.extras import own_column
from poise.releases.training import Learned
from poise.spec.system import SystemSpec
from poise.table import Column

Floats = NDArray[np.float64]


def slice_column(system: SystemSpec, data: ObjectiveData, by: str) -> Column:
    """The column `by` at every row of an objective: one of the row itself, or one looked up as of T."""
    own = own_column(system, data.spec.per, by)
    return data.requests.rows[own] if own is not None else data.columns[by]


def judged_together(learned: Mapping[str, Learned], used: list[str], base: ObjectiveData) -> NDArray[np.int64]:
    """Positions in `base` of the rows that every unconditional objective judges."""
    rows = base.split.judge
    places = base.requests.rows[ROW].values
    for name in used:
        other = learned[name].data
        if other is not base and other.spec.given is None:
            theirs = other.requests.rows[ROW].values[other.split.judge]
            rows = rows[np.isin(places[rows], theirs)]
    return rows


def with_parents(system: SystemSpec, names: list[str]) -> list[str]:
    """These objectives and those that they are given."""
    found = list(names)
    for name in found:
        parent = system.objectives[name].given
        if parent is not None and parent not in found:
            found.append(parent)
    return found


def labels_at(data: ObjectiveData, base: ObjectiveData, rows: NDArray[np.int64]) -> Floats:
    """The labels of one objective at rows of another's; NaN where it has none."""
    target = np.asarray(data.target, np.float64)
    if data is base:
        return target[rows]
    places = data.requests.rows[ROW].values
    order = np.argsort(places, kind="stable")
    wanted = base.requests.rows[ROW].values[rows]
    at = np.minimum(np.searchsorted(places[order], wanted), len(order) - 1)
    found = places[order][at] == wanted
    picked = target[order[at]]
    return np.where(found.reshape((-1,) + (1,) * (picked.ndim - 1)), picked, np.nan)
