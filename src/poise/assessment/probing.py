"""Probes: small, quick models that questions use beside the ladder, and what one column alone says of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case, Index
from poise.assessment.screening import screened
from poise.evaluation.base import Floats
from poise.evaluation.bootstrap import BlockSums, Resampled
from poise.models.booster import lightgbm
from poise.table import Column

BINS = 32
MOST_LEVELS = 200
FOLDS = 5
SMOOTHING = 2.0
"""What a bin says is drawn towards the mean of all rows as if by so many more rows."""
ROUNDS, LEAVES, RATE, LEAST_LEAF, WIDE = 60, 15, 0.1, 20, 100
SURE = 1e-6
TOGETHER_ROWS = 8_000


def evenly(rows: NDArray[Any], most: int) -> NDArray[Any]:
    """At most so many of the rows, taken evenly."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def columns_of(case: Case, rows: Index, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The inputs that a probe sees: all but texts and those in `without`, of very many only those that say much."""
    names = screened(case, rows) or tuple(case.types)
    return tuple(name for name in names if case.types[name] != "text" and name not in without)


def matrix(case: Case, names: tuple[str, ...], rows: Index) -> Floats:
    """The inputs as numbers, (n, columns); categories by how frequent they are, missing as NaN."""
    found = [_numbers(case.table[name].take(rows)) for name in names]
    return np.stack(found, axis=1) if found else np.zeros((len(rows), 0))


def _numbers(column: Column) -> Floats:
    if column.kind != "string":
        return np.where(column.missing(), np.nan, column.values.astype(np.float64))
    codes = column.values
    counts = np.bincount(codes[codes >= 0], minlength=1)
    place = np.empty(len(counts))
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.where(codes >= 0, place[np.maximum(codes, 0)], np.nan)


def held_out(kind: str, X: Floats, y: Floats, folds: NDArray[np.int64], width: int = 1, seed: int = 0) -> Floats:
    """What boosted trees predict of each row, learned from the other folds: (n,) values or chances, or (n, width)."""
    out = np.zeros(len(y)) if width == 1 else np.zeros((len(y), width))
    for fold in np.unique(folds):
        held = folds == fold
        out[held] = probe(kind, X[~held], y[~held], X[held], width, seed)
    return out


