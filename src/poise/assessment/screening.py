"""Screening: of very many columns only those that alone have most to do with the target are learned from.

It looks at rows that are learned from only. Chosen on all rows, a few of 5,000 columns of noise look like a signal.
"""

from __future__ import annotations

import numpy as np

from poise.assessment.case import Case, Index
from poise.evaluation.base import Floats

MANY, KEPT = 1_000, 300
SAMPLE = 5_000


def screened(case: Case, train: Index) -> tuple[str, ...] | None:
    """The inputs to learn from; None for all of them, where there are not more than 1,000.

    Numbers are ranked by their correlation with the target (or with the class it is highest for), missing ones by
    their mean. Categories and texts stay.
    """
    if len(case.types) <= MANY:
        return None
    rows = train if len(train) <= SAMPLE else train[np.linspace(0, len(train) - 1, SAMPLE).astype(np.int64)]
    numbers = [name for name, of in case.types.items() if of == "number"]
    truth = _truth(case, rows)
    ranks = {name: _correlation(case.table[name].values[rows], truth) for name in numbers}
    kept = set(sorted(numbers, key=lambda name: -ranks[name])[:KEPT])
    others = [name for name, of in case.types.items() if of != "number"][:KEPT]
    return tuple(name for name in case.types if name in kept or name in others)


def _truth(case: Case, rows: Index) -> Floats:
    """The target as standardised columns, (n, k)."""
    target = case.target[rows]
    if case.problem == "multi-class":
        target = np.eye(len(case.classes))[target.astype(np.int64)]
    out = target.reshape(len(rows), -1).astype(np.float64)
    if case.problem == "regression":  # by rank, so that one absurd target does not decide
        out = np.argsort(np.argsort(out, axis=0), axis=0).astype(np.float64)
    out = out - out.mean(axis=0)
    spread = np.sqrt((out**2).sum(axis=0))
    return np.asarray(out / np.where(spread > 0, spread, 1.0))


def _correlation(x: Floats, truth: Floats) -> float:
    there = np.isfinite(x)
    if not there.any():
        return 0.0
    x = np.where(there, x, 0.0)
    x = np.clip(x, *np.quantile(x[there], (0.001, 0.999)))
    x = np.where(there, x - x[there].mean(), 0.0)
    spread = float(np.sqrt((x**2).sum()))
    return float(np.abs(x @ truth).max()) / spread if spread > 0 else 0.0
