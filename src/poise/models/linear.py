"""The rung `linear`: logistic regression or ridge over scaled numbers, one-hot levels and TF-IDF, by scikit-learn."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from poise.models.base import EVERY_PROBLEM, Examples, Floats, Learner, Model, Problem
from poise.models.gram import Gram
from poise.models.guards import clipped, rare_class_notes, require_variation
from poise.models.linear_design import Design, Matrix
from poise.models.linear_model import LinearModel
from poise.models.links import predictions
from poise.models.losses import mean_loss

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""Inverse strengths of regularisation C, as scikit-learn defines it (ridge: alpha = 1 / C), strongest first."""
FEW_STRENGTHS = (0.1, 1.0)
DEFAULT_STRENGTH = 1.0
MANY_ENTRIES = 5_000_000
"""With more non-zero entries (times outputs) in the matrix only two strengths are tried: there it matters little, and
only regressions of few columns get every further strength for nothing (`Gram`)."""
ITERATIONS = 300
EXACT, LOOSE = 1e-4, 1e-3
"""When lbfgs stops: on dense matrices late; on sparse ones (levels, words) the last digits take half of the time and
gave nothing on held-out rows."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Coefficients (d, k), intercept (k,) and what to note."""

    coefficients: Floats
    intercept: Floats
    notes: tuple[str, ...] = ()

    def raw(self, matrix: Matrix) -> Floats:
        return np.asarray(matrix @ self.coefficients) + self.intercept


class LinearLearner(Learner):
    """Linear scores. Weights of classes stay equal: a decision multiplies probabilities, which must be right.

    >>> from poise.table import Column, Table
    >>> x = np.linspace(-1, 1, 300)
    >>> rows = Examples(Table({"x": Column.numbers(x)}), {"x": "number"}, 3 * x + 1, None, np.arange(300))
    >>> model = LinearLearner().fit(Problem("regression"), rows, rows)
    >>> model.predict(Table({"x": Column.numbers([0.5])})).round(2).tolist()
    [2.5]
    """

    name = "linear"
    order = 2
    works_with = EVERY_PROBLEM

    def fit(self, problem: Problem, fit: Examples, tune: Examples) -> LinearModel:
        """Fit each strength, strongest first, and keep the one that is best on `tune`."""
        require_variation(fit)
        (fit, tune), notes = clipped(problem, fit, tune)
        design = Design.learn(fit)
        with threadpool_limits(problem.threads):
            matrix = design.matrix(fit.features)
            strength, fitted = _chosen(problem, design, matrix, fit, tune)
        return _model(problem, design, matrix, fitted, strength, notes + rare_class_notes(problem, fit.target))

    def refit(self, model: Model, problem: Problem, examples: Examples) -> LinearModel:
        """The same strength; levels, scales and coefficients from `examples`."""
        assert isinstance(model, LinearModel)
        require_variation(examples)
        (rows,), notes = clipped(problem, examples)
        design, strength = Design.learn(rows), model.settings["C"]
        with threadpool_limits(problem.threads):
            matrix = design.matrix(rows.features)
            fitted = _fit(problem, matrix, _gram(problem, matrix, rows), rows, strength, None)
        return _model(problem, design, matrix, fitted, strength, notes + rare_class_notes(problem, examples.target))

    def fit_like(self, model: Model, problem: Problem, fit: Examples, tune: Examples) -> LinearModel:
        """The same strength, learned from `fit` alone: nothing is left that `tune` would choose."""
        return self.refit(model, problem, fit)


def _chosen(problem: Problem, design: Design, matrix: Matrix, fit: Examples, tune: Examples) -> tuple[float, _Fitted]:
    """The best strength on `tune`; the search ends where the loss has risen twice."""
    entries = getattr(matrix, "nnz", matrix.size) * problem.width
    gram = _gram(problem, matrix, fit)
    strengths = STRENGTHS if gram is not None or entries <= MANY_ENTRIES else FEW_STRENGTHS
    if not tune.height:
        return DEFAULT_STRENGTH, _fit(problem, matrix, gram, fit, DEFAULT_STRENGTH, None)
    held = design.matrix(tune.features)
    best: tuple[float, float, _Fitted] | None = None
    fitted, rises = None, 0
    for strength in strengths:
        fitted = _fit(problem, matrix, gram, fit, strength, fitted)
        loss = mean_loss(problem, predictions(problem.type, fitted.raw(held)), tune.target, tune.weight)
        if best is None or loss < best[0]:
            best, rises = (loss, strength, fitted), 0
        else:
            rises += 1
        if rises == 2:
            break
    assert best is not None
    return best[1], best[2]


def _model(
    problem: Problem, design: Design, matrix: Matrix, fitted: _Fitted, strength: float, notes: tuple[str, ...]
) -> LinearModel:
    weights, terms = design.weights(fitted.coefficients, fitted.intercept)
    texts = {name: (of, term) for (name, of), term in zip(design.texts.items(), terms, strict=True)}
    shares = design.importance(fitted.coefficients, matrix)
    every = notes + fitted.notes
    return LinearModel(problem.type, design.inputs, weights, texts, shares, {"C": strength}, every)


