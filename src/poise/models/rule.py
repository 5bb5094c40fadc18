"""The rung `rule`: what a person would do. The declared expression, or the best table over a single feature."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotEnoughData
from poise.models.base import EVERY_PROBLEM, Examples, Floats, Learner, Model, Problem
from poise.models.bins import edges_of
from poise.models.constant import mean_target
from poise.models.folds import folds_of
from poise.models.guards import clipped, least_rows, rare_class_notes, require_variation
from poise.models.inputs import Inputs
from poise.models.losses import losses
from poise.models.rule_model import Form, RuleModel, Score, codes_of, numbers_of
from poise.spec.expression import Type
from poise.table import Table

BINS = 20
ROWS_PER_BIN = 50
SMOOTHING = 20.0
"""A bin's or level's mean is drawn towards the mean of all rows as if by so many more rows."""
FOLDS = 5
SCREEN_ROWS, SCREEN_KEEP = 20_000, 10
"""With more rows, features are first compared on a sample, and the best few on all rows."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A way to use one score: its form without the learned values."""

    score: Score
    form: Form
    edges: Floats
    levels: tuple[str, ...]
    identity: bool = False


class RuleLearner(Learner):
    """The rule that a person could write down; it prints itself with `describe()`.

    >>> from poise.table import Column
    >>> x = np.arange(400.0)
    >>> rows = Examples(Table({"x": Column.numbers(x)}), {"x": "number"}, (x > 200) * 1.0, None, np.arange(400))
    >>> RuleLearner().fit(Problem("binary"), rows, rows).describe()
    'x in 8 bins'
    """

    name = "rule"
    order = 1
    works_with = EVERY_PROBLEM

    def fit(self, problem: Problem, fit: Examples, tune: Examples) -> RuleModel:
        """The candidate with the least loss out of fold within `fit`; `tune` is not needed."""
        require_variation(fit)
        (rows,), notes = clipped(problem, fit)
        candidates = _declared(problem, rows) if problem.rule is not None else _screened(problem, rows)
        if not candidates:
            raise NotEnoughData("no feature has a value, so there is no rule over one")
        best = min(candidates, key=lambda candidate: _out_of_fold(problem, rows, candidate))
        return _learned(problem, rows, best, notes + rare_class_notes(problem, fit.target))

    def refit(self, model: Model, problem: Problem, examples: Examples) -> RuleModel:
        """The same score and form with bins and values from `examples`."""
        assert isinstance(model, RuleModel)
        (rows,), notes = clipped(problem, examples)
        identity = model.form == "line" and model.values[:2, 0].tolist() == [0.0, 1.0]
        candidate = _shaped(rows, model.score, model.form, identity)
        return _learned(problem, rows, candidate, notes + rare_class_notes(problem, examples.target))


def _declared(problem: Problem, rows: Examples) -> list[_Candidate]:
    """The declared expression: as it is where that can be, on a line (regression), or by bins or levels."""
    assert problem.rule is not None
    types = {name: _type(problem, rows.features, name) for name in sorted(problem.rule.names)}
    score = Score(problem.rule.text, types)
    column = score.column(rows.features)
    if column.kind == "string":
        return [_shaped(rows, score, "levels")]
    x = numbers_of(column)
    x = x[np.isfinite(x)]
    if not len(x):
        raise NotEnoughData(f"the declared rule '{score.name}' is missing on every row")
    if problem.type == "regression":
        return [_shaped(rows, score, "line", identity=True), _shaped(rows, score, "line")]
    candidates = [_shaped(rows, score, "bins")]
    if problem.type == "binary" and x.min() >= 0 and x.max() <= 1:
        candidates.insert(0, _shaped(rows, score, "line", identity=True))
    return candidates


def _type(problem: Problem, features: Table, name: str) -> Type:
    if problem.rule_types is not None and name in problem.rule_types:
        return problem.rule_types[name]
    if name not in features:
        raise NotEnoughData(f"the declared rule reads '{name}', which these rows do not have")
    kind: Type = features[name].kind
    return kind


def _screened(problem: Problem, rows: Examples) -> list[_Candidate]:
    """All single-feature candidates; of many rows and features only those that do best on a sample."""
    names = tuple(name for name in rows.of_type("number", "category") if name not in problem.alike)
    if rows.height > SCREEN_ROWS and len(names) > SCREEN_KEEP:
        sample = rows.take(np.linspace(0, rows.height - 1, SCREEN_ROWS).astype(np.int64))
        ranked = [(min(_scores(problem, sample, name), default=np.inf), name) for name in names]
        names = tuple(name for _, name in sorted(ranked)[:SCREEN_KEEP])
    return [candidate for name in names for candidate in _single(problem, rows, name)]


def _scores(problem: Problem, rows: Examples, name: str) -> list[float]:
    return [_out_of_fold(problem, rows, candidate) for candidate in _single(problem, rows, name)]


def _single(problem: Problem, rows: Examples, name: str) -> list[_Candidate]:
    """A table over one feature; for regression also its value as it is (the last value, where a lag is a feature)."""
    score, column = Score(name), rows.features[name]
    if column.missing().all():
        return []
    if rows.types[name] == "category":
        return [_shaped(rows, score, "levels")]
    candidates = [_shaped(rows, score, "bins")]
    if problem.type == "regression":
        candidates.append(_shaped(rows, score, "line", identity=True))
    return candidates


