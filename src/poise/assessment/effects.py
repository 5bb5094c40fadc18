"""Effects: whether what a column says about the target stays the same over time, in sign and in size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case, Index
from poise.assessment.probing import alone, binned, by_bin, columns_of, evenly, random_folds, ranks, truth_of
from poise.assessment.shifting import blocks_in_time
from poise.evaluation.base import Floats

ROWS = 60_000
BLOCKS, PARTS = 6, 5
"""Effects are compared between so many blocks of time, by how much they differ between the parts of a block."""
LEAST_PER_PART = 20
TOP = 8
PERMUTATIONS = 1_999
CHANCE = 0.01
"""Of any of the columns being said to change although none does."""
CHANGED = 0.1
"""A correlation that changes by less between blocks changes few decisions."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one column in each block of time: the correlation of what it says with the target, -1 to 1."""

    column: str
    blocks: tuple[float, ...]
    chance: float
    """How often blocks that are alike would differ as much, for the most different of all columns."""
    changed: bool
    turned: bool
    """Whether it changes its sign."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "column": self.column, "blocks": list(self.blocks), "chance": self.chance, "changed": self.changed,
            "turned": self.turned,
        }  # fmt: skip


def effects(case: Case, most_used: dict[str, float]) -> list[Effect]:
    """The effects of the columns that matter most: by what models use, and by what they say alone."""
    rows = evenly(np.argsort(case.time, kind="stable"), ROWS)
    parts = blocks_in_time(case.time[rows], BLOCKS * PARTS)
    if parts is None or np.bincount(parts).min() < LEAST_PER_PART:
        return []
    truth = truth_of(case, rows)
    if case.problem == "multi-class":  # the class that most rows have, against the rest
        truth = truth[:, [int(truth.sum(axis=0).argmax())]]
    names = _top(case, most_used, rows)
    found = [_by_part(case, name, rows, truth, parts) for name in names]
    rng = np.random.default_rng(0)
    orders = np.stack([np.arange(BLOCKS * PARTS), *(rng.permutation(BLOCKS * PARTS) for _ in range(PERMUTATIONS))])
    strengths = [_strength(np.arctanh(np.clip(each, -0.999, 0.999)), orders) for each in found]
    if not strengths:
        return []
    largest = np.max(strengths, axis=0)[1:]
    return [_effect(case, n, each, s, largest) for n, each, s in zip(names, found, strengths, strict=True)]


def _top(case: Case, most_used: dict[str, float], rows: Index) -> list[str]:
    some = evenly(rows, 5_000)
    truth, folds = truth_of(case, some), random_folds(case, some)
    names = columns_of(case, some)
    says = {name: alone(case, name, some, truth, folds).skill for name in names}
    used = sorted((n for n in names if most_used.get(n, 0) > 0.02), key=lambda n: -most_used[n])[: TOP // 2]
    rest = sorted((n for n in names if n not in used), key=lambda n: -says[n])
    return [*used, *rest][:TOP]


def _by_part(case: Case, name: str, rows: Index, truth: Floats, parts: NDArray[np.int64]) -> Floats:
    """The correlation with the target in each part, (parts,): of a number's rank, of a category's mean elsewhere."""
    column = case.table[name].take(rows)
    if column.kind == "string":
        x = by_bin(binned(column), truth, parts // PARTS)[:, 0]
    else:
        x = ranks(column.values.astype(np.float64))
    y = truth[:, 0]
    has = np.isfinite(x)
    return np.array([_correlation(x[here], y[here]) for p in range(BLOCKS * PARTS) for here in [has & (parts == p)]])


def _correlation(x: Floats, y: Floats) -> float:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _strength(values: Floats, orders: NDArray[np.int64]) -> Floats:
    """Variance between blocks over variance within them (F), for each order of the parts."""
    cut = values[orders].reshape(len(orders), BLOCKS, PARTS)
    between = PARTS * cut.mean(axis=2).var(axis=1, ddof=1)
    return np.asarray(between / np.maximum(cut.var(axis=2, ddof=1).mean(axis=1), 1e-12))


def _effect(case: Case, name: str, each: Floats, strength: Floats, largest: Floats) -> Effect:
    mean = each.reshape(BLOCKS, PARTS).mean(axis=1)
    chance = (1 + int((largest >= strength[0]).sum())) / (1 + len(largest))
    changed = chance <= CHANCE and float(np.ptp(mean)) >= CHANGED
    turned = changed and float(mean.min()) <= -CHANGED / 2 and float(mean.max()) >= CHANGED / 2
    return Effect(case.column_of(name), tuple(mean.tolist()), chance, changed, turned)
