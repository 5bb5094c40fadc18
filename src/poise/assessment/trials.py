"""Trials: the expensive work that questions share, done once. Rungs learned on some rows and judged on others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from poise import registry
from poise.assessment.case import SEED, Case, Index
from poise.assessment.folds import MANY_ROWS, Fold, fold_on, folds_of_case
from poise.assessment.rules import BestRuleLearner, CurveLearner
from poise.assessment.screening import screened
from poise.errors import NotEnoughData
from poise.evaluation.base import Floats, Metric
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import BlockSums, Gain, Interval, Resampled, paired_gain
from poise.evaluation.spread import LEVEL
from poise.models.base import Examples, Learner, Model
from poise.models.calibration import Calibration
from poise.models.losses import losses

Progress = Callable[[str], None]
T = TypeVar("T")
Of = TypeVar("Of")
MANY_CELLS = 500_000
"""With fewer cells (rows x inputs) to learn from, one thread learns as fast as several, which mostly wait for each
other."""
SETTLE_ROWS = 10_000
"""Rows on which settings are chosen where there are many."""
OWN: dict[str, type[Learner]] = {"rule": BestRuleLearner, "curve": CurveLearner}
"""Rungs that are learned otherwise than for a release: the rule with few thresholds, and a curve over its column."""
SHARED = ("linear", "trees")
"""Rungs whose settings (a strength; one of two sets) one fold chooses for all, which saves most of the time. A rule's
setting is its column: chosen by rows that are judged later, one of a hundred columns of noise would look good."""
CALIBRATED_ROWS = 1_000
"""With fewer rows to calibrate on, chance bends predictions more than it mends them."""
RUNGS = ("constant", "rule", "linear", "trees")
METRIC = {"regression": "rmse", "binary": "log_loss", "multi-class": "log_loss"}


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One rung in one fold: the model (None where it could not be learned: the constant answers), what it predicts of
    the fold's judged rows and, learned without them, of its tune rows; and why it could not be learned."""

    model: Model
    judged: Floats
    tuned: Floats
    failed: str | None = None


