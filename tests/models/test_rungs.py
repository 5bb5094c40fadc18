"""What every rung promises, for every problem type, on real data. A new learner joins through the registry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.models.base import Examples, Learner, Model, Problem
from poise.models.calibration import Calibration
from poise.models.curves import IDENTITY, Curve
from poise.models.losses import mean_loss
from poise.models.predictor import Predictor
from poise.one_row import OneRow, RowForm
from poise.registry import BUILT_IN, get
from poise.table import Column, Table

RUNGS = list(BUILT_IN["learner"])
Case = tuple[Problem, Examples, Examples, Examples]


def test_four_rungs_are_tested() -> None:
    assert RUNGS == ["constant", "rule", "linear", "trees"]
    assert [get("learner", name).order for name in RUNGS] == [0, 1, 2, 3]


@pytest.fixture(scope="module", params=RUNGS)
def fitted(request: pytest.FixtureRequest, case: Case) -> tuple[Learner, Model, Case]:
    learner = get("learner", request.param)()
    return learner, learner.fit(case[0], case[1], case[2]), case


def joined(a: Examples, b: Examples) -> Examples:
    """The rows of both, as the trainer hands them to `refit`."""
    columns = {}
    for name in a.features:
        first, second = a.features[name], b.features[name]
        values = np.concatenate([first.values, second.values])
        columns[name] = Column(first.kind, values, first.levels)
    target = np.concatenate([a.target, b.target])
    return Examples(Table(columns), a.types, target, None, np.concatenate([a.time, b.time]))


def odd_rows(rows: Examples, count: int = 200) -> Table:
    """Rows of the table with NaN, infinities, subnormals and levels nobody has seen."""
    random = np.random.default_rng(0)
    index = random.integers(0, rows.height, count)
    columns = {}
    odd = np.array([np.nan, np.inf, -np.inf, 5e-324, -0.0, 1e308, -1e308, 1e-36])
    for name, column in rows.features.take(index).items():
        changed = random.random(count) < 0.3
        if column.kind == "number":
            values = np.where(changed, random.choice(odd, count), column.values)
            columns[name] = Column.numbers(values)
        else:
            pairs = zip(column.to_list(), changed.tolist(), strict=True)
            columns[name] = Column.strings(["never seen" if c else v for v, c in pairs])
    return Table(columns)


def same_bits(a: NDArray, b: NDArray) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a.view(np.int64), b.view(np.int64)))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_predictions_have_the_shape_and_range_of_the_problem(fitted: tuple[Learner, Model, Case]) -> None:
    _, model, (problem, _, _, judge) = fitted
    out = model.predict(judge.features)
    assert out.shape == ((judge.height, problem.width) if problem.many else (judge.height,))
    assert np.isfinite(out).all()
    if problem.type != "regression":
        assert out.min() >= 0 and out.max() <= 1
    if problem.type == "multi-class":
        np.testing.assert_allclose(out.sum(axis=1), 1)


def test_saved_and_loaded_is_the_same_bit_for_bit(fitted: tuple[Learner, Model, Case], tmp_path: Path) -> None:
    _, model, (_, _, _, judge) = fitted
    model.save(tmp_path / "a")
    again = type(model).load(tmp_path / "a")
    for rows in (judge.features, odd_rows(judge)):
        assert same_bits(again.predict(rows), model.predict(rows))
    assert (again.notes, again.inputs, again.importance) == (model.notes, model.inputs, model.importance)
    assert again.describe() == model.describe()
    again.save(tmp_path / "b")
    assert files(tmp_path / "b") == files(tmp_path / "a")


def test_a_row_alone_is_the_row_among_others_bit_for_bit(fitted: tuple[Learner, Model, Case]) -> None:
    """As columns and as plain values, whatever came before; calibrated too."""
    _, model, (problem, _, _, judge) = fitted
    rows = odd_rows(judge, 40)
    together = model.predict(rows)
    tables = [rows.take(np.array([i])) for i in range(40)]
    form = RowForm({name: column.kind for name, column in rows.items()})
    plain = [OneRow(form, list(table.row.values())) for table in tables]
    curve = {"binary": Curve("platt", np.array([0.1, 1.2])), "regression": Curve("line", np.array([0.1, 1.2]))}
    predictor = Predictor(model, Calibration(problem.type, (curve.get(problem.type, IDENTITY),)))
    for of in (tables, plain):
        assert same_bits(np.concatenate([model.predict(table) for table in of]), together)
        assert same_bits(np.concatenate([predictor.predict(table) for table in of]), predictor.predict(rows))
        if not problem.many:
            assert same_bits(np.array([model.one(table) for table in of]), together)


def test_the_same_data_gives_the_same_bytes(fitted: tuple[Learner, Model, Case], tmp_path: Path) -> None:
    learner, model, (problem, fit, tune, _) = fitted
    model.save(tmp_path / "a")
    type(learner)().fit(problem, fit, tune).save(tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    every = joined(fit, tune)
    learner.refit(model, problem, every).save(tmp_path / "c")
    learner.refit(type(model).load(tmp_path / "a"), problem, every).save(tmp_path / "d")
    assert files(tmp_path / "c") == files(tmp_path / "d")


def test_refit_learns_from_tune_as_well(fitted: tuple[Learner, Model, Case]) -> None:
    learner, model, (problem, fit, tune, judge) = fitted
    again = learner.refit(model, problem, joined(fit, tune))
    loss = mean_loss(problem, again.predict(judge.features), judge.target)
    before = mean_loss(problem, model.predict(judge.features), judge.target)
    assert loss < 1.3 * before + 1e-3
    assert learner.name == "constant" or not same_bits(again.predict(judge.features), model.predict(judge.features))


def test_every_rung_above_the_constant_learns(fitted: tuple[Learner, Model, Case]) -> None:
    learner, model, (problem, fit, tune, judge) = fitted
    constant = get("learner", "constant")().fit(problem, fit, tune)
    loss = mean_loss(problem, model.predict(judge.features), judge.target)
    floor = mean_loss(problem, constant.predict(judge.features), judge.target)
    assert loss <= floor if learner.name == "constant" else loss < 0.9 * floor


def test_importance_is_shares_of_inputs(fitted: tuple[Learner, Model, Case]) -> None:
    learner, model, (_, fit, _, _) = fitted
    shares = model.importance
    assert set(shares) <= set(fit.types)
    assert all(share >= 0 for share in shares.values())
    if learner.name != "constant":
        assert sum(shares.values()) == pytest.approx(1)


def test_inputs_name_the_columns_that_are_read(fitted: tuple[Learner, Model, Case]) -> None:
    _, model, (_, _, _, judge) = fitted
    assert same_bits(model.predict(judge.features.select(model.inputs)), model.predict(judge.features))


def test_a_label_that_never_occurs_is_said(fitted: tuple[Learner, Model, Case]) -> None:
    _, model, (problem, _, _, judge) = fitted
    if problem.type == "multi-label":
        assert any("never" in note for note in model.notes)
        assert model.predict(judge.features)[:, 2].max() < 0.05
