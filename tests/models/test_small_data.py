"""Little, odd and wide data: a model or a sentence, never a traceback or a warning."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.errors import NotEnoughData
from poise.models.base import Examples, Model, Problem
from poise.models.calibration import Calibration
from poise.models.losses import mean_loss
from poise.registry import get
from poise.table import Column, Table

RUNGS = ["constant", "rule", "linear", "trees"]
RANDOM = np.random.default_rng(5)
X50 = RANDOM.normal(size=50)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Each test draws the same numbers, whatever ran before it."""
    global RANDOM
    RANDOM = np.random.default_rng(7)


def rows_of(columns: dict[str, Column], types: dict, target: NDArray) -> Examples:
    n = len(target)
    return Examples(Table(columns, n), types, target, None, np.arange(n))


def odd(target: NDArray) -> Examples:
    """50 rows: a number, a constant, columns without any value, and a category."""
    columns = {
        "x": Column.numbers(X50),
        "constant": Column.numbers(np.ones(50)),
        "gone": Column.numbers(np.full(50, np.nan)),
        "gone category": Column.strings([None] * 50),
        "c": Column.strings([str(i % 3) for i in range(50)]),
    }
    types = {name: "category" if column.kind == "string" else "number" for name, column in columns.items()}
    return rows_of(columns, types, target)


def learned(rung: str, problem: Problem, rows: Examples) -> Model:
    """Fitted, refitted, calibrated, and finite."""
    cut = int(rows.height * 0.7)
    fit, tune = rows.take(np.arange(cut)), rows.take(np.arange(cut, rows.height))
    learner = get("learner", rung)()
    model: Model = learner.refit(learner.fit(problem, fit, tune), problem, rows)
    raw = model.predict(rows.features)
    out = Calibration.fit(problem, raw, rows.target, time=rows.time).apply(raw)
    assert raw.shape == out.shape == ((rows.height, problem.width) if problem.many else (rows.height,))
    assert np.isfinite(out).all()
    return model


@pytest.mark.parametrize("rung", RUNGS)
def test_fifty_rows(rung: str) -> None:
    noise = RANDOM.normal(size=50)
    learned(rung, Problem("binary"), odd((X50 + noise > 0) * 1.0))
    learned(rung, Problem("regression"), odd(X50 + noise))
    learned(rung, Problem("multi-label", ("one",)), odd((X50 > 0)[:, None] * 1.0))


@pytest.mark.parametrize("rung", RUNGS)
def test_a_class_with_three_examples_is_learned_and_said(rung: str) -> None:
    target = np.arange(50) % 2
    target[[3, 10, 40]] = 2
    model = learned(rung, Problem("multi-class", ("a", "b", "c")), odd(target))
    assert any("c (3)" in note for note in model.notes)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_class_that_only_later_rows_have(rung: str) -> None:
    target = np.arange(50) % 2
    target[45] = 2
    learned(rung, Problem("multi-class", ("a", "b", "c", "nobody")), odd(target))


@pytest.mark.parametrize("rung", RUNGS[1:])
@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (odd(np.ones(50)), "one value only"),
        (rows_of({}, {}, np.arange(50) % 2), "no input"),
        (rows_of({"x": Column.numbers(np.ones(50))}, {"x": "number"}, np.arange(50) % 2), "no input"),
        (odd(np.ones(50)).take(np.arange(0)), "no rows"),
    ],
)
def test_nothing_to_learn_is_said(rung: str, rows: Examples, sentence: str) -> None:
    with pytest.raises(NotEnoughData, match=sentence):
        get("learner", rung)().fit(Problem("binary"), rows, rows)


def test_a_constant_target_has_the_rung_constant() -> None:
    assert learned("constant", Problem("binary"), odd(np.ones(50))).predict(Table({}, 1))[0] > 0.98


@pytest.mark.parametrize("rung", RUNGS)
def test_more_columns_than_rows(rung: str) -> None:
    X = RANDOM.normal(size=(120, 2_000))
    columns = {f"x{j}": Column.numbers(X[:, j]) for j in range(2_000)}
    learned(rung, Problem("regression"), rows_of(columns, dict.fromkeys(columns, "number"), X[:, 0]))


