"""How well the other columns of a row tell its price: where prices were drawn at random, they do not."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from poise.releases.examples import ObjectiveData

MOST_ROWS = 20_000
MOST_LEVELS = 50
"""Categories of more values are told by their commonest."""
PENALTY = 1.0


def told_by_others(data: ObjectiveData, column: str, per: str) -> float | None:
    """The share of how the price varies that a linear model of the other features tells on later rows (R2, from 0 on).

    It is learned from the rows that models were learned from, and measured on the judged ones. A linear model finds
    less than there is, so that a share near 0 does not prove that prices were random. None where prices never vary.
    """
    price = np.asarray(data.requests.rows[column].values, np.float64)
    fit, judge = data.split.learning[-MOST_ROWS:], data.split.judge[:MOST_ROWS]
    fit, judge = fit[np.isfinite(price[fit])], judge[np.isfinite(price[judge])]
    if not len(fit) or not len(judge) or np.ptp(price[fit]) == 0 or np.ptp(price[judge]) == 0:
        return None
    rows = np.concatenate([fit, judge])
    design = _design(data, rows, price[rows], column, per)
    if not design.shape[1]:
        return 0.0
    model = Ridge(PENALTY).fit(design[: len(fit)], price[fit])
    error = price[judge] - model.predict(design[len(fit) :])
    return float(max(0.0, 1 - (error**2).mean() / price[judge].var()))


def _design(
    data: ObjectiveData, rows: np.ndarray[tuple[int], np.dtype[np.int64]], price: np.ndarray, column: str, per: str
) -> np.ndarray:
    """Numbers standardised, categories as 0 and 1; without the price itself and what is computed of it."""
    made = []
    for output in data.outputs:
        if output.origin == f"{per}.{column}" or output.name == f"{per}_{column}":
            continue
        values = data.columns[output.name]
        if output.type == "number":
            numbers = np.asarray(values.values, np.float64)[rows]
            known = np.isfinite(numbers)
            spread = numbers[known].std() if known.any() else 0.0
            if spread > 0 and not _computed_of(numbers, price, known):
                made.append(np.where(known, (numbers - numbers[known].mean()) / spread, 0.0))
                made.append((~known).astype(np.float64))
        elif output.type == "category":
            codes = np.asarray(values.values)[rows]
            levels, counts = np.unique(codes, return_counts=True)
            made += [(codes == level).astype(np.float64) for level in levels[np.argsort(-counts)][:MOST_LEVELS]]
    return np.column_stack(made) if made else np.empty((len(rows), 0))


def _computed_of(numbers: np.ndarray, price: np.ndarray, known: np.ndarray) -> bool:
    """Whether it is the price in another unit."""
    return bool(known.sum() > 2 and abs(np.corrcoef(numbers[known], price[known])[0, 1]) > 1 - 1e-9)
