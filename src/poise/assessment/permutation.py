"""Label permutation: how often a shuffled truth is tied as closely to the columns as the real one.

What is measured is cheap enough for hundreds of shuffles: the closest tie of one column in ranges or levels, and how
much all columns together say in a straight line. What matters only in combination is not seen here (but by the models).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from poise.assessment.case import SEED, Case
from poise.assessment.folds import shuffles
from poise.evaluation.base import Floats
from poise.models.bins import edges_of
from poise.table import Column

SHUFFLES = 399
ROWS, CELLS = 5_000, 5_000_000
"""At most so many rows, evenly taken, and so many cells (rows x indicators of ranges and levels)."""
BINS, LEVELS = 6, 12
SHRINK = 0.1
"""How much the straight line is held back, as a fraction of the rows."""


def permuted(case: Case, seed: int = SEED) -> float:
    """The p-value of "the truth has nothing to do with the inputs", (0, 1]; 1 where no input is a number or category.

    Two statistics are looked at, so the smaller of both p-values counts twice.
    """
    names = [name for name, of in case.types.items() if of != "text"]
    if not names:
        return 1.0
    most = max(200, min(ROWS, CELLS // (len(names) * BINS)))
    rows = np.unique(np.linspace(0, case.rows - 1, min(case.rows, most)).astype(np.int64))
    columns = [_codes(case.table[name].take(rows)) for name in names]
    scaled = [_scaled(case.table[name].values[rows]) for name in names if case.types[name] == "number"]
    with threadpool_limits(1):  # many small products: threads would mostly wait for each other
        return max(
            _p_value(_truths(case, rows), drawn, columns, scaled) for drawn in shuffles(case, rows, SHUFFLES, seed)
        )


def _p_value(
    truths: list[Floats], shuffled: NDArray[np.int64], columns: list[NDArray[np.int64]], scaled: list[Floats]
) -> float:
    """Of the real order among the shuffled ones, (shuffles, n)."""
    orders = np.concatenate([np.arange(shuffled.shape[1])[None], shuffled])
    one, all_ = np.zeros(len(orders)), np.zeros(len(orders))
    for truth in truths:
        drawn = np.ascontiguousarray(truth[orders].T)
        one = np.maximum(one, np.max([_tied(codes, drawn) for codes in columns], axis=0))
        if scaled:
            all_ += _in_line(np.stack(scaled, axis=1), drawn)
    return min(1.0, 2 * min(_share(one), _share(all_)))


def _share(statistic: Floats) -> float:
    """How many of all are as large as the first, which is the real one."""
    return float(np.mean(statistic >= statistic[0] - 1e-9 * abs(statistic[0])))


def _truths(case: Case, rows: NDArray[np.int64]) -> list[Floats]:
    """The target, of classes one column each, with mean 0 and spread 1; numbers by rank, so that none outweighs all."""
    target = case.target[rows]
    if case.problem == "regression":
        found = [np.argsort(np.argsort(target, kind="stable"), kind="stable").astype(np.float64)]
    elif case.problem == "binary":
        found = [target.astype(np.float64)]
    else:
        found = [(target == code).astype(np.float64) for code in range(len(case.classes))]
    return [(one - one.mean()) / one.std() for one in found if one.std() > 0]


def _codes(column: Column) -> NDArray[np.int64]:
    """The range or level of each row, from 0; missing ones are one of them."""
    if column.kind == "string":
        counts = np.bincount(column.values[column.values >= 0], minlength=1)
        rank = np.empty(len(counts), np.int64)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        return np.where(column.values >= 0, np.minimum(rank[column.values], LEVELS), LEVELS + 1)
    found = np.searchsorted(edges_of(column.values, BINS), column.values, side="right")
    return np.where(np.isnan(column.values), BINS + 1, found)


def _tied(codes: NDArray[np.int64], drawn: Floats) -> Floats:
    """For each truth in `drawn` (n, shuffles) how far its means by code differ, in units of what chance gives."""
    levels, codes = np.unique(codes, return_inverse=True)
    if len(levels) < 2:
        return np.zeros(drawn.shape[1])
    member = np.zeros((len(levels), len(codes)))
    member[codes, np.arange(len(codes))] = 1.0
    between = ((member @ drawn) ** 2 / member.sum(axis=1)[:, None]).sum(axis=0)
    free = len(levels) - 1
    return np.asarray((between - free) / np.sqrt(2 * free))


def _scaled(values: Floats) -> Floats:
    there = np.isfinite(values)
    ranks = np.argsort(np.argsort(np.where(there, values, -np.inf), kind="stable"), kind="stable").astype(np.float64)
    ranks = np.where(there, ranks, ranks[there].mean() if there.any() else 0.0)
    spread = ranks.std()
    return np.asarray((ranks - ranks.mean()) / (spread if spread > 0 else 1.0))


def _in_line(x: Floats, drawn: Floats) -> Floats:
    """How much of each truth a shrunken straight line over all columns explains."""
    left, size, _ = np.linalg.svd(x[:, :500] if x.shape[1] > 500 else x, full_matrices=False)
    weight = size**2 / (size**2 + SHRINK * len(x))
    return np.asarray((weight[:, None] * (left.T @ drawn) ** 2).sum(axis=0))
