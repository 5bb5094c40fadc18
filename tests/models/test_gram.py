"""Ridge from X'X: the same answer as scikit-learn's exact solver, dense and sparse, weighted and not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import Ridge

from poise.models.base import Examples, Problem
from poise.models.gram import MOST_COLUMNS, Gram
from poise.models.linear import LinearLearner
from poise.table import Column, Table


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.booleans(), st.booleans(), st.sampled_from([0.01, 1.0, 100.0]))
def test_agrees_with_the_exact_solver(seed, thin, weighted, penalty):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(5, 60)), int(rng.integers(1, 12))
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.5) + (0 if thin else 3)
    y = X @ rng.normal(size=d) + rng.normal(size=n) + 50
    weight = rng.random(n) + 0.1 if weighted else np.ones(n)
    coefficients, intercept = Gram.of(sparse.csr_matrix(X) if thin else X, y, weight).solve(penalty)
    exact = Ridge(penalty, solver="cholesky").fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(coefficients, exact.coef_, rtol=1e-6, atol=1e-8)
    assert intercept == pytest.approx(exact.intercept_, rel=1e-6)


def test_columns_of_a_row_need_not_ascend():
    rows = sparse.csr_matrix((np.array([2.0, 1.0, 3.0]), np.array([1, 0, 0]), np.array([0, 2, 3])), shape=(2, 2))
    found = Gram.of(rows, np.array([1.0, 2.0]), np.ones(2)).square
    np.testing.assert_allclose(found, np.cov(rows.toarray().T, ddof=0) * 2)


def test_wide_matrices_are_left_to_iterations():
    assert not Gram.fits(sparse.csr_matrix((10, MOST_COLUMNS + 1)))
    assert Gram.fits(sparse.csr_matrix((10, MOST_COLUMNS)))


def test_targets_beyond_float64_still_get_an_answer():
    x = np.linspace(-1, 1, 400)
    rows = Examples(Table({"x": Column.numbers(x)}), {"x": "number"}, x * 1e200, None, np.arange(400))
    model = LinearLearner().fit(Problem("regression"), rows, rows)
    assert np.isfinite(model.predict(rows.features)).all()


def test_settings_of_an_earlier_fit_are_kept():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    y = x + rng.normal(size=600)
    rows = Examples(Table({"x": Column.numbers(x)}), {"x": "number"}, y, None, np.arange(600))
    learner, problem = LinearLearner(), Problem("regression")
    first = learner.fit(problem, rows.take(np.arange(400)), rows.take(np.arange(400, 600)))
    again = learner.fit_like(first, problem, rows.take(np.arange(300)), rows.take(np.arange(300, 400)))
    assert again.settings == first.settings
