"""The learning curve: what the best rung explains after learning from fewer and fewer of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from poise.assessment.case import Case, Index
from poise.assessment.folds import MANY_ROWS, SOME_ROWS, Fold
from poise.assessment.trials import Trials
from poise.errors import NotEnoughData
from poise.evaluation.base import Floats
from poise.evaluation.bootstrap import BlockSums, Resampled
from poise.models.base import Model
from poise.models.losses import losses

SIZES = 5
SMALLEST, LEAST_ROWS = 1 / 16, 40
"""The sizes lie evenly, as ratios, between this share of the rows (at least so many) and all of them."""
DRAWS, SOME_DRAWS, FEW_DRAWS = 5, 3, 2
"""How often each size is drawn: of up to 5,000 rows, of up to 20,000, and of more."""
MOST_TWICE = 0.3
"""Of more than 20,000 rows, larger shares than this are drawn once: they cost most, and differ least."""
LEAST_SIZES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The loss by rows learned from, as a share of what the constant loses on the same judged rows.

    rows, loss, error: (k,) ascending; `error` is how sure each loss is beside `level_error`, which all sizes share
    (other judged rows would shift them together); luck: how much one draw of all rows differs from another.
    """

    rung: str
    rows: Floats
    loss: Floats
    error: Floats
    level_error: float
    luck: float

    def to_list(self) -> list[dict[str, float]]:
        """For JSON."""
        return [{"rows": float(n), "skill": 1 - float(loss), "error": float(error)}
                for n, loss, error in zip(self.rows, self.loss, self.error, strict=True)]  # fmt: skip


def learning_curve(case: Case, trials: Trials) -> Curve:
    """Learn the best rung from parts of the rows, each several times. Raises `NotEnoughData` below three sizes.

    Without time the parts are of whole keys, drawn at random, and each draw is judged in another fold. In time they are
    spread evenly over the history, and judged on the last rows: what is asked is what more rows per day would bring.
    """
    rung = trials.best
    places = _places(case, trials)
    smallest = min(len(fold.train) for _, fold in places)
    sizes = _sizes(smallest)
    base = trials.losses(trials.prediction("constant"))
    whole = losses(trials.problem, trials.raw(rung), trials.target)
    judged = _positions(trials)
    settled: dict[int, Model] = {}
    if case.rows > SOME_ROWS:
        settled = dict.fromkeys(sizes, trials.model(rung))
    table = np.full((len(places), len(sizes) + 1), np.nan)
    totals = [float(base[judged[number]].sum()) for number, _ in places]
    table[:, -1] = [whole[judged[number]].sum() / total for (number, _), total in zip(places, totals, strict=True)]
    orders = [_order(case, fold.train, trials.seed + draw) for draw, (_, fold) in enumerate(places)]

    def learned(one: tuple[int, int]) -> tuple[Model, float] | None:
        """The model of one draw and size, and its loss."""
        draw, k = one
        number, fold = places[draw]
        trials.progress(f"learning from {sizes[k]:,} of {smallest:,} rows")
        try:
            model = trials.learn(rung, np.sort(orders[draw][: sizes[k]]), settled.get(sizes[k]))
        except NotEnoughData:
            return None
        predicted = model.predict(case.table.take(fold.judge))
        return model, float(losses(trials.problem, predicted, trials.target[judged[number]]).sum()) / totals[draw]

    first = [(0, k) for k in range(len(sizes))]
    more = [(draw, k) for draw in range(1, len(places)) for k, size in enumerate(sizes)
            if case.rows <= MANY_ROWS or size <= MOST_TWICE * smallest]  # fmt: skip
    for round_ in (first, more):  # the first draw settles what the others take over
        for (draw, k), made in zip(round_, trials.each(learned, round_), strict=True):
            if made is not None:
                settled.setdefault(sizes[k], made[0])
                table[draw, k] = made[1]
    rows = np.array([*sizes, smallest], np.float64)
    return _curve(rung, rows, table, float(whole.sum() / base.sum()), _level_error(trials, whole, base))


def _places(case: Case, trials: Trials) -> list[tuple[int, Fold]]:
    """Where each draw is judged: fold number and fold."""
    folds = list(enumerate(trials.folds))
    count = DRAWS if case.rows <= SOME_ROWS else SOME_DRAWS if case.rows <= MANY_ROWS else FEW_DRAWS
    if case.timed:
        return [folds[-1]] * count
    return [folds[i % len(folds)] for i in range(count)]


def _sizes(rows: int) -> list[int]:
    least = max(LEAST_ROWS, round(SMALLEST * rows))
    if least > 0.7 * rows:
        raise NotEnoughData(f"{rows:,} rows to learn from are too few for a learning curve")
    made = np.geomspace(least, rows, SIZES).round().astype(int)[:-1]
    return sorted(set(made.tolist()))


def _order(case: Case, train: Index, seed: int) -> Index:
    """The rows in an order whose beginnings are smaller samples like the whole: whole keys, at random."""
    rng = np.random.default_rng(seed)
    together = case.together
    if together is None:
        return rng.permutation(train)
    keys, codes = np.unique(together[train], return_inverse=True)
    return train[np.argsort(rng.permutation(len(keys))[codes], kind="stable")]


def _positions(trials: Trials) -> list[Index]:
    """Where the judged rows of each fold stand among all judged rows."""
    ends = np.cumsum([0, *(len(fold.judge) for fold in trials.folds)])
    return [np.arange(a, b) for a, b in pairwise(ends.tolist())]


def _level_error(trials: Trials, whole: Floats, base: Floats) -> float:
    codes, count = trials.blocks.codes, trials.blocks.count
    sums = [np.asarray(np.bincount(codes, one, count), np.float64) for one in (whole, base)]
    return Resampled(BlockSums(sums[0], sums[1]), replicates=199).error


def _curve(rung: str, rows: Floats, table: Floats, whole: float, level: float) -> Curve:
    """The mean step from each size to all rows, below the loss of all judged rows.

    Luck is estimated over all sizes at once, and falls with the root of the rows.
    """
    drawn = np.isfinite(table).sum(axis=0)
    has = drawn >= np.minimum(len(table), 2)
    if rows[-1] > MANY_ROWS // 2:
        has |= drawn > 0
    if has.sum() < LEAST_SIZES:
        raise NotEnoughData("too few sizes could be learned from for a learning curve")
    rows, table, drawn = rows[has], table[:, has], drawn[has]
    steps = table[:, :-1] - table[:, -1:]
    often = drawn[:-1] > 1
    scaled = np.nanvar(steps[:, often], axis=0, ddof=1) * rows[:-1][often] / rows[-1]
    luck = float(np.sqrt(np.mean(scaled))) if often.any() else level
    error = luck / np.sqrt(drawn) * np.sqrt(rows[-1] / rows)
    return Curve(rung, rows, whole + np.append(np.nanmean(steps, axis=0), 0.0), error, level, luck)


def to_dict(curve: Curve) -> dict[str, Any]:
    """For JSON."""
    return {"rung": curve.rung, "points": curve.to_list(), "level_error": curve.level_error, "luck": curve.luck}
