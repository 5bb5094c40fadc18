"""Learning one objective: rungs compared on later rows, the simplest sufficient one kept, calibrated and judged."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poise import registry
from poise.errors import NotEnoughData, SpecError
from poise.evaluation.base import Metric
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.climbing import WORTH, Climb, Rung, climb
from poise.evaluation.origins import MANY_ROWS, fit_and_tune, origins
from poise.evaluation.parts import Index
from poise.features.scope import Scope
from poise.models.base import Examples, Learner, Model, Problem
from poise.models.calibration import Calibration
from poise.models.fallback import Fallback
from poise.models.predictor import Predictor
from poise.models.reference import Reference, some
from poise.releases.again import LearnedAgain, learned_again
from poise.releases.examples import SEED, ObjectiveData
from poise.releases.places import at_place
from poise.releases.twins import copies
from poise.spec.default_features import by_default
from poise.spec.expression import parse, type_of
from poise.spec.objective import Objective
from poise.spec.source_types import listed_by, position_feature
from poise.table import Table

Floats = NDArray[np.float64]
Progress = Callable[[str], None]

DEFAULT_METRIC = {"regression": "rmse", "binary": "log_loss", "multi-class": "log_loss", "multi-label": "log_loss"}
"""What chooses the rung where the objective names no `metric`: proper scores, since terms multiply estimates."""
BASELINES = ("constant", "rule")
"""Rungs that requirements compare with; they are judged beside the chosen one."""
MANY_CELLS = 3_000_000
"""With fewer cells (rows x features) several threads mostly wait for each other: at 1.5 million two take twice the CPU
time of one, and are slower where the machine does anything else."""
TIMED_ROWS = 200
"""Rows answered one by one to time a rung."""


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """One objective, learned and judged."""

    data: ObjectiveData
    predictor: Predictor
    climb: Climb
    metric: str
    judged: Floats
    """The prediction of each row of *judge*."""
    baselines: Mapping[str, Floats]
    """Baseline -> its prediction of each row of *judge*."""
    sorting: Mapping[str, Floats]
    """Where its rows are items of lists: rung -> what it predicts of each row of *judge* at the first place, which is
    what it would sort by; else empty."""
    blocks: Blocks
    """The blocks of *judge*."""
    warnings: tuple[str, ...] = ()
    reference: Reference = field(default_factory=Reference)
    """What the rows that it was learned from were like."""
    fallback: Fallback = field(default_factory=Fallback)
    """What answers where the chosen rung cannot."""
    again: LearnedAgain | None = None
    """What it is once it was learned from the rows of *judge* too; None: what was judged answers."""

    @property
    def answers(self) -> Predictor:
        """What callers are answered by."""
        again = None if self.again is None else self.again.predictor
        return self.predictor if again is None else again


@dataclass(slots=True, eq=False)
class _Fit:
    """One rung, fitted on *fit* with its settings chosen on *tune*, then on both."""

    learner: Learner
    model: Model
    seconds: float
    size: int
    latency: float


@dataclass(slots=True, eq=False)
class _Compared:
    """Predictions of validation rows, per rung, over the origins."""

    rows: list[Index] = field(default_factory=list)
    predictions: dict[str, list[Floats]] = field(default_factory=dict)


def learn(data: ObjectiveData, scope: Scope, threads: int, progress: Progress = lambda _: None) -> Learned:
    """Learn one objective.

    Each rung is fitted on *fit* (settings on *tune*) and refitted on both. Rungs are compared on validation rows of a
    rolling origin, of which the last is *calibrate*, predicted by those refitted models. The chosen one is then
    calibrated on *calibrate* and judged once. Raises `NotEnoughData` where not even the constant can be learned.
    """
    problem = problem_of(data, scope, threads)
    learners = rungs_of(data.spec)
    warnings = [said for said in (by_default(scope.system, scope.per), copies(data)) if said is not None]
    fits = _fit_all(data, problem, learners, warnings, progress)
    metric = metric_of(data.spec)
    compared = _compare(data, problem, fits, progress)
    climbed = _climb(data, fits, compared, metric)
    chosen = next(fit for fit in fits if fit.learner.name == climbed.chosen)
    calibration = _calibrate(data, problem, chosen.model)
    predictor = Predictor(chosen.model, calibration)
    judge = data.examples(data.split.judge)
    baselines = {f.learner.name: f.model.predict(judge.features) for f in fits if f.learner.name in BASELINES}
    at_first = at_place(judge.features, position_feature(scope.system, scope.per))
    listed = listed_by(scope.system.sources[scope.per], scope.system) is not None
    groups = None if data.groups is None else data.groups[data.split.judge]
    again = learned_again(data, problem, chosen.learner, predictor)
    answers, usual = predictor.model, np.concatenate([data.split.fit, data.split.tune])
    if again is not None and again.predictor is not None:
        answers, usual = again.predictor.model, again.rows
    return Learned(
        data=data,
        predictor=predictor,
        climb=climbed,
        metric=metric.name,
        judged=predictor.predict(judge.features),
        baselines=baselines,
        sorting={f.learner.name: f.model.predict(at_first) for f in fits} if listed else {},
        blocks=blocks_of(judge.time, groups),
        warnings=tuple(warnings),
        reference=Reference.of(answers, data.examples(some(usual))),
        fallback=_fallback(data, fits, chosen),
        again=again,
    )


def _fallback(data: ObjectiveData, fits: Sequence[_Fit], chosen: _Fit) -> Fallback:
    """Simpler rungs than the chosen one. A rule that nobody declared may read only what the chosen one reads, so that
    requests need carry no more for it."""
    models = {fit.learner.name: fit.model for fit in fits if fit is not chosen and fit.learner.name in BASELINES}
    if data.spec.rule is None and "rule" in models and not set(models["rule"].inputs) <= set(chosen.model.inputs):
        del models["rule"]
    return Fallback.of(data.spec.type, models)


def problem_of(data: ObjectiveData, scope: Scope, threads: int) -> Problem:
    """What learners are told of an objective."""
    rule = None if data.spec.rule is None else parse(data.spec.rule, where=f"objectives.{data.name}.rule")
    types = {name: type_of(scope.resolve(name).type) for name in sorted(rule.names)} if rule else None
    cells = len(data.target) * len(data.outputs)
    threads = threads if cells >= MANY_CELLS else 1
    place = position_feature(scope.system, scope.per)
    alike = frozenset() if place is None else frozenset({place})
    return Problem(data.spec.type, data.classes, rule, SEED, threads, types, alike)


def rungs_of(spec: Objective) -> list[Learner]:
    """The learners of an objective in the order of complexity: all that fit its type, or those that it names."""
    names = spec.rungs or tuple(registry.names("learner"))
    made: list[Learner] = [registry.get("learner", name)() for name in dict.fromkeys(["constant", *names])]
    for learner in made:
        if spec.type not in learner.works_with and spec.rungs and learner.name in spec.rungs:
            raise SpecError(f"the rung '{learner.name}' does not learn {spec.type} objectives")
    return sorted((m for m in made if spec.type in m.works_with), key=lambda m: m.order)


def metric_of(spec: Objective) -> Metric:
    """The metric that chooses the rung."""
    made: Metric = registry.get("metric", spec.metric or DEFAULT_METRIC[spec.type])()
    return made


def _fit_all(
    data: ObjectiveData, problem: Problem, learners: Sequence[Learner], warnings: list[str], progress: Progress
) -> list[_Fit]:
    """Every rung, fitted and refitted; a rung that cannot be learned from these rows is left out, with a warning."""
    fit, tune = data.examples(data.split.fit), data.examples(data.split.tune)
    both = data.examples(np.concatenate([data.split.fit, data.split.tune]))
    single = _single_rows(data)
    out: list[_Fit] = []
    for learner in learners:
        progress(f"{data.name}: {learner.name}")
        started = time.perf_counter()
        try:
            first = learner.fit(problem, fit, tune)
        except NotEnoughData as reason:
            if learner.name == "constant":
                raise
            warnings.append(f"{learner.name} was not learned: {reason.message}.")
            continue
        model = learner.refit(first, problem, both)
        seconds = time.perf_counter() - started
        out.append(_Fit(learner, model, seconds, _size(model), _latency(model, single)))
    return out


def _size(model: Model) -> int:
    """Bytes of the model's files."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def _single_rows(data: ObjectiveData) -> list[Table]:
    """Rows of *tune*, one by one, that every rung is timed on."""
    rows = data.columns.take(data.split.tune[:TIMED_ROWS])
    return [rows.take(np.array([i])) for i in range(rows.height)]


