"""The compiled linear rung against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from poise.models.base import Examples, Problem
from poise.models.linear import LinearLearner
from poise.models.linear_design import Design
from poise.models.linear_model import LinearModel
from poise.models.links import sigmoid
from poise.table import Column, Table

Case = tuple[Problem, Examples, Examples, Examples]


def test_the_arrays_give_what_the_matrix_gives(case: Case) -> None:
    """`Design.weights` folds scaling, medians and one-hot columns without changing a score."""
    _, fit, _, judge = case
    design = Design.learn(fit)
    random = np.random.default_rng(0)
    coefficients, intercept = random.normal(size=(design.columns, 2)), np.array([0.5, -1.0])
    weights, _ = design.weights(coefficients, intercept)
    expected = np.asarray(design.matrix(judge.features) @ coefficients) + intercept
    model = LinearModel("multi-label", design.inputs, weights, {}, {}, {})
    np.testing.assert_allclose(model.raw(judge.features), expected, rtol=1e-10, atol=1e-10)


def test_it_is_as_good_as_scikit_learn(binary_case: Case) -> None:
    problem, fit, tune, judge = binary_case
    model = LinearLearner().fit(problem, fit, tune)
    design = Design.learn(fit)
    theirs = LogisticRegression(C=model.settings["C"], max_iter=5_000, tol=1e-8)
    theirs.fit(design.matrix(fit.features), fit.target)
    expected = theirs.predict_proba(design.matrix(judge.features))[:, 1]
    np.testing.assert_allclose(model.predict(judge.features), expected, atol=0.02)


def test_absurd_values_are_clipped() -> None:
    x = np.random.default_rng(0).normal(size=1_000)
    rows = Examples(Table({"x": Column.numbers(x)}), {"x": "number"}, 2 * x, None, np.arange(1_000))
    model = LinearLearner().fit(Problem("regression"), rows, rows)
    low, high = model.predict(Table({"x": Column.numbers([-1e12, 1e12])}))
    assert -20 < low < -5 and 5 < high < 20


def test_a_missing_number_has_its_own_weight() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=2_000)
    gone = random.random(2_000) < 0.3
    y = np.where(gone, 5.0, x)
    rows = Examples(Table({"x": Column.numbers(np.where(gone, np.nan, x))}), {"x": "number"}, y, None, np.arange(2_000))
    model = LinearLearner().fit(Problem("regression"), rows, rows)
    assert model.predict(Table({"x": Column.numbers([None])}))[0] == pytest.approx(5, abs=0.1)


def test_an_unseen_level_counts_as_the_rare_ones() -> None:
    levels = ["a"] * 500 + ["b"] * 500 + [f"rare {i}" for i in range(30)]
    y = np.array([0.0] * 500 + [1.0] * 500 + [9.0] * 30)
    rows = Examples(Table({"c": Column.strings(levels)}), {"c": "category"}, y, None, np.arange(1_030))
    model = LinearLearner().fit(Problem("regression"), rows, rows)
    assert model.predict(Table({"c": Column.strings(["never seen"])}))[0] == pytest.approx(9, abs=0.6)


def test_words_are_learned_and_a_missing_text_has_none() -> None:
    random = np.random.default_rng(2)
    vocabulary = ["good", "bad", "pizza", "slow", "the", "ein Ü", "very"]
    texts = [" ".join(random.choice(vocabulary, 6)) for _ in range(800)]
    y = np.array([("good" in t) * 1.0 for t in texts])
    rows = Examples(Table({"t": Column.strings([None, *texts[1:]])}), {"t": "text"}, y, None, np.arange(800))
    model = LinearLearner().fit(Problem("binary"), rows, rows)
    good, bad, gone, new = model.predict(Table({"t": Column.strings(["GOOD, pizza!", "bad pizza", None, "zzz"])}))
    assert good > 0.8 > 0.3 > bad
    assert gone == new == sigmoid(model.weights.intercept)[0]
    assert model.importance == {"t": 1.0}


def test_many_classes_of_digits() -> None:
    X, y = datasets.load_digits(return_X_y=True)
    columns = {f"p{j}": Column.numbers(X[:, j]) for j in range(64)}
    rows = Examples(Table(columns), dict.fromkeys(columns, "number"), y, None, np.arange(len(y)))
    problem = Problem("multi-class", tuple("0123456789"))
    model = LinearLearner().fit(problem, rows.take(np.arange(1_000)), rows.take(np.arange(1_000, 1_300)))
    judge = rows.take(np.arange(1_300, len(y)))
    assert (model.predict(judge.features).argmax(axis=1) == judge.target).mean() > 0.88