def _shaped(rows: Examples, score: Score, form: Form, identity: bool = False) -> _Candidate:
    """A candidate with its bins or levels, which do not look at the target."""
    column = score.column(rows.features)
    if form == "levels":
        one = Examples(Table({"score": column}), {"score": "category"}, rows.target, None, rows.time)
        floor = least_rows(rows.height)
        levels = Inputs.learn(one, lambda count: floor).levels[0]
        return _Candidate(score, form, np.empty(0), levels or ())
    if form == "line":
        return _Candidate(score, form, np.empty(0), (), identity)
    x = numbers_of(column)
    bins = int(np.clip(rows.height // ROWS_PER_BIN, 2, BINS))
    return _Candidate(score, form, edges_of(x, bins), ())


def _learned(problem: Problem, rows: Examples, of: _Candidate, notes: tuple[str, ...]) -> RuleModel:
    """The candidate with its values learned from all `rows`."""
    column = of.score.column(rows.features)
    binary = problem.type == "binary"
    blank = RuleModel(of.score, of.form, np.empty((0, 1)), of.edges, of.levels, problem.many, binary, notes)
    if of.form == "line":
        line = _line(numbers_of(column), rows.target.astype(np.float64), rows.weights, of.identity)
        return replace(blank, values=line[:, None])
    codes = codes_of(column, of.form, of.edges, of.levels)
    sums, mass = _sums(problem, rows, codes, _size(of))
    return replace(blank, values=_smoothed(sums, mass, mean_target(problem, rows)))


def _size(of: _Candidate) -> int:
    return (len(of.levels) if of.form == "levels" else len(of.edges)) + 2


def _line(x: Floats, y: Floats, w: Floats, identity: bool) -> Floats:
    """(base, slope, value where missing) of least squares, or (0, 1, …) for the score as it is."""
    usable = np.isfinite(x)
    base, slope = (0.0, 1.0) if identity else _least_squares(x[usable], y[usable], w[usable])
    rest = slice(None) if usable.all() else ~usable
    return np.array([base, slope, np.average(y[rest], weights=w[rest])])


def _least_squares(x: Floats, y: Floats, w: Floats) -> tuple[float, float]:
    if not len(x):
        return 0.0, 0.0
    mx, my = np.average(x, weights=w), np.average(y, weights=w)
    spread = float(np.sum(w * (x - mx) ** 2))
    slope = float(np.sum(w * (x - mx) * (y - my))) / spread if spread > 0 else 0.0
    return float(my - slope * mx), slope


def _sums(problem: Problem, rows: Examples, codes: NDArray[np.int64], size: int) -> tuple[Floats, Floats]:
    """Weighted sums of the target (size, k) and of the weights (size, 1) per code."""
    w, k = rows.weights, problem.width
    if problem.type == "multi-class":
        flat = np.bincount(codes * k + rows.target.astype(np.int64), weights=w, minlength=size * k)
        sums = flat.reshape(size, k)
    else:
        columns = rows.target.reshape(rows.height, k).T.astype(np.float64)
        sums = np.stack([np.bincount(codes, weights=w * y, minlength=size) for y in columns], axis=1)
    mass = np.bincount(codes, weights=w, minlength=size)
    return np.asarray(sums, np.float64), np.asarray(mass, np.float64)[:, None]


def _smoothed(sums: Floats, mass: Floats, prior: Floats) -> Floats:
    return np.asarray((sums + SMOOTHING * prior) / (mass + SMOOTHING))


def _out_of_fold(problem: Problem, rows: Examples, of: _Candidate) -> float:
    """Mean loss of predictions for each fold from the others."""
    folds = folds_of(rows.time, rows.height, min(FOLDS, rows.height), problem.seed)
    predicted = _line_folds(problem, rows, of, folds) if of.form == "line" else _table_folds(problem, rows, of, folds)
    return float(np.average(losses(problem, predicted, rows.target), weights=rows.weights))


def _table_folds(problem: Problem, rows: Examples, of: _Candidate, folds: NDArray[np.int64]) -> Floats:
    """One pass: sums per (fold, code), and the whole less a fold's own."""
    size, count = _size(of), int(folds.max()) + 1
    codes = codes_of(of.score.column(rows.features), of.form, of.edges, of.levels)
    sums, mass = _sums(problem, rows, folds * size + codes, size * count)
    sums, mass = sums.reshape(count, size, -1), mass.reshape(count, size, 1)
    tables = _smoothed(sums.sum(axis=0) - sums, mass.sum(axis=0) - mass, mean_target(problem, rows))
    found = tables[folds, codes]
    return np.asarray(found if problem.many else found[:, 0])


def _line_folds(problem: Problem, rows: Examples, of: _Candidate, folds: NDArray[np.int64]) -> Floats:
    x, y, w = numbers_of(of.score.column(rows.features)), rows.target.astype(np.float64), rows.weights
    usable, out = np.isfinite(x), np.empty(rows.height)
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        others = held if held.all() else ~held  # a single instant: no fold can be left out
        base, slope, missing = _line(x[others], y[others], w[others], of.identity)
        line = np.where(usable, base + slope * np.where(usable, x, 0.0), missing)
        out[held] = line[held]
    return np.asarray(np.clip(out, 1e-6, 1 - 1e-6) if problem.type == "binary" else out)