@pytest.mark.parametrize("rung", RUNGS)
def test_seven_hundred_levels(rung: str) -> None:
    group = RANDOM.integers(0, 700, 4_000)
    effect = RANDOM.normal(size=700)
    target = (effect[group] + RANDOM.normal(size=4_000) > 0) * 1.0
    columns = {"g": Column.coded(group, [f"g{i}" for i in range(700)])}
    model = learned(rung, Problem("binary"), rows_of(columns, {"g": "category"}, target))
    if rung != "constant":
        out = model.predict(Table({"g": Column.coded(np.arange(700), [f"g{i}" for i in range(700)])}))
        if rung == "trees":
            assert np.corrcoef(out, effect)[0, 1] > 0.6
            assert any("ordered means" in note for note in model.notes)


@pytest.mark.parametrize("rung", RUNGS)
def test_one_absurd_target_does_not_spoil_the_fit(rung: str) -> None:
    x = RANDOM.normal(size=5_000)
    target = 3 * x + RANDOM.normal(size=5_000)
    target[77] = 1e9
    model = learned(rung, Problem("regression"), rows_of({"x": Column.numbers(x)}, {"x": "number"}, target))
    error = np.abs(np.delete(model.predict(Table({"x": Column.numbers(x)})) - target, 77)).mean()
    assert error < (3 if rung == "constant" else 1.2)
    assert any("1 of 5000 targets lie far outside" in note for note in model.notes)


@pytest.mark.parametrize("rung", RUNGS)
def test_absurd_inputs_do_not_spoil_the_fit(rung: str) -> None:
    x = RANDOM.normal(size=600)
    target = x + RANDOM.normal(size=600) * 0.1
    x = x.copy()
    x[:4] = np.inf, -np.inf, 1e300, 5e-324
    model = learned(rung, Problem("regression"), rows_of({"x": Column.numbers(x)}, {"x": "number"}, target))
    if rung != "constant":
        assert np.abs(model.predict(Table({"x": Column.numbers(x[4:])})) - target[4:]).mean() < 0.3


def test_early_stopping_is_never_silent() -> None:
    noise = RANDOM.normal(size=300)
    rows = rows_of({"x": Column.numbers(RANDOM.normal(size=300))}, {"x": "number"}, noise)
    model = learned("trees", Problem("regression"), rows)
    assert any("fewer than 20; tried again at rate 0.01" in note for note in model.notes)


@pytest.mark.parametrize("rung", RUNGS)
def test_weights_count_rows(rung: str) -> None:
    x = np.repeat([0.0, 1.0], 200)
    target = np.tile([0.0, 1.0], 200)
    weight = np.where((x == 1) == (target == 1), 9.0, 1.0)
    rows = Examples(Table({"x": Column.numbers(x)}), {"x": "number"}, target, weight, np.arange(400))
    model = get("learner", rung)().fit(Problem("binary"), rows, rows)
    low, high = model.predict(Table({"x": Column.numbers([0.0, 1.0])}))
    assert (low, high) == pytest.approx((0.5, 0.5) if rung == "constant" else (0.1, 0.9), abs=0.06)


@pytest.mark.parametrize("rung", RUNGS[1:])
def test_ids_do_not_leak_their_own_target(rung: str) -> None:
    """2,000 ids of two rows each and a target of pure noise: nothing can be learned, and little is pretended."""
    ids = np.tile(np.arange(2_000), 2)
    target = (RANDOM.random(4_000) < 0.3) * 1.0
    columns = {
        "id": Column.coded(ids, [f"id {i}" for i in range(2_000)]),
        "x": Column.numbers(RANDOM.normal(size=4_000)),
    }
    rows = rows_of(columns, {"id": "category", "x": "number"}, target)
    fit, tune, judge = (rows.take(np.arange(a, a + 1_000)) for a in (0, 1_000, 2_000))
    problem = Problem("binary")
    learner = get("learner", rung)()
    model = learner.refit(learner.fit(problem, fit, tune), problem, fit)
    constant = get("learner", "constant")().fit(problem, fit, tune)
    loss = mean_loss(problem, model.predict(judge.features), judge.target)
    assert loss < 1.03 * mean_loss(problem, constant.predict(judge.features), judge.target)
