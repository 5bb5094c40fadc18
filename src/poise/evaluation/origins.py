"""Origins: learning rows split again, to compare rungs before anything is judged.

In time a rolling origin (train on what was known, predict what came next), else folds of whole entities. *Judge* is
never touched.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotEnoughData
from poise.evaluation.draw import draw
from poise.evaluation.parts import Index, Split, in_time

MANY_ROWS = 20_000
"""Above this, two origins tell enough and more would cost training time."""
FIRST_SHARE = 0.5
"""The part of the learning rows before the first origin (with two origins 0.6: later origins train on more)."""
FOLDS = 5
LEAST_TRAIN, LEAST_VALID = 20, 5


def origins(made: Split, count: int | None = None) -> list[tuple[Index, Index]]:
    """Pairs of (train, valid) row numbers over *fit*, *tune* and *calibrate*; no valid row occurs twice.

    In time: equal windows of rows after the first half (of two origins: after 60 %), each predicted from the rows
    before it whose label was known before it began. Without time: each valid part is one of five folds of entities.
    `count`: how many; default 5 up to 20,000 rows, else 2. Origins without enough rows to train on are left out.
    Raises `NotEnoughData` where none is left.
    """
    pool = made.learning
    wanted = count or (FOLDS if len(pool) <= MANY_ROWS else 2)
    found = _rolling(made, pool, wanted) if made.kind == "time" else _folds(made, pool, wanted)
    found = [(train, valid) for train, valid in found if len(train) >= LEAST_TRAIN and len(valid) >= LEAST_VALID]
    if not found:
        raise NotEnoughData(
            f"{len(pool):,} rows are too few to compare rungs: an origin needs {LEAST_TRAIN} rows to train on whose"
            f" label was known before {LEAST_VALID} later ones"
        )
    return found


def fit_and_tune(made: Split, train: Index, share: float = 0.2) -> tuple[Index, Index]:
    """The rows of one origin's `train` as (fit, tune): the last `share` in time (else of entities) is for tuning.

    A row stays in fit only if its label was known before the first row of tune. Where that would cost more than half of
    the rows (labels take about as long as `train` lasts) all stay: every label of `train` was known before the rows
    that the rungs are compared on, so that only the choice of rounds is less careful.
    """
    if made.kind == "time":
        order = train[np.argsort(made.time[train], kind="stable")]
        (fit, tune), border = in_time(order, made.time, made.known_at, np.array([1 - share, share]))
        if border <= len(order) / 2 and len(fit) and len(tune):
            return fit, tune
        starts = _start(made.time[order], 1 - share)
        return order[:starts], order[starts:]
    part = draw(made.groups[train], made.strata[train], np.array([1 - share, share]), made.seed + 1)
    return train[part == 0], train[part == 1]


def _rolling(made: Split, pool: Index, count: int) -> list[tuple[Index, Index]]:
    order = pool[np.argsort(made.time[pool], kind="stable")]
    t = made.time[order]
    first = FIRST_SHARE if count > 2 else 0.6
    cuts = [_start(t, share) for share in np.linspace(first, 1, count + 1)[:-1]] + [len(t)]
    found = []
    for start, stop in pairwise(cuts):
        if stop > start:
            before = order[:start]
            found.append((before[made.known_at[before] < t[start]], order[start:stop]))
    return found


def _folds(made: Split, pool: Index, count: int) -> list[tuple[Index, Index]]:
    folds = max(FOLDS, count)
    part = draw(made.groups[pool], made.strata[pool], np.full(folds, 1 / folds), made.seed + 2)
    return [(pool[part != fold], pool[part == fold]) for fold in range(count)]


def _start(t: NDArray[np.int64], share: float) -> int:
    """The first of the rows that share an instant with the row at `share` of all."""
    return int(np.searchsorted(t, t[min(round(share * len(t)), len(t) - 1)], side="left"))