def probe(kind: str, X: Floats, y: Floats, later: Floats, width: int = 1, seed: int = 0) -> Floats:
    """Boosted trees learned from X, y that predict `later`; where there is nothing to learn from, the mean."""
    if kind == "multi-class":
        mean = np.bincount(y.astype(np.int64), minlength=width) / max(len(y), 1)
    else:
        mean = np.asarray(y.mean())
    if not X.shape[1] or len(np.unique(y)) < 2:
        return np.broadcast_to(mean, (len(later), *mean.shape)).copy()
    objective = {"regression": "regression", "binary": "binary", "multi-class": "multiclass"}[kind]
    settings = {
        "objective": objective, "num_leaves": LEAVES, "learning_rate": RATE, "seed": seed, "num_threads": 1,
        "min_data_in_leaf": min(LEAST_LEAF, max(2, len(y) // 20)), "verbosity": -1, "deterministic": True,
        "force_row_wise": True, "feature_fraction": 1.0 if X.shape[1] < WIDE else 0.3,
        **({"num_class": width} if kind == "multi-class" else {}),
    }  # fmt: skip
    rounds = max(20, ROUNDS // max(1, width // 3))
    trees = lightgbm.train(settings, lightgbm.Dataset(X, y, free_raw_data=True), rounds)
    return np.asarray(trees.predict(later, num_threads=1), np.float64)


def truth_of(case: Case, rows: Index) -> Floats:
    """The target for probing, (n, k): 0 and 1, one column per class, or of a regression its rank from 0 to 1."""
    target = case.target[rows]
    if case.problem == "multi-class":
        return np.eye(len(case.classes))[target.astype(np.int64)]
    if case.problem == "regression":
        return ranks(target.astype(np.float64))[:, None]
    return target.astype(np.float64)[:, None]


def ranks(values: Floats) -> Floats:
    """Ranks from 0 to 1, ties sharing the middle; missing stays missing."""
    out = np.full(len(values), np.nan)
    there = np.isfinite(values)
    levels, codes, counts = np.unique(values[there], return_inverse=True, return_counts=True)
    if len(levels):
        middle = np.cumsum(counts) - (counts - 1) / 2 - 0.5
        out[there] = middle[codes] / there.sum()
    return out


def loss_of(problem: str, truth: Floats, predicted: Floats) -> Floats:
    """The loss of each row, (n,): squared error of ranks, else log loss. Both arguments (n, k)."""
    if problem == "regression":
        return np.asarray((truth - predicted)[:, 0] ** 2)
    sure = np.clip(predicted, SURE, 1 - SURE)
    if problem == "binary":
        return np.asarray(-np.log(np.where(truth > 0, sure, 1 - sure))[:, 0])
    return np.asarray(-(truth * np.log(sure)).sum(axis=1))


def binned(column: Column) -> NDArray[np.int64]:
    """A code per row, (n,): its level, its value where there are few, or its bin of about equal numbers; 0 missing."""
    if column.kind == "string":
        codes = column.values.astype(np.int64)
        counts = np.bincount(codes[codes >= 0], minlength=1)
        kept = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
        place = np.full(len(counts), MOST_LEVELS + 1, np.int64)
        place[kept] = np.arange(1, len(kept) + 1)
        return np.where(codes >= 0, place[np.maximum(codes, 0)], 0)
    values = column.values.astype(np.float64)
    there = np.isfinite(values)
    distinct = np.unique(values[there])
    edges = distinct[1:] if len(distinct) <= BINS else np.unique(np.quantile(values[there], np.arange(1, BINS) / BINS))
    return np.where(there, np.searchsorted(edges, np.where(there, values, 0.0), side="right") + 1, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """What one column alone says: the losses of rows with and without it, (n,)."""

    name: str
    without: Floats
    loss: Floats

    @property
    def skill(self) -> float:
        """The share of what is uncertain that it explains."""
        base = float(self.without.mean())
        return 1 - float(self.loss.mean()) / base if base > 0 else 0.0

    def spread(self, codes: NDArray[np.int64], count: int) -> Resampled:
        """The same as a distribution over draws of blocks."""
        saved = np.bincount(codes, self.without - self.loss, count)
        return Resampled(BlockSums(np.asarray(saved, np.float64), np.asarray(np.bincount(codes, self.without, count))))


def alone(case: Case, name: str, rows: Index, truth: Floats, folds: NDArray[np.int64]) -> Alone:
    """What an input alone says about the target, each row judged by the other folds."""
    codes = binned(case.table[name].take(rows))
    return Alone(name, *(loss_of(case.problem, truth, by_bin(c, truth, folds)) for c in (codes * 0, codes)))


def by_bin(codes: NDArray[np.int64], truth: Floats, folds: NDArray[np.int64]) -> Floats:
    """The mean truth of each row's bin in the other folds, (n, k)."""
    width, parts = int(codes.max(initial=0)) + 1, int(folds.max(initial=0)) + 1
    cells = folds * width + codes
    size = width * parts
    sums = np.stack([np.bincount(cells, column, size) for column in truth.T], axis=1).reshape(parts, width, -1)
    mass = np.bincount(cells, minlength=size).reshape(parts, width, 1).astype(np.float64)
    sums, mass = sums.sum(axis=0) - sums, mass.sum(axis=0) - mass
    mean = (sums.sum(axis=1, keepdims=True) + 1e-9) / (mass.sum(axis=1, keepdims=True) + 1e-9)
    table = (sums + SMOOTHING * mean) / (mass + SMOOTHING)
    return np.asarray(table[folds, codes])


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """What inputs say together: the losses of rows with and without them, (n,), and the rows, numbers of the case."""

    rows: Index
    without: Floats
    loss: Floats

    @property
    def skill(self) -> float:
        """The share of what is uncertain that they explain."""
        return 1 - float(self.loss.mean()) / max(float(self.without.mean()), 1e-12)


def together(case: Case, without: tuple[str, ...] = ()) -> Together:
    """What all inputs but these (and texts) say together, each of some rows judged by trees learned from others."""
    rows = evenly(np.arange(case.rows), TOGETHER_ROWS)
    truth, folds = truth_of(case, rows), random_folds(case, rows, 3)
    X = matrix(case, columns_of(case, rows, without), rows)
    many = case.problem == "multi-class"
    y = truth.argmax(axis=1) if many else truth[:, 0]
    made = held_out(case.problem, X, y, folds, len(case.classes) if many else 1)
    base = loss_of(case.problem, truth, np.tile(truth.mean(axis=0), (len(rows), 1)))
    return Together(rows, base, loss_of(case.problem, truth, made if many else made[:, None]))


def explained(case: Case, without: tuple[str, ...]) -> float:
    """The share of what is uncertain that the inputs explain together, but for these."""
    return together(case, without).skill


def random_folds(case: Case, rows: Index, count: int = FOLDS, seed: int = 0) -> NDArray[np.int64]:
    """A fold for each row, (n,), at random; rows that belong together share theirs."""
    rng = np.random.default_rng(seed)
    together = case.together
    if together is None:
        return rng.permutation(np.arange(len(rows)) % count)
    levels, codes = np.unique(together[rows], return_inverse=True)
    return np.asarray(rng.permutation(np.arange(len(levels)) % count)[codes])
