"""How well the other columns of a row tell its price: where prices were drawn at random, they do not."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from poise.releases.examples import SEED, ObjectiveData
from poise.table import MISSING_TIME

Floats = NDArray[np.float64]
MOST_ROWS = 20_000
MOST_LEVELS = 50
"""Categories of more values are told by their commonest."""
ROUNDS = 60
"""Trees of the model that tells prices."""


def told_by_others(data: ObjectiveData, column: str, follow: Collection[str]) -> float | None:
    """The share of how the price varies that trees over the other features and the time tell (R2, from 0 on).

    They are learned from one half of the rows, drawn at random, and measured on the other: a price that is the same for
    all who came to a store in a week is told well, however it changes from week to week. A share near 0 does not prove
    that prices were random, since what moved them may stand in no column. None where prices never vary. follow:
    features that are made of the price.
    """
    price = np.asarray(data.requests.rows[column].values, np.float64)
    rows = np.concatenate([data.split.learning, data.split.judge])
    rows = rows[np.isfinite(price[rows])][-MOST_ROWS:]
    if len(rows) < 4 or np.ptp(price[rows]) == 0:
        return None
    design = _design(data, rows, follow)
    if not design.shape[1]:
        return 0.0
    order = np.random.default_rng(SEED).permutation(len(rows))
    fit, rest = order[::2], order[1::2]
    model = HistGradientBoostingRegressor(max_iter=ROUNDS, random_state=SEED, early_stopping=False)
    own = price[rows]
    error = own[rest] - model.fit(design[fit], own[fit]).predict(design[rest])
    spread = own[rest].var()
    return float(max(0.0, 1 - (error**2).mean() / spread)) if spread > 0 else None


def _design(data: ObjectiveData, rows: NDArray[np.int64], follow: Collection[str]) -> Floats:
    """Numbers as they are, categories as 0 and 1, and T; without what is made of the price."""
    made: list[Floats] = []
    if (data.requests.time[rows] != MISSING_TIME).all():
        made.append(data.requests.time[rows].astype(np.float64))
    for output in data.outputs:
        values = np.asarray(data.columns[output.name].values)[rows]
        if output.name in follow:
            continue
        if output.type == "number":
            made.append(np.asarray(values, np.float64))
        elif output.type == "category":
            levels, counts = np.unique(values, return_counts=True)
            made += [(values == level).astype(np.float64) for level in levels[np.argsort(-counts)][:MOST_LEVELS]]
    return np.column_stack(made) if made else np.empty((len(rows), 0))