def _latency(model: Model, single: Sequence[Table]) -> float:
    """Median seconds of one row's prediction."""
    model.predict(single[0])
    taken = []
    for row in single:
        started = time.perf_counter()
        model.predict(row)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def _compare(data: ObjectiveData, problem: Problem, fits: Sequence[_Fit], progress: Progress) -> _Compared:
    """Predictions of later rows by every rung, over the origins.

    With many rows the last origin costs no fit: it is *calibrate*, predicted by the model that was refitted already;
    and the earlier one takes over the settings that *tune* chose, of so few that so many rows hardly favour one.
    """
    split, out = data.split, _Compared()
    if len(split.learning) <= MANY_ROWS:
        for train, valid in origins(split):
            _predict_later(data, problem, fits, fit_and_tune(split, train), valid, out, progress)
        return out
    _predict_later(data, problem, fits, fit_and_tune(split, split.fit), split.tune, out, progress)
    later = data.examples(split.calibrate)
    out.rows.append(split.calibrate)
    for fit in fits:
        out.predictions[fit.learner.name].append(fit.model.predict(later.features))
    return out


def _predict_later(
    data: ObjectiveData,
    problem: Problem,
    fits: Sequence[_Fit],
    train: tuple[Index, Index],
    valid: Index,
    out: _Compared,
    progress: Progress,
) -> None:
    """One origin: every rung learned anew on `train` (fit, tune) predicts `valid`."""
    inner, tune, later = (data.examples(rows) for rows in (*train, valid))
    out.rows.append(valid)
    for fit in fits:
        others = "later" if data.split.kind == "time" else "other"
        progress(f"{data.name}: {fit.learner.name} on {len(valid):,} {others} rows")
        model = _again(fit, problem, inner, tune, later, search=len(data.split.learning) <= MANY_ROWS)
        out.predictions.setdefault(fit.learner.name, []).append(model)


