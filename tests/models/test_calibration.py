"""Calibration corrects what is wrong, leaves what is right, and keeps the order of predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poise.models import curves
from poise.models.base import Problem
from poise.models.calibration import Calibration
from poise.models.links import logit, sigmoid, softmax
from poise.models.losses import mean_loss

RANDOM = np.random.default_rng(0)
BINARY = Problem("binary")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Each test draws the same numbers, whatever ran before it."""
    global RANDOM
    RANDOM = np.random.default_rng(0)


def drawn(p: np.ndarray) -> np.ndarray:
    return (RANDOM.random(p.shape) < p) * 1.0


def test_right_probabilities_are_left_alone() -> None:
    wrong = 0
    for _ in range(20):
        p = RANDOM.beta(1, 3, 4_000)
        wrong += Calibration.fit(BINARY, p, drawn(p)).method != "identity"
    assert wrong <= 3


@pytest.mark.parametrize(
    ("distort", "methods"),
    [
        (lambda z: z + 1.0, {"shift"}),
        (lambda z: 0.4 * z - 0.5, {"platt", "beta"}),
        (lambda z: np.where(z > 0, 3 * z, z), {"beta", "isotonic"}),
        (np.floor, {"platt", "beta", "isotonic"}),
    ],
)
def test_wrong_probabilities_are_mended(distort, methods: set[str]) -> None:
    z = RANDOM.normal(size=20_000)
    raw = sigmoid(distort(z))
    truth = drawn(sigmoid(z))
    half = slice(0, 10_000), slice(10_000, None)
    fitted = Calibration.fit(BINARY, raw[half[0]], truth[half[0]], time=np.arange(10_000))
    out = fitted.apply(raw[half[1]])
    assert fitted.method in methods
    assert mean_loss(BINARY, out, truth[half[1]]) < mean_loss(BINARY, raw[half[1]], truth[half[1]]) - 0.003
    assert fitted.apply(raw[half[0]]).mean() == pytest.approx(truth[half[0]].mean(), abs=2e-3)


@pytest.mark.parametrize("fit", [curves.fit_shift, curves.fit_platt, curves.fit_beta])
def test_the_mean_prediction_is_the_mean_truth(fit) -> None:
    p = RANDOM.beta(2, 5, 3_000)
    y, w = drawn(p**1.5), RANDOM.uniform(0.5, 2, 3_000)
    curve = fit(p, y, w)
    assert np.average(curve.apply(p), weights=w) == pytest.approx(np.average(y, weights=w), abs=1e-6)


probabilities = hnp.arrays(np.float64, st.integers(60, 120), elements=st.floats(0, 1))


@given(probabilities, st.integers(0, 2**32 - 1), st.sampled_from(["shift", "platt", "beta", "isotonic"]))
def test_binary_forms_keep_the_order_and_the_range(p: np.ndarray, seed: int, form: str) -> None:
    y = (np.random.default_rng(seed).random(len(p)) < p) * 1.0
    curve = getattr(curves, f"fit_{form}")(p, y, np.ones(len(p)))
    if curve is None:
        return
    grid = np.linspace(0, 1, 501)
    out = curve.apply(grid)
    assert out.min() >= 0 and out.max() <= 1
    assert (np.diff(out) >= 0).all()
    if form == "isotonic":
        assert (np.diff(out) > 0).all()


def test_classes_get_a_temperature_and_biases() -> None:
    problem = Problem("multi-class", ("a", "b", "c"))
    z = RANDOM.normal(size=(6_000, 3))
    truth = (softmax(z).cumsum(axis=1) > RANDOM.random((6_000, 1))).argmax(axis=1)
    sharp = Calibration.fit(problem, softmax(3 * z), truth)
    assert sharp.method == "temperature"
    np.testing.assert_allclose(sharp.apply(softmax(3 * z)), softmax(z), atol=0.05)
    tilted = Calibration.fit(problem, softmax(z + np.array([1.0, 0.0, 0.0])), truth)
    assert tilted.method == "biases"
    np.testing.assert_allclose(tilted.apply(softmax(z + np.array([1.0, 0, 0]))).sum(axis=1), 1)
    shares = np.bincount(truth) / len(truth)
    np.testing.assert_allclose(tilted.apply(softmax(z + np.array([1.0, 0, 0]))).mean(axis=0), shares, atol=0.01)
    assert Calibration.fit(problem, softmax(z), truth).method == "identity"


def test_labels_are_calibrated_one_by_one() -> None:
    problem = Problem("multi-label", ("a", "b", "rare"))
    z = RANDOM.normal(size=(5_000, 3))
    truth = drawn(sigmoid(z))
    truth[:, 2] = 0
    truth[:4, 2] = 1
    raw = sigmoid(z + np.array([0.0, 1.0, 0.0]))
    fitted = Calibration.fit(problem, raw, truth)
    assert [curve.method for curve in fitted.curves[1:]] == ["shift", "identity"]
    np.testing.assert_allclose(fitted.apply(raw)[:, 0], raw[:, 0], atol=0.05)
    assert fitted.notes == ("not calibrated, too few examples: rare",)
    assert fitted.apply(raw).shape == raw.shape


def test_values_get_a_line_only_where_it_pays() -> None:
    problem = Problem("regression")
    x = RANDOM.normal(size=2_000)
    assert Calibration.fit(problem, x, x + RANDOM.normal(size=2_000)).method == "identity"
    fitted = Calibration.fit(problem, x, 5 + 2 * x + RANDOM.normal(size=2_000))
    assert fitted.method == "line"
    assert fitted.curves[0].values.tolist() == pytest.approx([5, 2], abs=0.1)


def test_one_absurd_value_does_not_tilt_the_line() -> None:
    x = RANDOM.normal(size=2_000)
    y = x + RANDOM.normal(size=2_000) * 0.1
    y[3] = 1e12
    assert Calibration.fit(Problem("regression"), x, y).method == "identity"


def test_a_constant_prediction_is_shifted() -> None:
    fitted = Calibration.fit(BINARY, np.full(2_000, 0.5), drawn(np.full(2_000, 0.1)))
    assert fitted.apply(np.array([0.5]))[0] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(("rows", "true"), [(30, 10), (500, 3)])
def test_too_few_rows_are_said(rows: int, true: int) -> None:
    y = np.zeros(rows)
    y[:true] = 1
    fitted = Calibration.fit(BINARY, np.linspace(0.1, 0.9, rows), y)
    assert fitted.method == "identity" and "not calibrated" in fitted.notes[0]


@pytest.mark.parametrize("form", ["shift", "platt", "beta", "isotonic"])
def test_json_keeps_every_bit(form: str) -> None:
    p = RANDOM.random(500)
    curve = getattr(curves, f"fit_{form}")(p, drawn(p), np.ones(500))
    calibration = Calibration("binary", (curve,), ("note",))
    again = Calibration.from_json(json.loads(json.dumps(calibration.to_json())))
    np.testing.assert_array_equal(again.apply(p), calibration.apply(p))
    assert again.notes == ("note",)


@given(hnp.arrays(np.float64, 20, elements=st.floats(0, 1)))
def test_logit_and_sigmoid_undo_each_other(p: np.ndarray) -> None:
    np.testing.assert_allclose(sigmoid(logit(p)), np.clip(p, 1e-15, 1 - 1e-15), atol=1e-15)
