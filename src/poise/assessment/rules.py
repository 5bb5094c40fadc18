"""Rules: the best that one column alone can say, with as few thresholds as it takes, and in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from poise.assessment.case import Case
from poise.assessment.percent import percent
from poise.evaluation.words import number
from poise.models.base import Examples, Floats, Learner, Model, Problem
from poise.models.constant import mean_target
from poise.models.folds import folds_of
from poise.models.linear import LinearLearner
from poise.models.losses import mean_loss
from poise.models.rule import RuleLearner
from poise.models.rule_model import RuleModel, codes_of, numbers_of

LEAVES = (2, 3, 4, 6)
"""Ranges that a short rule has; it is preferred to a table of many bins where it loses no more than `SLACK`."""
SLACK = 0.01
"""Of what the best of them gains over the constant."""
FOLDS = 5
LEAST_LEAF = 5
SMOOTHING = 2.0
"""A range's mean is drawn towards that of all rows as if by so many more rows; ranges are few and large."""


class BestRuleLearner(Learner):
    """The rung `rule`, then thresholds for its column where those say as much as its table: a rule to remember.

    >>> from poise.table import Column, Table
    >>> x = np.arange(400.0)
    >>> rows = Examples(Table({"x": Column.numbers(x)}), {"x": "number"}, (x > 200) * 1.0, None, np.arange(400))
    >>> BestRuleLearner().fit(Problem("binary"), rows, rows).edges.tolist()
    [200.5]
    """

    name = "rule"
    order = 1
    works_with = RuleLearner.works_with

    def fit(self, problem: Problem, fit: Examples, tune: Examples) -> RuleModel:
        """The shortest sufficient rule, by its loss out of fold within `fit`."""
        table = RuleLearner().fit(problem, fit, tune)
        if table.form == "levels":
            return table
        kinds = [("table", 0)] + [("short", leaves) for leaves in LEAVES]
        if problem.type == "regression":
            kinds.insert(0, ("line", 0))
        base = _out_of_fold(problem, fit, lambda rows: _constant(problem, rows, table))

        def scored(form: str, leaves: int) -> float:
            return _out_of_fold(problem, fit, lambda rows: _made(problem, rows, table, form, leaves))

        scores = [scored(*kind) for kind in kinds]
        allowed = min(scores) + SLACK * max(base - min(scores), 0.0)
        order = sorted(range(len(kinds)), key=lambda i: kinds[i][1] or (1 if kinds[i][0] == "line" else 99))
        kept = next(i for i in order if scores[i] <= allowed)
        return _made(problem, fit, table, *kinds[kept])

    def refit(self, model: Model, problem: Problem, examples: Examples) -> RuleModel:
        """The same column and number of ranges, from `examples`."""
        assert isinstance(model, RuleModel)
        if model.form == "levels" or len(model.edges) >= LEAVES[-1]:
            return RuleLearner().refit(model, problem, examples)
        kind = ("line", 0) if model.form == "line" else ("short", len(model.edges) + 1)
        return _made(problem, examples, model, *kind)

    def fit_like(self, model: Model, problem: Problem, fit: Examples, tune: Examples) -> RuleModel:
        """The same column and number of ranges, from `fit` alone."""
        return self.refit(model, problem, fit)


class CurveLearner(Learner):
    """The rule's column alone, in the form that `linear` gives it: bent where the data ask for it, without steps."""

    name = "curve"
    order = 1
    works_with = RuleLearner.works_with

    def fit(self, problem: Problem, fit: Examples, tune: Examples) -> Model:
        """`linear` over the column that is best out of fold within `fit`."""
        column = RuleLearner().fit(problem, fit, tune).inputs[0]
        return LinearLearner().fit(problem, _only(fit, column), _only(tune, column))

    def refit(self, model: Model, problem: Problem, examples: Examples) -> Model:
        """The same column and strength, from `examples`."""
        return LinearLearner().refit(model, problem, _only(examples, model.inputs[0]))


def _only(rows: Examples, column: str) -> Examples:
    return Examples(rows.features, {column: rows.types[column]}, rows.target, rows.weight, rows.time)


def _made(problem: Problem, rows: Examples, like: RuleModel, kind: str, leaves: int) -> RuleModel:
    if kind == "table":
        return RuleLearner().refit(replace(like, form="bins"), problem, rows)
    x = numbers_of(like.score.column(rows.features))
    if kind == "line":
        return replace(like, form="line", values=_line(x, rows.target.astype(np.float64))[:, None], edges=np.empty(0))
    edges = _thresholds(problem, x, rows.target, leaves)
    return _filled(problem, rows, replace(like, form="bins", edges=edges))


