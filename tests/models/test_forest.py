"""The kernel against LightGBM, bit for bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.errors import StateError
from poise.models.booster import lightgbm
from poise.models.forest import probe_rows, scorer_of
from poise.models.forest_text import NotServed, read_forest
from poise.models.forest_walk import WalkScorer
from poise.models.lightgbm_library import LibraryScorer
from poise.models.mask_scorer import MaskScorer
from poise.models.mask_tables import mask_tables
from poise.models.proof import Proof, same_bits

BASE = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 3}
SHAPES = {
    "binary with categories": {"objective": "binary", "min_data_per_group": 5, "cat_smooth": 1},
    "regression": {"objective": "regression", "num_leaves": 63, "min_data_in_leaf": 1},
    "three classes": {"objective": "multiclass", "num_class": 3, "min_data_per_group": 5},
    "zero as missing": {"objective": "regression", "zero_as_missing": True},
    "no missing values": {"objective": "regression", "use_missing": False},
    "one leaf": {"objective": "regression", "min_data_in_leaf": 100_000},
    "stumps": {"objective": "binary", "num_leaves": 2},
    "deep": {"objective": "regression", "num_leaves": 255, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0},
    "dart": {"objective": "binary", "boosting": "dart", "drop_rate": 0.5},
    "one-hot categories": {"objective": "binary", "max_cat_to_onehot": 1_000, "min_data_per_group": 1},
    "monotone": {"objective": "regression", "monotone_constraints": [1, 0, 0, 0, 0, 0]},
    "extra random": {"objective": "regression", "extra_trees": True, "path_smooth": 1.0},
}


def training(seed: int, holes: bool = True) -> tuple[NDArray, NDArray]:
    """2,000 rows: four numbers (one with zeros, one tiny), and categories of 5 and 300 levels."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(2_000, 6))
    X[:, 1] = np.where(random.random(2_000) < 0.4, 0.0, X[:, 1])
    X[:, 2] *= 1e-35
    X[:, 4] = random.integers(0, 5, 2_000)
    X[:, 5] = random.integers(0, 300, 2_000)
    y = X[:, 0] + X[:, 1] * (X[:, 4] == 2) + np.sin(X[:, 5]) + random.normal(size=2_000) * 0.3
    if holes:
        X[random.random(X.shape) < 0.1] = np.nan
    return X, y


def trained(params: dict, seed: int = 0, holes: bool = True, rounds: int = 30) -> tuple[lightgbm.Booster, NDArray]:
    X, y = training(seed, holes)
    if params["objective"] == "binary":
        y = (y > 0.3) * 1.0
    if params["objective"] == "multiclass":
        y = np.digitize(y, [-0.5, 0.7]) * 1.0
    options = {**BASE, **params}
    data = lightgbm.Dataset(X, y, categorical_feature=[4, 5], params=options)
    return lightgbm.train(options, data, rounds), X


def raw(booster: lightgbm.Booster, X: NDArray) -> NDArray:
    return np.ascontiguousarray(booster.predict(X, raw_score=True).reshape(len(X), -1))


def by_masks(booster: lightgbm.Booster, X: NDArray) -> MaskScorer:
    text = booster.model_to_string()
    probes = probe_rows(text, X, 0)
    return MaskScorer(mask_tables(read_forest(text)), Proof(probes, raw(booster, probes)))


