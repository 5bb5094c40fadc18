"""Folds: which rows are judged by what was learned from which others. In time what is judged always comes later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import SEED, Case, Index
from poise.errors import NotEnoughData
from poise.evaluation.origins import fit_and_tune, origins
from poise.evaluation.parts import Split, in_time
from poise.models.guards import class_counts

FEW_ROWS, SOME_ROWS, MANY_ROWS = 500, 5_000, 20_000
"""Up to so many rows 10, 5 and 3 folds are judged; of more rows one part, which tells enough and learns once."""
MOST_CELLS, MOST_LEARNED, LEAST_LEARNED, MOST_TEXTS = 2_000_000, 60_000, 10_000, 20_000
"""Of more cells (rows x inputs x half the classes) to learn from, or more rows, an even sample of the rows is."""
LATER = 0.3
"""In time and with many rows, this share of the rows is judged, the last; without time a fifth."""
FEW_DROPPED = 1 / 3
"""In time, earlier rows whose key is judged later are left out where they are not more than this share of them …"""
SIDES = 2
"""… else most keys live on, and half of the keys are learned from and the other half judged."""
MANY_KEYS = 10
"""Of fewer keys there are too few orders to tell anything by them."""
MANY_CLASSED, LEAST_COMPARED = 50_000, 4_000
"""Of tables of more rows, comparisons that learn several times learn from the fewer rows, the more classes there are,
but from no fewer than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Row numbers: learned from `train`, which is `fit` and `tune` (where settings are chosen), judged on `judge`."""

    fit: Index
    tune: Index
    judge: Index

    @property
    def train(self) -> Index:
        """All rows that are learned from."""
        return np.concatenate([self.fit, self.tune])

    def thinned(self, rows: int) -> Fold:
        """The same fold with about so many rows to learn from, taken evenly."""
        step = max(1, -(-len(self.train) // rows))
        return Fold(self.fit[::step], self.tune[::step], self.judge)


def folds_of_case(
    case: Case, rows: Index | None = None, count: int | None = None, seed: int = SEED
) -> tuple[Fold, ...]:
    """The folds of a case, or of some `rows` of it; no row is judged twice.

    In time: windows after the first half, each predicted from the rows before it; of keys that live on, half are judged
    and the others learned from. Without time each row is judged once (with more than 20,000 rows a fifth of them). No
    rows that belong together are on both sides.
    Raises `NotEnoughData` where there are too few rows.
    """
    made = split_of(case, np.arange(case.rows) if rows is None else rows, seed)
    wanted = count or _count(len(made.fit))
    if made.kind == "time" and wanted == 1:
        order = made.fit[np.argsort(made.time[made.fit], kind="stable")]
        (train, judge), _ = in_time(order, made.time, made.known_at, np.array([1 - LATER, LATER]))
        pairs = [(train, judge)]
    else:
        pairs = origins(made, wanted)
    if case.timed:
        pairs = [apart(case, train, judge, seed) for train, judge in pairs]
    most = most_rows(case)
    folds = [fold_on(case, train, judge, seed) for train, judge in pairs if len(train) and len(judge)]
    if not folds:
        raise NotEnoughData(f"{case.rows:,} rows of one '{case.key_name}' cannot be judged by rows of another")
    return tuple(fold.thinned(most) if len(fold.train) > most else fold for fold in folds)


def most_rows(case: Case) -> int:
    """How many rows are learned from at most: fewer of many columns or classes, so that it takes under a minute."""
    width = max(1, len(case.classes) // 2) if case.problem == "multi-class" else 1
    fitting = MOST_CELLS // (max(len(case.types), 1) * width)
    most = MOST_TEXTS if "text" in case.types.values() else MOST_LEARNED
    return max(LEAST_LEARNED, min(most, fitting))


def most_compared(case: Case, most: int) -> int:
    """How many rows comparisons learn from that learn several times: of large tables the fewer, the more classes."""
    if case.problem != "multi-class" or case.rows <= MANY_CLASSED:
        return most
    return max(LEAST_COMPARED, most * 2 // len(case.classes))


def apart(case: Case, earlier: Index, later: Index, seed: int = SEED) -> tuple[Index, Index]:
    """The rows of both that are kept so that nothing which belongs together is among both."""
    together = case.together
    if together is None:
        return earlier, later
    both = np.isin(together[earlier], together[later])
    if both.mean() <= FEW_DROPPED:
        return earlier[~both], later
    learned = sides(case, seed) == 0
    return earlier[learned[earlier]], later[~learned[later]]


def sides(case: Case, seed: int = SEED) -> NDArray[np.int64]:
    """A side for each row of the case, (n,), 0 or 1, the same for rows that belong together, at random."""
    together = np.arange(case.rows) if case.together is None else case.together
    keys, codes = np.unique(together, return_inverse=True)
    return np.asarray(np.random.default_rng(seed).permutation(np.arange(len(keys)) % SIDES)[codes], np.int64)


def fold_on(case: Case, train: Index, judge: Index, seed: int = SEED) -> Fold:
    """A fold with given rows: those of `train` split into fit and tune as everywhere, by key where keys live on."""
    made = split_of(case, train, seed)
    fit, tune = fit_and_tune(made, train)
    if case.timed and case.together is not None and np.isin(case.together[tune], case.together[fit]).any():
        fit, tune = fit_and_tune(replace(made, kind="entity"), train)
    return Fold(fit, tune, judge)


def split_of(case: Case, rows: Index, seed: int = SEED) -> Split:
    """All `rows` as rows to learn from, for splitting them further."""
    none = np.zeros(0, np.int64)
    together = case.together
    groups = np.arange(case.rows, dtype=np.int64) if together is None else together
    strata = np.zeros(case.rows, np.int64)
    if together is None and class_counts(case.to_problem(), case.target[:0]):
        strata = case.target.astype(np.int64)
    kind: Literal["time", "entity"] = "time" if case.timed else "entity"
    known_at = case.time if case.known_at is None else case.known_at
    return Split(kind, rows, none, none, none, 0, 0, case.time, known_at, groups, strata, seed)


def _count(rows: int) -> int:
    for most, count in ((FEW_ROWS, 10), (SOME_ROWS, 5), (MANY_ROWS, 3)):
        if rows <= most:
            return count
    return 1


def shuffles(case: Case, rows: Index, count: int, seed: int = SEED) -> list[NDArray[np.int64]]:
    """Orders of `rows` under which the truth has nothing to do with the inputs any more, each (count, n), positions.

    Rows that stand alone change places freely; rows of one key keep together, and their keys change places; in time
    the whole course of the truth is moved by some time, so that what follows from its own past stays. Of rows of many
    keys in time there are both: neither keeps all that holds by itself, and what is no luck stands out from both.
    Raises `NotEnoughData` where there are too few keys or rows to do so.
    """
    rng = np.random.default_rng(seed)
    together = case.together
    if not case.timed:
        return [_freely(len(rows), count, rng) if together is None else _by_key(together[rows], count, rng)]
    made = [_moved(case.time[rows], count, rng)]
    if together is not None and len(np.unique(together[rows])) >= MANY_KEYS:
        made.append(_by_key(together[rows], count, rng))
    return made


def _freely(n: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.stack([rng.permutation(n) for _ in range(count)])


def _moved(time: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    n = len(time)
    if n < 20:
        raise NotEnoughData(f"{n} rows in time are too few to move their truth")
    order, least = np.argsort(time, kind="stable"), max(1, n // 20)
    out = np.empty((count, n), np.int64)
    for i, move in enumerate(rng.integers(least, n - least + 1, size=count).tolist()):
        out[i, order] = np.roll(order, move)
    return out


def _by_key(together: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    order = np.argsort(together, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(together[order]) != 0])
    runs = np.split(order, starts[1:])
    out = np.empty((count, len(together)), np.int64)
    for i in range(count):
        out[i, order] = np.concatenate([runs[j] for j in rng.permutation(len(runs))])
    return out
