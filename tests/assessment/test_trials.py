"""Trials: what is learned is judged on other rows, and chosen and calibrated without them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from poise.assessment.learning_curve import learning_curve
from poise.assessment.reading import read_case
from poise.assessment.rules import in_words
from poise.assessment.screening import KEPT, screened
from poise.assessment.trials import Trials
from poise.models.rule_model import RuleModel
from tests.assessment.tables import table


@pytest.fixture(scope="module")
def linear() -> Trials:
    return Trials(read_case(table("linear", 600), "y"))


def test_every_rung_predicts_the_judged_rows(linear: Trials) -> None:
    assert len(linear.judge) == 600 and len(linear.target) == 600
    for rung in linear.rungs:
        assert linear.prediction(rung).shape == (600,) and linear.failed(rung) is None
    assert set(linear.chosen) == {"linear"} == {linear.best}
    assert linear.skill(linear.prediction("constant")).value == 0


def test_skill_is_the_share_of_the_constants_loss_that_is_saved(linear: Trials) -> None:
    base, loss = (linear.loss(linear.prediction(rung)) for rung in ("constant", "linear"))
    found = linear.skill(linear.prediction("linear"))
    assert found.value == pytest.approx(1 - loss / base) and found.low < found.value < found.high
    beyond = linear.skill(linear.prediction("linear"), against=linear.prediction("rule"))
    rule = linear.skill(linear.prediction("rule"))
    assert beyond.value == pytest.approx(found.value - rule.value)


def test_a_rung_is_learned_again_from_other_rows(linear: Trials) -> None:
    model = linear.learn("linear", np.arange(100), like=linear.model("linear"))
    assert model.predict(linear.case.table).shape == (600,)
    assert model.settings == linear.model("linear").settings  # type: ignore[attr-defined]


def test_a_rule_is_a_threshold_in_words() -> None:
    trials = Trials(read_case(table("rule", 600), "y"))
    model = trials.model("rule")
    assert isinstance(model, RuleModel) and model.score.name == "x0" and len(model.edges) == 1
    assert abs(model.edges[0] - 0.3) < 0.1
    words = in_words(trials.case, model)
    assert words.startswith("if x0 < 0.") and ": '1' in " in words and "; else '1' in 9" in words


def test_a_rule_never_sees_the_rows_that_judge_it() -> None:
    """Its column is chosen anew in every fold: of 200 columns of noise the best on all rows would look like a rule."""
    rng = np.random.default_rng(3)
    frame = pl.DataFrame({f"x{j}": rng.normal(size=150) for j in range(200)} | {"y": rng.integers(0, 2, 150)})
    trials = Trials(read_case(frame, "y"))
    assert len({one.model.inputs for one in trials.tried("rule")}) > 1
    assert trials.skill(trials.prediction("rule")).value < 0.02


def test_rungs_that_cannot_be_learned_say_why() -> None:
    frame = table("noise", 60).with_columns(y=(pl.int_range(60) < 2).cast(pl.Int64))
    trials = Trials(read_case(frame, "y"))
    for rung in trials.rungs:
        assert np.isfinite(trials.prediction(rung)).all()


def test_very_many_columns_are_screened_by_the_rows_that_are_learned_from() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1_200))
    y = (x[:, 7] > 0).astype(int)
    y[100:] = (x[100:, 9] > 0).astype(int)
    case = read_case(pl.DataFrame({f"x{j}": x[:, j] for j in range(1_200)} | {"y": y}), "y")
    found = screened(case, np.arange(100))
    assert found is not None and len(found) == KEPT and "x7" in found
    assert screened(case.without(*[f"x{j}" for j in range(300, 1_200)]), np.arange(100)) is None


def test_a_rule_over_a_column_that_is_only_sometimes_filled_in() -> None:
    filled = np.arange(300) % 3 == 0
    days = np.where(filled, np.random.default_rng(0).permutation(300) * 1.0, np.nan)
    case = read_case(pl.DataFrame({"days": pl.Series(days).fill_nan(None), "y": filled * 1}), "y")
    trials = Trials(case)
    assert trials.skill(trials.prediction("rule")).value > 0.9


def test_several_threads_learn_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poise.assessment.trials.MANY_CELLS", 0)
    case = read_case(table("linear", 600), "y")
    alone, several = (learning_curve(case, Trials(case, threads)) for threads in (1, 3))
    assert alone.loss.tolist() == several.loss.tolist()
