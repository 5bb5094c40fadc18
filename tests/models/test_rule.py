"""The rung `rule`: a declared expression, or the best table over one feature, in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poise.errors import DataError, NotEnoughData
from poise.models.base import Examples, Problem
from poise.models.rule import RuleLearner
from poise.models.rule_model import RuleModel
from poise.spec.expression import parse
from poise.table import Column, Table

N = 3_000
RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(0, 1, N)
CITY = [f"city {i}" for i in RANDOM.integers(0, 4, N)]
NOISE = RANDOM.normal(size=N)
TIME = np.arange(N)


def rows_of(target: np.ndarray, **columns: Column) -> Examples:
    types = {name: "category" if column.kind == "string" else "number" for name, column in columns.items()}
    return Examples(Table(columns), types, target, None, TIME)


BINARY = (RANDOM.uniform(0, 1, N) < X) * 1.0


def fitted(problem: Problem, rows: Examples) -> RuleModel:
    return RuleLearner().fit(problem, rows, rows)


def test_the_best_feature_is_found_and_said() -> None:
    rows = rows_of(BINARY, noise=Column.numbers(NOISE), x=Column.numbers(X), city=Column.strings(CITY))
    model = fitted(Problem("binary"), rows)
    assert model.describe() == "x in 20 bins"
    assert model.importance == {"x": 1.0}
    low, high = model.predict(Table({"x": Column.numbers([0.02, 0.98])}))
    assert low < 0.1 and high > 0.9


def test_no_rule_reads_what_is_alike_for_all_that_is_compared() -> None:
    rows = rows_of(BINARY, place=Column.numbers(X), noise=Column.numbers(X + NOISE / 9))
    assert fitted(Problem("binary"), rows).inputs == ("place",)
    assert fitted(Problem("binary", alike=frozenset({"place"})), rows).inputs == ("noise",)


def test_a_category_is_a_table_of_smoothed_means() -> None:
    effect = np.array([float(c[-1]) for c in CITY])
    model = fitted(Problem("regression"), rows_of(effect + NOISE * 0.1, city=Column.strings(CITY)))
    assert model.describe() == "the mean by city, 4 levels"
    out = model.predict(Table({"city": Column.strings(["city 3", "never seen", None])}))
    assert out[0] == pytest.approx(2.96, abs=0.1)
    assert out[1] == out[2] == pytest.approx(effect.mean(), abs=0.05)


def test_the_last_value_is_a_rule_for_regression() -> None:
    river = np.cumsum(NOISE)
    last = np.concatenate([[np.nan], river[:-1]])
    model = fitted(Problem("regression"), rows_of(river, last=Column.numbers(last), x=Column.numbers(X)))
    assert model.describe() == "the value of last"
    assert model.predict(Table({"last": Column.numbers([7.5])})).tolist() == [7.5]
    assert np.isfinite(model.predict(Table({"last": Column.numbers([None])}))).all()


def test_a_missing_number_has_its_own_bin() -> None:
    gone = RANDOM.random(N) < 0.2
    target = np.where(gone, 1.0, (NOISE > 0) * 1.0)
    rows = rows_of(target, x=Column.numbers(np.where(gone, np.nan, X)))
    assert fitted(Problem("binary"), rows).predict(Table({"x": Column.numbers([None])}))[0] > 0.95


def test_a_number_of_two_values_has_two_bins() -> None:
    flag = (X > 0.9) * 1.0
    model = fitted(Problem("binary"), rows_of(flag, flag=Column.numbers(flag)))
    assert model.describe() == "flag in 2 bins"
    out = model.predict(Table({"flag": Column.numbers([0.0, 1.0])}))
    assert out[0] < 0.02 and out[1] > 0.93


def declared(text: str, type: str = "binary", **more: object) -> Problem:
    return Problem(type, rule=parse(text), **more)


def test_a_declared_probability_is_taken_as_it_is() -> None:
    model = fitted(declared("x"), rows_of(BINARY, x=Column.numbers(X), noise=Column.numbers(NOISE)))
    assert model.describe() == "the value of x"
    assert model.predict(Table({"x": Column.numbers([0.25])})).tolist() == [0.25]


def test_a_declared_score_of_any_scale_is_mapped_to_probabilities() -> None:
    model = fitted(declared("100 - 50 * x"), rows_of(BINARY, x=Column.numbers(X)))
    assert model.describe() == "100 - 50 * x in 20 bins"
    low, high = model.predict(Table({"x": Column.numbers([0.02, 0.98])}))
    assert low < 0.1 and high > 0.9


def test_a_declared_value_is_taken_by_identity_or_line() -> None:
    near = fitted(declared("x", "regression"), rows_of(X + NOISE * 0.1, x=Column.numbers(X)))
    assert near.describe() == "the value of x"
    scaled = fitted(declared("x", "regression"), rows_of(10 + 3 * X, x=Column.numbers(X)))
    assert scaled.predict(Table({"x": Column.numbers([1.0])}))[0] == pytest.approx(13)


def test_a_declared_level_is_a_table(tmp_path: Path) -> None:
    classes = np.array([int(c[-1]) for c in CITY])
    problem = declared("if(x > 2, 'far', city)", "multi-class", classes=("a", "b", "c", "d"))
    rows = rows_of(classes, city=Column.strings(CITY), x=Column.numbers(X))
    model = fitted(problem, rows)
    model.save(tmp_path)
    out = RuleModel.load(tmp_path).predict(rows.features)
    assert (out.argmax(axis=1) == classes).all()
    np.testing.assert_array_equal(out, model.predict(rows.features))


def test_a_rule_reads_columns_that_are_no_features() -> None:
    rows = rows_of(BINARY, x=Column.numbers(X))
    open_ = Column.numbers((NOISE > 0) * 1.0)
    both = Examples(rows.features.with_columns({"shop.open": open_}), rows.types, rows.target, None, TIME)
    problem = declared("if(shop.open, x, 0.5)", rule_types={"shop.open": "bool", "x": "number"})
    model = fitted(problem, both)
    assert model.inputs == ("shop.open", "x")


def test_what_cannot_be_is_said() -> None:
    rows = rows_of(BINARY, x=Column.numbers(np.full(N, np.nan)), y=Column.numbers(X))
    with pytest.raises(NotEnoughData, match="'x' is missing on every row"):
        fitted(declared("x"), rows)
    with pytest.raises(NotEnoughData, match="reads 'z', which these rows do not have"):
        fitted(declared("z"), rows)
    with pytest.raises(DataError, match="'y', which these rows do not have"):
        fitted(declared("y"), rows).predict(Table({}, 1))


def test_many_features_are_screened_on_a_sample() -> None:
    n = 30_000
    random = np.random.default_rng(3)
    columns = {f"n{j}": Column.numbers(random.normal(size=n)) for j in range(15)}
    target = (columns["n7"].values + random.normal(size=n) > 0) * 1.0
    rows = Examples(Table(columns), dict.fromkeys(columns, "number"), target, None, np.arange(n))
    assert fitted(Problem("binary"), rows).describe() == "n7 in 20 bins"