def _constant(problem: Problem, rows: Examples, like: RuleModel) -> RuleModel:
    return _filled(problem, rows, replace(like, form="bins", edges=np.empty(0)))


def _filled(problem: Problem, rows: Examples, like: RuleModel) -> RuleModel:
    """The rule with the mean of each of its ranges; the last row is for missing values."""
    codes = codes_of(like.score.column(rows.features), "bins", like.edges, ())
    size = len(like.edges) + 2
    target = rows.target
    columns = np.eye(problem.width)[target.astype(np.int64)] if problem.many else target[:, None].astype(np.float64)
    sums = np.stack([np.bincount(codes, column, size) for column in columns.T], axis=1)
    mass = np.bincount(codes, minlength=size)[:, None]
    values = (sums + SMOOTHING * mean_target(problem, rows)) / (mass + SMOOTHING)
    return replace(like, values=values, notes=())


def _thresholds(problem: Problem, x: Floats, target: NDArray[np.generic], leaves: int) -> Floats:
    """Where a tree of so many leaves over this one column splits it."""
    there = np.isfinite(x)
    least = max(LEAST_LEAF, int(there.sum()) // 200)
    if leaves < 2 or there.sum() < 2 * least:
        return np.empty(0)
    kind = DecisionTreeRegressor if problem.type == "regression" else DecisionTreeClassifier
    tree = kind(max_leaf_nodes=leaves, min_samples_leaf=least, random_state=0).fit(x[there, None], target[there])
    inner = tree.tree_.feature >= 0
    return np.unique(tree.tree_.threshold[inner])


def _line(x: Floats, y: Floats) -> Floats:
    """(base, slope, value where missing)."""
    there = np.isfinite(x)
    slope, base = np.polyfit(x[there], y[there], 1) if len(np.unique(x[there])) > 1 else (0.0, float(y.mean()))
    return np.array([base, slope, y[~there].mean() if (~there).any() else y.mean()])


def _out_of_fold(problem: Problem, rows: Examples, made: Callable[[Examples], RuleModel]) -> float:
    folds = folds_of(rows.time, rows.height, min(FOLDS, rows.height), problem.seed)
    total = 0.0
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        if held.all() or not held.any():
            continue
        model, later = made(rows.take(~held)), rows.take(held)
        total += mean_loss(problem, model.predict(later.features), later.target) * later.height
    return total / rows.height


def in_words(case: Case, model: RuleModel, levels: int = 6) -> str:
    """The rule as a sentence that a person could follow."""
    name = model.score.name
    if model.form == "line":
        base, slope = model.values[:2, 0].tolist()
        if (round(base, 9), round(slope, 9)) == (0, 1):
            return f"{case.target_name} is the value of {name}"
        if abs(base) < 1e-9 * max(abs(slope), 1.0):
            return f"{case.target_name} is {number(slope)} times {name}"
        return f"{case.target_name} is {number(base)} {'+' if slope >= 0 else '-'} {number(abs(slope))} times {name}"
    if model.form == "levels":
        order = np.argsort(-model.values[1:-1, 0], kind="stable") if not model.many else np.arange(len(model.levels))
        said = [f"{model.levels[i]}: {_worth(case, model.values[i + 1])}" for i in order[:levels].tolist()]
        more = f"; and so on for {len(model.levels)} values" if len(model.levels) > levels else ""
        return f"look {case.target_name} up by {name} ({'; '.join(said)}{more})"
    edges = model.edges.tolist()
    if len(edges) > 5:
        first, last = _worth(case, model.values[0]), _worth(case, model.values[len(edges)])
        return (
            f"look {case.target_name} up by {name} in {len(edges) + 1} ranges, from {first} below {number(edges[0], 4)}"
            f" to {last} from {number(edges[-1], 4)} on"
        )
    parts = [f"if {name} < {number(edge, 4)}: {_worth(case, model.values[i])}" for i, edge in enumerate(edges)]
    return "; else ".join([*parts, _worth(case, model.values[len(edges)])])


def _worth(case: Case, values: Floats) -> str:
    if case.problem == "binary":
        return f"{_label(case.classes[1])} in {percent(values[0])}"
    if case.problem == "multi-class":
        best = int(np.argmax(values))
        return f"{_label(case.classes[best])} ({percent(values[best])})"
    return number(float(values[0]))


def _label(name: str) -> str:
    """A class in a sentence: one that is a number in quotes, as "1 in 17 %" would read as a proportion."""
    return f"'{name}'" if name[-1:].isdigit() else name