def _again(fit: _Fit, problem: Problem, inner: Examples, tune: Examples, later: Examples, search: bool) -> Floats:
    """What the rung predicts, learned from an earlier origin's rows; with too few of them for it, the constant's.

    search: choose every setting anew on those rows.
    """
    try:
        if search:
            return fit.learner.fit(problem, inner, tune).predict(later.features)
        return fit.learner.fit_like(fit.model, problem, inner, tune).predict(later.features)
    except NotEnoughData:
        constant: Learner = registry.get("learner", "constant")()
        return constant.fit(problem, inner, tune).predict(later.features)


def _climb(data: ObjectiveData, fits: Sequence[_Fit], compared: _Compared, metric: Metric) -> Climb:
    """The choice, on the validation rows of all origins."""
    rows = np.concatenate(compared.rows)
    rungs = [
        Rung(
            fit.learner.name,
            np.concatenate(compared.predictions[fit.learner.name]),
            fit.seconds,
            fit.size,
            fit.latency,
            fit.model.notes,
        )
        for fit in fits
    ]
    groups = None if data.groups is None else data.groups[rows]
    blocks = blocks_of(data.requests.time[rows], groups)
    worth = WORTH if data.spec.worth is None else data.spec.worth
    return climb(rungs, data.target[rows], metric, blocks, worth, data.spec.prefer)


def _calibrate(data: ObjectiveData, problem: Problem, model: Model) -> Calibration:
    """The calibration of the chosen rung, on *calibrate*."""
    rows = data.examples(data.split.calibrate)
    return Calibration.fit(problem, model.predict(rows.features), rows.target, rows.weight, rows.time)
