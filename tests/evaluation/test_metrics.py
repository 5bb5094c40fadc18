"""Every metric: equal to scikit-learn's where it has a twin, NaN with a reason where it is not defined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from poise import registry
from poise.errors import PoiseError
from poise.evaluation.base import Metric
from poise.evaluation.quantile_loss import QuantileLoss

BINARY = {
    "log_loss": lambda y, p, w: sk.log_loss(y, p, sample_weight=w),
    "auc": lambda y, p, w: sk.roc_auc_score(y, p, sample_weight=w),
    "average_precision": lambda y, p, w: sk.average_precision_score(y, p, sample_weight=w),
    "brier": lambda y, p, w: sk.brier_score_loss(y, p, sample_weight=w),
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p >= 0.5, sample_weight=w),
    "macro_f1": lambda y, p, w: sk.f1_score(y, p >= 0.5, average="macro", sample_weight=w),
    "micro_f1": lambda y, p, w: sk.f1_score(y, p >= 0.5, average="micro", sample_weight=w),
}
REGRESSION = {
    "mae": lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w),
    "rmse": lambda y, p, w: sk.root_mean_squared_error(y, p, sample_weight=w),
    "quantile_loss": lambda y, p, w: sk.mean_pinball_loss(y, p, sample_weight=w, alpha=0.5),
}
CLASSES = {
    "log_loss": lambda y, p, w: sk.log_loss(y, p, sample_weight=w),
    "auc": lambda y, p, w: sk.roc_auc_score(y, p, sample_weight=w, multi_class="ovr", average="macro"),
    "brier": lambda y, p, w: sk.brier_score_loss(y, p, sample_weight=w),
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w),
    "macro_f1": lambda y, p, w: sk.f1_score(y, p.argmax(1), average="macro", sample_weight=w),
    "micro_f1": lambda y, p, w: sk.f1_score(y, p.argmax(1), average="micro", sample_weight=w),
}
LABELS = {
    "auc": lambda y, p, w: sk.roc_auc_score(y, p, sample_weight=w, average="macro"),
    "average_precision": lambda y, p, w: sk.average_precision_score(y, p, sample_weight=w, average="macro"),
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p >= 0.5, sample_weight=w),
    "macro_f1": lambda y, p, w: sk.f1_score(y, p >= 0.5, average="macro", sample_weight=w),
    "micro_f1": lambda y, p, w: sk.f1_score(y, p >= 0.5, average="micro", sample_weight=w),
    "log_loss": lambda y, p, w: np.mean([sk.log_loss(y[:, j], p[:, j], sample_weight=w) for j in range(y.shape[1])]),
    "brier": lambda y, p, w: np.mean(
        [sk.brier_score_loss(y[:, j], p[:, j], sample_weight=w) for j in range(y.shape[1])]
    ),
}


def metric(name: str) -> Metric:
    made: Metric = registry.get("metric", name)()
    return made


def drawn(kind: str, seed: int, rows: int = 300, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Random targets and predictions of one problem type; with `ties` predictions have one digit."""
    rng = np.random.default_rng(seed)
    if kind == "regression":
        return rng.normal(size=rows), rng.normal(size=rows)
    if kind == "binary":
        y, p = rng.integers(2, size=rows), rng.random(rows)
    elif kind == "classes":
        y, p = rng.integers(4, size=rows), rng.dirichlet(np.ones(4), size=rows)
    else:
        y, p = rng.integers(2, size=(rows, 3)), rng.random((rows, 3))
    if ties and kind != "classes":
        p = p.round(1)
    return y, p


CASES = [
    (kind, name, twin)
    for kind, twins in (("binary", BINARY), ("regression", REGRESSION), ("classes", CLASSES), ("labels", LABELS))
    for name, twin in twins.items()
]


@pytest.mark.parametrize(("kind", "name", "twin"), CASES, ids=[f"{kind}-{name}" for kind, name, _ in CASES])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_to_scikit_learn(kind, name, twin, ties, weighted) -> None:  # type: ignore[no-untyped-def]
    for seed in range(3):
        y, p = drawn(kind, seed, ties=ties)
        w = np.random.default_rng(seed + 9).random(len(y)) if weighted else None
        assert metric(name).score(y, p, w) == pytest.approx(twin(y, p, w), abs=1e-12)


