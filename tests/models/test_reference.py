"""What is kept of the rows that a model was learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poise.models.contributions_raw import raw_explainer
from poise.models.reference import Levels, Numbers, Reference, some
from poise.registry import get


@pytest.mark.parametrize("learner", ["rule", "linear", "trees"])
def test_contributions_begin_at_the_average(binary_case: tuple, learner: str, tmp_path: Path) -> None:
    problem, fit, tune, _ = binary_case
    model = get("learner", learner)().fit(problem, fit, tune)
    Reference.of(model, fit).save(tmp_path)
    found = Reference.load(tmp_path)
    raw = raw_explainer(model, found.averages).of(fit.features)
    means = {name: values.mean(axis=0) for name, values in raw.adds.items()}
    if learner != "trees":
        assert all(np.abs(mean).max() < 1e-9 for mean in means.values())
    assert set(found.observed) == {name for name in model.inputs if fit.features[name].missing().sum() < fit.height}


def test_observed_values_are_values_that_occurred(binary_case: tuple) -> None:
    problem, fit, tune, _ = binary_case
    found = Reference.of(get("learner", "trees")().fit(problem, fit, tune), fit).observed
    numbers, levels = found["x0"], found["group"]
    assert isinstance(numbers, Numbers) and set(numbers.values) <= set(fit.features["x0"].values.tolist())
    assert numbers.values[0] == fit.features["x0"].values.min() and len(numbers.values) == 33
    assert isinstance(levels, Levels) and "level 1" in levels.values and 0.99 < sum(levels.shares) <= 1.0001


def test_a_release_without_one_has_an_empty_one(tmp_path: Path) -> None:
    assert not Reference.load(tmp_path).observed


def test_some_rows_are_taken_evenly() -> None:
    assert some(np.arange(7)).tolist() == list(range(7))
    assert len(some(np.arange(100_000))) == 5_000 and some(np.arange(100_000))[-1] == 99_999
