"""Models of LightGBM whose settings and rows are drawn at random: each is answered bit for bit, or says that LightGBM
answers in the kernel's place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.models.booster import lightgbm
from poise.models.forest import probe_rows, scorer_of
from poise.models.proof import same_bits

MODELS = 200
DRAWN: dict[str, list[Any]] = {
    "objective": ["regression", "regression_l1", "huber", "poisson", "quantile", "gamma", "tweedie", "cross_entropy"],
    "boosting": ["gbdt", "gbdt", "dart", "rf"],
    "num_leaves": [2, 3, 32, 33, 64, 65, 255],
    "max_bin": [2, 15, 255, 1000],
    "min_data_in_leaf": [1, 2, 20],
    "linear_tree": [False, False, False, True],
    "extra_trees": [False, True],
    "zero_as_missing": [False, False, True],
    "use_missing": [True, True, False],
    "max_cat_to_onehot": [4, 100],
    "cat_l2": [0.0, 10.0],
    "min_data_per_group": [1, 100],
}
SAME = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "bagging_freq": 1}
ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e-35, -1.0, -0.5, 31.0, 32.0, 2.0**31 - 0.5, 2.0**32, 1e300]


def rows_of(random: np.random.Generator) -> tuple[NDArray[np.float64], list[int]]:
    """Rows of numbers that are tiny, huge, constant, always missing or infinite, and of categories; which those are."""
    n, width = int(random.choice([30, 300, 1_500])), int(random.choice([1, 5, 20]))
    X, categories = random.normal(size=(n, width)), []
    for j in range(width):
        kind = int(random.integers(0, 8))
        if kind < 3:
            X[:, j] *= [1e-35, 10.0 ** random.integers(-300, 300), np.where(random.random(n) < 0.1, np.inf, 1.0)][kind]
        elif kind < 5:
            X[:, j] = [3.0, np.nan][kind - 3]
        elif kind < 7:
            X[:, j] = random.choice([[0, 5, 31, 32, 300], [-2, 0, 1_000, 65_535, 5_000_000]][kind - 5], n)
            categories.append(j)
    if random.random() < 0.5:
        X[random.random(X.shape) < 0.15] = np.nan
    return X, categories


@pytest.mark.soak
def test_two_hundred_models_drawn_at_random() -> None:
    engines: set[str] = set()
    for seed in range(MODELS):
        random = np.random.default_rng(seed)
        X, categories = rows_of(random)
        settings = {name: random.choice(np.array(values, object)) for name, values in DRAWN.items()}
        known = np.clip(np.nan_to_num(X, posinf=5.0, neginf=-5.0), -5, 5) @ random.normal(size=X.shape[1])
        y = 1 / (1 + np.exp(-known - random.normal(size=len(X)))) + 0.001
        options = {**SAME, **settings, "bagging_fraction": 0.7, "seed": seed}
        weight = random.exponential(size=len(X)) if seed % 3 == 0 else None
        data = lightgbm.Dataset(X, np.minimum(y, 1.0), weight=weight, categorical_feature=categories, params=options)
        try:
            booster = lightgbm.train(options, data, int(random.choice([1, 20, 60])))
        except lightgbm.basic.LightGBMError:  # it refuses some of these together
            continue

        def scored(rows: NDArray[np.float64], by: Any = booster) -> NDArray[np.float64]:
            return np.ascontiguousarray(np.reshape(by.predict(rows, raw_score=True, num_threads=1), (len(rows), -1)))

        text = booster.model_to_string()
        probes = probe_rows(text, X, seed)
        scorer, note = scorer_of(text, probes, scored(probes))
        engines.add(scorer.engine)
        assert (note is None) == (scorer.engine == "masks"), seed
        others = np.concatenate([X, probe_rows(text, X, 1_000 + seed), random.choice(ODD, (300, X.shape[1]))])
        assert same_bits(scorer.raw(others), scored(others)), f"seed {seed}: {options}"
    assert engines == {"masks", "LightGBM"}
