"""Models of odd shapes: each is answered bit for bit like LightGBM, and it is known by what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.models import forest as seam
from poise.models.booster import lightgbm
from poise.models.forest import probe_rows, scorer_of
from poise.models.forest_text import NotServed, read_forest
from poise.models.mask_tables import mask_tables
from poise.models.proof import same_bits

BASE = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "min_data_in_leaf": 2}
EAGER = {"min_data_per_group": 1, "cat_smooth": 0.1, "cat_l2": 0.0}
RF = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
MASKS, LIGHTGBM = "masks", "LightGBM"
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "categories only": (MASKS, {"columns": [4, 5, 6], **EAGER}),
    "huge categories": (MASKS, {"columns": [0, 6], "max_cat_threshold": 500, **EAGER}),
    "one leaf": (MASKS, {"min_data_in_leaf": 100_000}),
    "one tree": (MASKS, {"rounds": 1}),
    "2,000 trees": (MASKS, {"rounds": 2_000, "num_leaves": 15, "learning_rate": 0.01}),
    "33 leaves": (MASKS, {"num_leaves": 33}),
    "64 leaves": (MASKS, {"num_leaves": 64}),
    "65 leaves": (MASKS, {"num_leaves": 65}),
    "255 leaves": (MASKS, {"num_leaves": 255, **EAGER}),
    "1,000 leaves of three classes": (MASKS, {"objective": "multiclass", "num_leaves": 1_000, "rounds": 5}),
    "linear trees": (LIGHTGBM, {"linear_tree": True, "holes": False}),
    "linear trees with missing values": (LIGHTGBM, {"linear_tree": True}),
    "weights": (MASKS, {"weighted": True, "objective": "binary"}),
    "monotone": (MASKS, {"monotone_constraints": [1, -1, 0, 0, 0, 0, 0], "monotone_constraints_method": "advanced"}),
    "seven classes": (MASKS, {"objective": "multiclass", "num_class": 7, "rounds": 10}),
    "one against all": (MASKS, {"objective": "multiclassova", "num_class": 3, "rounds": 10}),
    "dart": (MASKS, {"boosting": "dart", "drop_rate": 0.5, "objective": "binary"}),
    "random forest": (LIGHTGBM, RF),
    "zero as missing": (MASKS, {"zero_as_missing": True}),
    "missing is nothing": (MASKS, {"use_missing": False}),
    "extra random": (MASKS, {"extra_trees": True, "max_bin": 1_000}),
    "quantile": (MASKS, {"objective": "quantile", "alpha": 0.9}),
    "counts": (MASKS, {"objective": "poisson", "positive": True}),
    "absolute": (MASKS, {"objective": "mae"}),
    "lambdarank": (MASKS, {"objective": "lambdarank", "group": 20, "classes": 4}),
    "goss": (MASKS, {"data_sample_strategy": "goss"}),
    "forced bins of zero": (MASKS, {"max_bin": 2, "min_data_in_bin": 1}),
    "quantised training": (MASKS, {"use_quantized_grad": True}),
    "interactions": (MASKS, {"interaction_constraints": [[0, 1], [2, 3, 4, 5, 6]]}),
}


def rows_of(seed: int, holes: bool = True) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """1,500 rows: numbers (one with many zeros, one tiny, one of infinities), categories of 5, 300 and huge levels."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(1_500, 7))
    X[:, 1] = np.where(random.random(1_500) < 0.4, 0.0, X[:, 1])
    X[:, 2] *= 1e-35
    X[:, 3] = np.where(random.random(1_500) < 0.1, np.inf * np.sign(X[:, 3]), X[:, 3])
    X[:, 4] = random.integers(0, 5, 1_500)
    X[:, 5] = random.integers(0, 300, 1_500)
    X[:, 6] = random.choice(np.array([0, 1, 31, 32, 63, 64, 1_000, 65_535, 100_000, 250_000]), 1_500)
    y = X[:, 0] + X[:, 1] * (X[:, 4] == 2) + np.sin(X[:, 5]) + np.cos(X[:, 6]) + random.normal(size=1_500) * 0.3
    if holes:
        X[random.random(X.shape) < 0.1] = np.nan
    return X, y