class Trials:
    """What was learned from one case. Everything is seeded and computed when it is first asked for.

    Rows that were judged (`judge`) are all that its predictions, targets and blocks stand for, in that order.
    """

    def __init__(self, case: Case, threads: int = 1, progress: Progress = lambda _: None, seed: int = SEED) -> None:
        self.case, self.progress, self.seed = case, progress, seed
        self.threads = threads
        self.problem = case.to_problem(1, seed)
        self.metric: Metric = registry.get("metric", METRIC[case.problem])()
        """The proper score by which rungs are chosen and compared."""
        self._tried: dict[str, tuple[Tried, ...]] = {}
        self._calibrated: dict[str, Floats] = {}
        self._screened: dict[bytes, tuple[str, ...] | None] = {}
        self._once: dict[str, float] = {}

    # ---- rows

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The folds. Raises `NotEnoughData` where there are too few rows."""
        return folds_of_case(self.case, seed=self.seed)

    @cached_property
    def judge(self) -> Index:
        """Row numbers of the case that were judged, fold after fold, (n,)."""
        return np.concatenate([fold.judge for fold in self.folds])

    @cached_property
    def target(self) -> NDArray[Any]:
        """The truth of the judged rows, (n,)."""
        return self.case.target[self.judge]

    @cached_property
    def blocks(self) -> Blocks:
        """What intervals over the judged rows resample."""
        return self.case.blocks(self.judge)

    # ---- rungs

    @property
    def rungs(self) -> tuple[str, ...]:
        """The rungs from simple to complex: `constant`, `rule` (the best over one column), `linear`, `trees`.

        Beside them there is `curve`: the rule's column in a smooth form, which tells whether other columns matter.
        """
        return RUNGS

    def tried(self, rung: str) -> tuple[Tried, ...]:
        """One rung in every fold."""
        if rung not in self._tried:
            tried: list[Tried] = []
            for i, fold in enumerate(self.folds):
                settled = next((one.model for one in tried if one.failed is None and rung in SHARED), None)
                tried.append(self._try(rung, fold, i, settled))
            self._tried[rung] = tuple(tried)
        return self._tried[rung]

    def model(self, rung: str) -> Model:
        """The rung as it was learned for the last fold (in time: from the most rows)."""
        return self.tried(rung)[-1].model

    def failed(self, rung: str) -> str | None:
        """Why the rung could not be learned in any fold; None where it could."""
        reasons = [one.failed for one in self.tried(rung)]
        return reasons[-1] if all(reasons) else None

    def raw(self, rung: str) -> Floats:
        """What the rung predicts of the judged rows, (n,) or (n, k), not calibrated."""
        return np.concatenate([one.judged for one in self.tried(rung)])

    def prediction(self, rung: str) -> Floats:
        """What the rung predicts of the judged rows, calibrated on rows that are not these."""
        if rung not in self._calibrated:
            parts = [self._calibration(rung, i).apply(one.judged) for i, one in enumerate(self.tried(rung))]
            self._calibrated[rung] = np.concatenate(parts)
        return self._calibrated[rung]

    @cached_property
    def chosen(self) -> tuple[str, ...]:
        """For each fold the rung above the constant that is best on rows other than its judged ones."""
        return tuple(min(RUNGS[1:], key=lambda rung: self._loss_elsewhere(rung, i)) for i in range(len(self.folds)))

    @cached_property
    def learned(self) -> Floats:
        """What ML as a whole predicts of the judged rows: each fold by the rung that was chosen without it."""
        parts = []
        at = 0
        for fold, rung in zip(self.folds, self.chosen, strict=True):
            parts.append(self.prediction(rung)[at : at + len(fold.judge)])
            at += len(fold.judge)
        return np.concatenate(parts)

    @cached_property
    def best(self) -> str:
        """The rung above the constant that is best on the judged rows: to name it, not to judge it."""
        return min(RUNGS[1:], key=lambda rung: self.loss(self.prediction(rung)))

    # ---- scores

    def loss(self, prediction: Floats, rows: NDArray[Any] | None = None) -> float:
        """The mean loss (log loss, squared error) of predictions of the judged rows, or of those at `rows`."""
        found = self.losses(prediction)
        return float(np.mean(found if rows is None else found[rows]))

    def losses(self, prediction: Floats) -> Floats:
        """The loss of each judged row, (n,)."""
        return losses(self.problem, prediction, self.target)

    def gain(self, simple: Floats, other: Floats, level: float = LEVEL) -> Gain:
        """How much better `other` predicts the judged rows than `simple`, in the unit of `metric`."""
        return paired_gain(self.metric, self.target, simple, other, self.blocks, level)

    def skill(self, prediction: Floats, level: float = LEVEL, against: Floats | None = None) -> Interval:
        """The share of the constant's loss that a prediction saves: 0 is as good as the constant, 1 is perfect.

        Of a regression the share of the variance that it explains; else that of the log loss. With `against` the share
        of the constant's loss that the prediction saves beyond `against`.
        """
        made = self.skill_spread(prediction, against)
        return Interval(made.value, made.low(level), made.high(level), len(self.judge), made.blocks)

    def skill_spread(self, prediction: Floats, against: Floats | None = None) -> Resampled:
        """The same as a distribution over draws of blocks."""
        base = self.losses(self.prediction("constant"))
        saved = (base if against is None else self.losses(against)) - self.losses(prediction)
        codes, count = self.blocks.codes, self.blocks.count
        sums = [np.asarray(np.bincount(codes, one, count), np.float64) for one in (saved, base)]
        return Resampled(BlockSums(sums[0], sums[1]), seed=self.seed)

    # ---- learning other rows

    def learn(self, rung: str, train: Index, like: Model | None = None) -> Model:
        """A rung learned from the rows `train` of the case, the last or some of them for tuning.

        like: a model of this rung whose settings are taken over, which saves most of the time.
        Raises `NotEnoughData`.
        """
        fold = fold_on(self.case, train, train[:0], self.seed)
        return self._fit(rung, fold, like, twice=self.case.rows <= MANY_ROWS)[1]

    def once(self, name: str, make: Callable[[], float]) -> float:
        """A figure that several questions need and that takes a while: made when it is first asked for, then kept."""
        if name not in self._once:
            self._once[name] = make()
        return self._once[name]

    def each(self, act: Callable[[Of], T], of: Iterable[Of]) -> list[T]:
        """What `act` makes of each, in their order; of a large case several at a time, each of which learns alone."""
        if self.threads < 2 or self.case.rows * len(self.case.types) < MANY_CELLS:
            return [act(one) for one in of]
        alone, self.threads = self.threads, 1
        try:
            with threadpool_limits(1), ThreadPoolExecutor(alone) as pool:
                return list(pool.map(act, of))
        finally:
            self.threads = alone

    # ---- inside

    def _learner(self, rung: str) -> Learner:
        made: Learner = OWN[rung]() if rung in OWN else registry.get("learner", rung)()
        return made

    def _try(self, rung: str, fold: Fold, number: int, settled: Model | None) -> Tried:
        self.progress(f"{rung}, part {number + 1} of {len(self.folds)}" if len(self.folds) > 1 else rung)
        try:
            first, model = self._fit(rung, fold, settled)
            failed = None
        except NotEnoughData as reason:
            first, model = self._fit("constant", fold, None)
            failed = reason.message
        judged, tuned = (self.case.table.take(rows) for rows in (fold.judge, fold.tune))
        return Tried(model, model.predict(judged), first.predict(tuned), failed)

    def _fit(self, rung: str, fold: Fold, like: Model | None, twice: bool = True) -> tuple[Model, Model]:
        """The rung learned from fit alone, and then from fit and tune (if `twice`, else the first again).

        With many rows settings are chosen on some of them, and the second is the first: a fifth more rows tell little.
        """
        learner, problem = self._learner(rung), self.problem
        if len(fold.train) * len(self.case.types) >= MANY_CELLS:
            problem = replace(problem, threads=self.threads)
        many = len(fold.train) > MANY_ROWS
        if many and like is None:
            some = fold.thinned(SETTLE_ROWS)
            like = learner.fit(problem, *self._examples(some.fit, some.tune, train=fold.train))
        fit, tune = self._examples(fold.fit, fold.tune, train=fold.train)
        first = learner.fit(problem, fit, tune) if like is None else learner.fit_like(like, problem, fit, tune)
        if many or not twice:
            return first, first
        return first, learner.refit(first, problem, *self._examples(fold.train, train=fold.train))

    def _examples(self, *rows: Index, train: Index) -> list[Examples]:
        key = train.tobytes()
        if key not in self._screened:
            self._screened[key] = screened(self.case, train)
        names = self._screened[key]
        return [self.case.examples(part, names) for part in rows]

    def _elsewhere(self, rung: str, number: int) -> list[tuple[Floats, Index]]:
        """Predictions of rows that the fold's judgement does not touch: without time the judged rows of other folds;
        in time its tune rows and what was judged before."""
        tried = self.tried(rung)
        others = [(one.judged, fold.judge) for one, fold in zip(tried, self.folds, strict=True)]
        if not self.case.timed and len(self.folds) > 1:
            return [other for i, other in enumerate(others) if i != number]
        return [*others[:number], (tried[number].tuned, self.folds[number].tune)]

    def _loss_elsewhere(self, rung: str, number: int) -> float:
        if self.tried(rung)[number].failed:
            return float("inf")
        found = [losses(self.problem, p, self.case.target[rows]) for p, rows in self._elsewhere(rung, number)]
        return float(np.mean(np.concatenate(found)))

    def _calibration(self, rung: str, number: int) -> Calibration:
        if rung == "constant":
            return Calibration.identity(self.case.problem)
        found = self._elsewhere(rung, number)
        rows = np.concatenate([rows for _, rows in found])
        if len(rows) < CALIBRATED_ROWS:
            return Calibration.identity(self.case.problem)
        raw = np.concatenate([prediction for prediction, _ in found])
        time = self.case.time[rows] if self.case.timed else None
        return Calibration.fit(self.problem, raw, self.case.target[rows], None, time)
