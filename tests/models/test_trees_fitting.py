"""Statistics of the target: no row sees its own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poise.models.trees_fitting import PRIOR_ROWS, ordered_means, smoothed_means


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_a_row_sees_the_rows_before_it_and_never_itself(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    codes, order = random.integers(0, 4, n), random.permutation(n)
    target, weight = random.normal(size=(n, 2)), random.uniform(0.5, 2, n)
    out = ordered_means(codes, target, weight, order, 4)
    prior = np.average(target, axis=0, weights=weight)
    for place, row in enumerate(order):
        before = [r for r in order[:place] if codes[r] == codes[row]]
        sums = (weight[before, None] * target[before]).sum(axis=0) + PRIOR_ROWS * prior
        np.testing.assert_allclose(out[row], sums / (weight[before].sum() + PRIOR_ROWS), atol=1e-12)


def test_a_level_without_rows_has_the_mean_of_all() -> None:
    out = smoothed_means(np.array([0, 0]), np.array([[1.0], [3.0]]), np.ones(2), 3)
    np.testing.assert_allclose(out.ravel(), [2.0, 2.0, 2.0])
