"""Contributions add up to calibrated predictions, for every model, problem type and calibration."""

from __future__ import annotations

import numpy as np
import pytest

from poise.models.base import Examples, Problem
from poise.models.calibration import Calibration
from poise.models.contributions import Explainer
from poise.models.contributions_raw import NotExplained, raw_explainer
from poise.models.curves import Curve
from poise.models.predictor import Predictor
from poise.models.rule_model import RuleModel, Score
from poise.registry import get
from poise.table import MISSING_TIME, Column, Table

CURVES = {
    "binary": [("identity", []), ("shift", [0.4]), ("platt", [0.2, 0.7]), ("beta", [0.1, 1.2, 0.8])],
    "regression": [("identity", []), ("line", [3.0, 0.9])],
    "multi-class": [("identity", []), ("temperature", [0.6, 0, 0, 0]), ("biases", [1.3, 0.2, -0.1, 0.3])],
    "multi-label": [("identity", []), ("platt", [0.2, 0.7])],
}
ISOTONIC = Curve("isotonic", np.array([[0.0, 0.2, 0.5, 0.9], [0.05, 0.05, 0.6, 0.8]]))


@pytest.mark.parametrize("learner", ["constant", "rule", "linear", "trees"])
def test_they_add_up(case: tuple, learner: str) -> None:
    problem, fit, tune, judge = case
    made = get("learner", learner)()
    if problem.type not in made.works_with:
        pytest.skip("this rung does not learn this type")
    model = made.fit(problem, fit, tune)
    curves = [Curve(name, np.array(values, np.float64)) for name, values in CURVES[problem.type]]
    for curve in [*curves, *([ISOTONIC] if problem.type in ("binary", "multi-label") else [])]:
        many = problem.width if problem.type == "multi-label" and curve.method != "identity" else 1
        predictor = Predictor(model, Calibration(problem.type, (curve,) * many))
        found = Explainer(predictor).of(judge.features)
        served = predictor.predict(judge.features).reshape(judge.height, -1)
        total = found.base + sum(found.inputs.values(), np.zeros_like(served))
        np.testing.assert_allclose(found.predicted, served, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(total, served, rtol=1e-9, atol=1e-9)
        assert {part for name in found.inputs for part in name.split(" + ")} <= set(model.inputs)


def test_linear_contributions_are_centred_on_the_rows_learned_from(binary_case: tuple) -> None:
    problem, fit, tune, _ = binary_case
    model = get("learner", "linear")().fit(problem, fit, tune)
    as_they_are = raw_explainer(model).of(fit.features).adds
    averages = {name: values.mean(axis=0) for name, values in as_they_are.items()}
    found = raw_explainer(model, averages).of(fit.features)
    for name, values in found.adds.items():
        assert values.mean() == pytest.approx(0, abs=1e-9), name
    assert found.base == pytest.approx(model.raw(fit.features).mean(axis=0))


def test_texts_contribute() -> None:
    random = np.random.default_rng(0)
    words = ["good", "bad", "fine", "late"]
    said = [" ".join(random.choice(words, 3)) for _ in range(400)]
    other = [" ".join(random.choice(["red", "blue"], 2)) for _ in range(400)]
    y = np.array([float("good" in text) for text in said])
    rows = Table(
        {"said": Column.strings(said), "other": Column.strings(other), "x": Column.numbers(random.random(400))}
    )
    examples = Examples(rows, {"said": "text", "other": "text", "x": "number"}, y, None, np.full(400, MISSING_TIME))
    for learner, names in (("linear", {"said", "other", "x"}), ("trees", {"said + other", "x"})):
        model = get("learner", learner)().fit(Problem("binary"), examples, examples)
        found = raw_explainer(model).of(rows)
        assert set(found.adds) == names
        total = found.base + sum(found.adds.values(), np.zeros((400, 1)))
        np.testing.assert_allclose(total, model.raw(rows), atol=1e-9)
        strongest = max(found.adds, key=lambda name: np.abs(found.adds[name]).mean())
        assert "said" in strongest


def test_a_rule_over_several_columns_is_named_by_all() -> None:
    score = Score("a / b", {"a": "number", "b": "number"})
    model = RuleModel(score, "line", np.array([[1.0], [2.0], [9.0]]), np.empty(0), (), False, False)
    rows = Table({"a": Column.numbers([4.0]), "b": Column.numbers([2.0])})
    found = raw_explainer(model, {"a + b": np.array([3.0])}).of(rows)
    assert found.base.tolist() == [3.0]
    assert {name: values.tolist() for name, values in found.adds.items()} == {"a + b": [[2.0]]}


def test_a_model_of_ones_own_is_not_explained() -> None:
    class Own:
        kind = "own"

    with pytest.raises(NotExplained, match="kind 'own'"):
        raw_explainer(Own())  # type: ignore[arg-type]