def test_every_metric_says_its_name_and_direction() -> None:
    found = registry.names("metric")
    assert len(found) >= 11
    for name in found:
        made = metric(name)
        assert made.name == name and made.works_with and isinstance(made.bigger_is_better, bool)


SHAPES = {"binary": "binary", "regression": "regression", "multi-class": "classes", "multi-label": "labels"}
PAIRS = [(name, kind) for name in registry.names("metric") for kind in sorted(metric(name).works_with)]


@pytest.mark.parametrize(("name", "kind"), PAIRS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), ties=st.booleans(), blocks=st.integers(2, 12))
def test_without_blocks_is_the_score_of_the_other_rows(
    name: str, kind: str, seed: int, ties: bool, blocks: int
) -> None:
    made = metric(name)
    y, p = drawn(SHAPES[kind], seed, rows=120, ties=ties)
    codes = np.random.default_rng(seed + 99).integers(blocks, size=120)
    if name == "calibration_error":  # its bins stay where all rows put them
        assert np.isfinite(made.without_blocks(y, p, codes, blocks)).all()
        return
    found = made.without_blocks(y, p, codes, blocks)
    for block in range(blocks):
        kept = codes != block
        assert found[block] == pytest.approx(made.mean_score(y[kept], p[kept]), abs=1e-10)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_degenerate_rows_give_nan_with_a_reason(name: str, kind: str) -> None:
    made = metric(name)
    y, p = drawn(SHAPES[kind], 1, rows=60)
    assert np.isnan(made.score(y[:0], p[:0])) and made.reason(y[:0], p[:0]) == "there are no rows"
    gone = p.copy()
    gone[3] = np.nan
    assert np.isnan(made.score(y, gone))
    assert made.reason(y, gone) == "the prediction is missing or infinite in 1 of 60 rows"


def test_a_metric_that_scores_nothing_is_named() -> None:
    class Unfinished(Metric):
        name = "profit"
        bigger_is_better = True
        works_with = frozenset({"binary"})

    with pytest.raises(PoiseError, match=r"the metric 'profit' \(.*\.Unfinished\) gives neither losses nor mean_score"):
        Unfinished().score(np.zeros(2), np.zeros(2))


def test_one_class_only_has_no_ranking() -> None:
    y, p = np.zeros(50), np.linspace(0, 1, 50)
    for name in ("auc", "average_precision"):
        assert np.isnan(metric(name).score(y, p)) and metric(name).reason(y, p)
    assert np.isfinite(metric("log_loss").score(y, p))


def test_a_certain_mistake_costs_much_but_not_everything() -> None:
    assert 36 < metric("log_loss").score(np.array([1]), np.array([0.0])) < 37


def test_quantile_loss_at_another_quantile() -> None:
    y, p = drawn("regression", 0)
    assert QuantileLoss(0.8).score(y, p) == pytest.approx(sk.mean_pinball_loss(y, p, alpha=0.8))


def test_calibration_error_is_not_biased_by_chance() -> None:
    rng = np.random.default_rng(0)
    squares = []
    for _ in range(400):
        p = rng.beta(2, 2, 400)
        squares.append(metric("calibration_error").mean_score((rng.random(400) < p).astype(float), p))
    assert abs(np.mean(squares)) < 3 * np.std(squares) / 20  # 0 within three standard errors


def test_calibration_error_finds_what_is_there() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.2, 0.8, 20_000)
    y = (rng.random(20_000) < p + 0.1).astype(float)
    assert metric("calibration_error").score(y, p) == pytest.approx(0.1, abs=0.015)
    assert metric("calibration_error").score(10 * p + 3, 10 * p) == pytest.approx(3.0)


def test_a_class_that_never_occurs_does_not_count() -> None:
    y, p = np.array([[1, 0], [0, 0]] * 20), np.array([[0.9, 0.1], [0.2, 0.3]] * 20)
    assert metric("macro_f1").score(y, p) == 1.0
    assert metric("auc").score(y, p) == 1.0