def grown(options: dict[str, Any], seed: int) -> tuple[lightgbm.Booster, NDArray[np.float64]]:
    """A model of the options; those that are not LightGBM's own say what the rows are like."""
    given = {**BASE, "objective": "regression", "num_leaves": 31, "seed": seed, **options}
    X, y = rows_of(seed, given.pop("holes", True))
    columns = given.pop("columns", list(range(X.shape[1])))
    rounds, weighted, group = given.pop("rounds", 25), given.pop("weighted", False), given.pop("group", None)
    classes = given.pop("classes", None)
    if given["objective"] == "binary":
        y = (y > 0.3) * 1.0
    if given["objective"].startswith("multiclass"):
        classes = given.setdefault("num_class", 3)
    if classes is not None:
        y = np.digitize(y, np.quantile(y, np.linspace(0, 1, classes + 1)[1:-1])) * 1.0
    if given.pop("positive", False):
        y = np.exp(y)
    X = np.ascontiguousarray(X[:, columns])
    categories = [at for at, column in enumerate(columns) if column >= 4]
    if given.get("linear_tree"):
        X[np.isinf(X)] = 9.0
    weight = np.random.default_rng(seed).exponential(size=len(X)) if weighted else None
    sizes = None if group is None else np.full(len(X) // group, group)
    data = lightgbm.Dataset(X, y, weight=weight, group=sizes, categorical_feature=categories, params=given)
    return lightgbm.train(given, data, rounds), X


def scored(booster: lightgbm.Booster, X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray(np.reshape(booster.predict(X, raw_score=True, num_threads=1), (len(X), -1)))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_shape_is_answered_exactly_and_by_what_is_said(name: str, seed: int) -> None:
    engine, options = CASES[name]
    booster, X = grown(options, seed)
    text = booster.model_to_string()
    probes = probe_rows(text, X, seed)
    scorer, note = scorer_of(text, probes, scored(booster, probes))
    assert scorer.engine == engine, note
    assert (note is None) == (engine == MASKS)
    others = np.concatenate([X[:200], *(probe_rows(text, X, 100 * seed + i) for i in range(4))])
    known = scored(booster, others)
    assert same_bits(scorer.raw(others), known)
    if engine != MASKS:
        return
    random = np.random.default_rng(seed)
    for among in (3, 2):  # with columns that depend on both, and without
        sides = random.integers(0, among, X.shape[1])
        request, item = np.flatnonzero(sides == 0).tolist(), np.flatnonzero(sides == 1).tolist()
        split = scorer.sides(request, item)
        asked, kept = others[:, request].copy(), split.state(others[:, item].copy())
        for i in random.integers(0, len(others), 100):
            found = split.raw(asked[i : i + 1], kept, others[i : i + 1, split.mixed].copy(), np.array([i]))
            assert same_bits(found, known[i : i + 1])


def test_tables_too_large_are_not_built_and_the_trees_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    booster, X = grown({}, 1)
    text = booster.model_to_string()
    monkeypatch.setattr(seam, "mask_tables", lambda forest: mask_tables(forest, 1 << 10))
    probes = probe_rows(text, X, 1)
    scorer, note = scorer_of(text, probes, scored(booster, probes))
    assert scorer.engine == "walk"
    assert note is not None and "MB are allowed" in note
    assert same_bits(scorer.raw(X), scored(booster, X))


def test_a_column_that_is_number_and_category_in_turn_is_walked() -> None:
    first, X = grown({"columns": [0, 1, 4], "rounds": 3, **EAGER}, 1)
    text = first.model_to_string()
    trees = text.split("\nTree=")
    other, _ = grown({"columns": [1, 3, 0], "rounds": 3}, 1)
    joined = "\nTree=".join([*trees[:-1], *other.model_to_string().split("\nTree=")[1:]])
    with pytest.raises(NotServed, match="number in some trees and a category in others"):
        mask_tables(read_forest(joined))
    both = lightgbm.Booster(model_str=joined)
    probes = probe_rows(joined, X, 1)
    scorer, note = scorer_of(joined, probes, scored(both, probes))
    assert note is not None and "number in some trees" in note
    assert same_bits(scorer.raw(X), scored(both, X))
