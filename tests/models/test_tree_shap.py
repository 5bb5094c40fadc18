"""Shapley values of forests: against LightGBM's own, and against the definition, subset by subset."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.models.booster import lightgbm
from poise.models.forest import probe_rows
from poise.models.forest_text import NotServed
from poise.models.tree_shap import TreeShap

BASE = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 3}
SHAPES = {
    "binary with categories": {"objective": "binary", "min_data_per_group": 5, "cat_smooth": 1},
    "three classes": {"objective": "multiclass", "num_class": 3, "min_data_per_group": 5},
    "zero as missing": {"objective": "regression", "zero_as_missing": True},
    "no missing values": {"objective": "regression", "use_missing": False},
    "one leaf": {"objective": "regression", "min_data_in_leaf": 100_000},
    "stumps": {"objective": "binary", "num_leaves": 2},
    "deep": {"objective": "regression", "num_leaves": 255, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0},
    "dart": {"objective": "binary", "boosting": "dart", "drop_rate": 0.5},
    "weighed": {"objective": "binary", "is_unbalance": True},
}


def training(seed: int, columns: int = 6) -> tuple[NDArray, NDArray]:
    """2,000 rows: numbers (one with zeros, one tiny), and in the last two columns categories of 5 and 300 levels."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(2_000, columns))
    X[:, 1] = np.where(random.random(2_000) < 0.4, 0.0, X[:, 1])
    X[:, 2] *= 1e-35
    X[:, -2] = random.integers(0, 5, 2_000)
    X[:, -1] = random.integers(0, 300, 2_000)
    y = X[:, 0] + X[:, 1] * (X[:, -2] == 2) + np.sin(X[:, -1]) + X[:, 3 : columns - 2].sum(axis=1) * 0.3
    y += random.normal(size=2_000) * 0.3
    X[random.random(X.shape) < 0.1] = np.nan
    return X, y


def trained(params: dict, columns: int = 6, rounds: int = 20) -> tuple[lightgbm.Booster, NDArray]:
    X, y = training(4, columns)
    y = (y > 0.3) * 1.0 if params["objective"] == "binary" else y
    y = np.digitize(y, [-0.5, 0.7]) * 1.0 if params["objective"] == "multiclass" else y
    data = lightgbm.Dataset(X, y, categorical_feature=[columns - 2, columns - 1], params=BASE)
    return lightgbm.train({**BASE, **params}, data, rounds), X


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("columns", [6, 20])
def test_the_same_as_lightgbm(name: str, columns: int) -> None:
    booster, X = trained(SHAPES[name], columns)
    text = booster.model_to_string()
    rows = np.concatenate([X[:60], probe_rows(text, X, 1)[:60]])
    shap = TreeShap(text)
    mine = shap.contributions(rows)
    theirs = booster.predict(rows, pred_contrib=True).reshape(len(rows), mine.shape[1], columns + 1)
    np.testing.assert_allclose(mine, theirs[:, :, :-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(shap.base, theirs[0, :, -1], rtol=0, atol=1e-9)
    raw = booster.predict(rows, raw_score=True).reshape(len(rows), -1)
    np.testing.assert_allclose(mine.sum(axis=2) + shap.base, raw, rtol=0, atol=1e-9)


def expectation(tree: dict, row: NDArray, known: frozenset[int]) -> float:
    """What a tree says where only some columns are known: else both ways, by the rows that went there."""
    if "leaf_value" in tree:
        return tree["leaf_value"]
    left, right = tree["left_child"], tree["right_child"]
    if tree["split_feature"] in known:
        goes = row[tree["split_feature"]] <= tree["threshold"]
        return expectation(left if goes else right, row, known)
    count = [side.get("internal_count", side.get("leaf_count")) for side in (left, right)]
    return sum(n / sum(count) * expectation(side, row, known) for n, side in zip(count, (left, right), strict=True))


def test_the_same_as_the_definition() -> None:
    """A column's marginal effect, averaged over all orders in which columns become known (Shapley, 1953)."""
    random = np.random.default_rng(0)
    X = random.normal(size=(500, 5))
    y = X[:, 0] * X[:, 1] + X[:, 2] + X[:, 3] * X[:, 4]
    booster = lightgbm.train({**BASE, "objective": "regression", "min_data_in_leaf": 5}, lightgbm.Dataset(X, y), 4)
    trees = [one["tree_structure"] for one in booster.dump_model()["tree_info"]]

    def value(row: NDArray, known: frozenset[int]) -> float:
        return sum(expectation(tree, row, known) for tree in trees)

    shap = TreeShap(booster.model_to_string())
    assert shap.base[0] == pytest.approx(value(X[0], frozenset()), abs=1e-12)
    for row in X[:5]:
        got = shap.contributions(row[None, :])[0, 0]
        for j in range(5):
            others, want = [i for i in range(5) if i != j], 0.0
            for size in range(5):
                for chosen in combinations(others, size):
                    weight = factorial(size) * factorial(4 - size) / factorial(5)
                    want += weight * (value(row, frozenset({*chosen, j})) - value(row, frozenset(chosen)))
            assert got[j] == pytest.approx(want, abs=1e-12)


def test_a_text_without_counts_is_refused() -> None:
    booster, _ = trained(SHAPES["stumps"])
    lines = booster.model_to_string().splitlines()
    with pytest.raises(NotServed, match="how many rows"):
        TreeShap("\n".join(line for line in lines if not line.startswith("internal_count")))


def test_no_rows() -> None:
    booster, X = trained(SHAPES["stumps"])
    assert TreeShap(booster.model_to_string()).contributions(X[:0]).shape == (0, 1, 6)