def _gram(problem: Problem, matrix: Matrix, rows: Examples) -> Gram | None:
    """What every strength of a regression is solved from; None for other problems and for too many columns."""
    if problem.type != "regression" or not Gram.fits(matrix):
        return None
    return Gram.of(matrix, rows.target.astype(np.float64), rows.weights)


def _fit(
    problem: Problem, matrix: Matrix, gram: Gram | None, rows: Examples, strength: float, start: _Fitted | None
) -> _Fitted:
    if problem.type == "regression":
        return _ridge(matrix, gram, rows, strength)
    if problem.type == "multi-label":
        return _labels(problem, matrix, rows, strength, start)
    warm = None if start is None else (start.coefficients, start.intercept)
    return _logistic(problem.width, matrix, rows.target, rows.weight, strength, warm)


def _ridge(matrix: Matrix, gram: Gram | None, rows: Examples, strength: float) -> _Fitted:
    if gram is not None:
        with suppress(LinAlgError):  # nearly dependent columns or huge targets: iterate instead
            coefficients, intercept = gram.solve(1 / strength)
            return _Fitted(coefficients.reshape(-1, 1), np.array([intercept]))
    ridge = Ridge(alpha=1 / strength, solver="lsqr", tol=1e-4, max_iter=1_000)
    ridge.fit(matrix, rows.target.astype(np.float64), sample_weight=rows.weight)
    return _Fitted(np.asarray(ridge.coef_, np.float64).reshape(-1, 1), np.atleast_1d(np.float64(ridge.intercept_)))


def _labels(problem: Problem, matrix: Matrix, rows: Examples, strength: float, start: _Fitted | None) -> _Fitted:
    """One logistic regression per label; labels with fewer than 2 rows on a side keep their share."""
    d, k = matrix.shape[1], problem.width
    coefficients, intercept = np.zeros((d, k)), np.zeros(k)
    notes: list[str] = []
    for c, label in enumerate(problem.classes):
        y = rows.target[:, c].astype(np.int64)
        if min(y.sum(), len(y) - y.sum()) < 2:
            share = (y.sum() + 0.5) / (len(y) + 1)
            intercept[c] = np.log(share / (1 - share))
            notes.append(f"label '{label}' has {int(y.sum())} of {len(y)} rows: its share is all that is learned")
            continue
        warm = None if start is None else (start.coefficients[:, c : c + 1], start.intercept[c : c + 1])
        one = _logistic(1, matrix, y, rows.weight, strength, warm)
        coefficients[:, c], intercept[c] = one.coefficients[:, 0], one.intercept[0]
        notes.extend(f"label '{label}': {note}" for note in one.notes)
    return _Fitted(coefficients, intercept, tuple(notes))


def _logistic(
    k: int,
    matrix: Matrix,
    target: NDArray[Any],
    weight: Floats | None,
    strength: float,
    warm: tuple[Floats, Floats] | None,
) -> _Fitted:
    """Binary (k = 1) or multinomial logistic regression from the coefficients of a stronger one."""
    y = target.astype(np.int64)
    present = np.unique(y)
    tolerance = EXACT if isinstance(matrix, np.ndarray) else LOOSE
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=ITERATIONS, tol=tolerance, warm_start=True)
    if warm is not None and len(present) > 2:
        model.coef_, model.intercept_ = np.ascontiguousarray(warm[0].T[present]), warm[1][present].copy()
    elif warm is not None and k == 1:
        model.coef_, model.intercept_ = np.ascontiguousarray(warm[0].T), warm[1].copy()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(matrix, y, sample_weight=weight)
    notes = tuple(
        f"lbfgs stopped at {ITERATIONS} iterations (C = {strength:g})"
        for warning in caught
        if issubclass(warning.category, ConvergenceWarning)
    )
    coefficients, intercept = np.asarray(model.coef_, np.float64).T, np.asarray(model.intercept_, np.float64)
    if k == 1:
        return _Fitted(coefficients, intercept, notes)
    return _spread_over(k, present, coefficients, intercept, len(y), notes)


def _spread_over(
    k: int, present: NDArray[Any], coefficients: Floats, intercept: Floats, height: int, notes: tuple[str, ...]
) -> _Fitted:
    """Columns for all k classes; a class without a row gets about half a row's share."""
    if len(present) == 2:  # scikit-learn gives one column, for the second of two classes
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients], axis=1)
        intercept = np.concatenate([np.zeros(1), intercept])
    out, base = np.zeros((coefficients.shape[0], k)), np.full(k, np.log(0.5 / (height + 1)))
    top = intercept.max()
    base += top + np.log(np.exp(intercept - top).sum())
    out[:, present], base[present] = coefficients, intercept
    return _Fitted(out, base, notes)