def hostile(text: str, X: NDArray, rows: int = 3_000) -> NDArray:
    """Many rows of thresholds, 1 ulp beside them, NaN, inf, subnormals, and odd categories."""
    return np.concatenate([probe_rows(text, X, seed) for seed in range(rows // 256)])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("holes", [True, False])
def test_the_kernel_gives_every_bit_of_lightgbm(shape: str, holes: bool) -> None:
    booster, X = trained(SHAPES[shape], seed=len(shape), holes=holes)
    text = booster.model_to_string()
    rows = np.concatenate([X[:500], hostile(text, X)])
    known = raw(booster, rows)
    assert same_bits(WalkScorer(read_forest(text)).raw(rows), known)
    assert same_bits(by_masks(booster, X).raw(rows), known)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("request_side", "item_side"), [((0, 5), (1, 2)), ((), (4, 3, 0)), ((2,), ()), ((), ()), ((0, 2, 4), (1, 3, 5))]
)
def test_split_in_request_and_item_gives_the_same_bits(shape: str, request_side: tuple, item_side: tuple) -> None:
    booster, X = trained(SHAPES[shape])
    kernel = by_masks(booster, X)
    split = kernel.sides(request_side, item_side)  # which proves itself, row by row and together
    rows = hostile(booster.model_to_string(), X, 512)
    rows[:, request_side] = rows[:1, request_side]
    asked = rows[:1, request_side].copy()
    kept = split.state(np.ascontiguousarray(rows[:, item_side]))
    assert kept.nbytes == len(rows) * split.bytes_per_row
    order = np.random.default_rng(0).integers(0, len(rows), 301)
    mixed = np.ascontiguousarray(rows[order][:, split.mixed])
    assert same_bits(split.raw(asked, kept, mixed, order), raw(booster, rows[order]))


def test_what_does_not_prove_itself_split_is_not_used() -> None:
    booster, X = trained(SHAPES["regression"])
    kernel = by_masks(booster, X)
    kernel.proof.scores[5, 0] = np.nextafter(kernel.proof.scores[5, 0], 0)
    with pytest.raises(NotServed, match="differ"):
        kernel.sides([0], [1])
    with pytest.raises(NotServed, match="whole rows"):
        WalkScorer(read_forest(booster.model_to_string())).sides([0], [1])


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    booster, X = trained(SHAPES["binary with categories"])
    kernel = by_masks(booster, X)
    alone = np.concatenate([kernel.raw(X[i : i + 1]) for i in range(200)])
    assert same_bits(alone, kernel.raw(X)[:200])


def test_no_rows() -> None:
    booster, X = trained(SHAPES["three classes"])
    assert by_masks(booster, X).raw(X[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"objective": "regression", "linear_tree": True}, "linear"),
        (
            {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
            "averaged",
        ),
    ],
)
def test_what_the_kernel_cannot_serve_falls_back_and_says_so(params: dict, reason: str) -> None:
    X, y = training(1, holes=False)
    options = {**BASE, **params}
    booster = lightgbm.train(options, lightgbm.Dataset(X[:, :4], (y > 0) * 1.0, params=options), 10)
    text = booster.model_to_string()
    with pytest.raises(NotServed, match=reason):
        read_forest(text)
    probes = probe_rows(text, X[:, :4], 0)
    scorer, note = scorer_of(text, probes, raw(booster, probes))
    assert isinstance(scorer, LibraryScorer)
    assert note is not None and reason in note
    assert same_bits(scorer.raw(X[:300, :4].copy()), raw(booster, X[:300, :4].copy()))


def test_a_single_wrong_bit_in_a_probe_is_noticed() -> None:
    booster, X = trained(SHAPES["regression"])
    text = booster.model_to_string()
    probes = probe_rows(text, X, 0)
    scores = raw(booster, probes)
    scorer, note = scorer_of(text, probes, scores)
    assert isinstance(scorer, MaskScorer) and note is None
    scores[3, 0] = np.nextafter(scores[3, 0], np.inf)
    scorer, note = scorer_of(text, probes, scores)
    assert isinstance(scorer, LibraryScorer) and note is not None and "differ" in note


@pytest.mark.parametrize("cut", ["", "tree\nversion=v9\nend of trees", "half"])
def test_text_that_is_not_lightgbms_is_refused(cut: str) -> None:
    booster, _ = trained(SHAPES["stumps"])
    text = booster.model_to_string()[:600] if cut == "half" else cut
    with pytest.raises(NotServed):
        read_forest(text)


ANSWERED_BY_THE_LIBRARY = """
import sys
import numpy as np
from poise.models.forest import scorer_of
folder = sys.argv[1]
rows, scores = np.load(folder + "/rows.npy"), np.load(folder + "/scores.npy")
scorer, note = scorer_of(open(folder + "/model.txt").read(), rows, scores)
assert scorer.engine == "LightGBM", note
assert np.array_equal(scorer.raw(rows).view(np.int64), scores.view(np.int64))
heavy = {"lightgbm", "sklearn", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""


def test_lightgbm_answers_without_its_python_package(tmp_path: Path) -> None:
    X, y = training(1, holes=False)
    booster = lightgbm.train({**BASE, "linear_tree": True}, lightgbm.Dataset(X, y, params={"linear_tree": True}), 5)
    (tmp_path / "model.txt").write_text(booster.model_to_string())
    np.save(tmp_path / "rows.npy", X[:300])
    np.save(tmp_path / "scores.npy", raw(booster, X[:300].copy()))
    command = [sys.executable, "-c", ANSWERED_BY_THE_LIBRARY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_another_lightgbm_than_the_one_that_learned_is_named() -> None:
    booster, X = trained({"objective": "regression", "linear_tree": True}, holes=False)
    text = booster.model_to_string()
    scorer, note = scorer_of(text, X[:50].copy(), raw(booster, X[:50].copy()) + 1e-9)
    assert scorer.engine == "LightGBM" and note is not None and "otherwise" in note
    with pytest.raises(StateError, match="6 float64 columns; 5 came"):
        scorer.raw(X[:, :5].copy())
