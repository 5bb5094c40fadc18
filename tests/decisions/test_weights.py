"""Weights are checked, seeded by the file, and outlive the terms of a release."""

from __future__ import annotations

import pytest

from poise.decisions.weights import applied, checked, first_weights
from poise.errors import RequestError
from poise.spec.decision import Decision

TERMS = {
    "cost": {"unit": "USD", "a": "1", "b": "0"},
    "calm": {"unit": "points", "a": "1", "b": "0"},
    "speed": {"a": "1", "b": "0"},
}
DECISION = Decision(per="rides", choose=("a", "b"), terms=TERMS, weights={"calm": 3, "cost": 2, "speed": 0})


def test_the_file_seeds_version_1() -> None:
    made = first_weights(DECISION)
    assert made.version == 1 and made.values == {"cost": 2.0, "calm": 3.0, "speed": 0.0}
    assert made.to_dict()["who"] == "system file"


@pytest.mark.parametrize(("wrong", "told"), [(None, "null"), (True, "true"), ("2", "'2'")])
def test_what_came_is_told_as_it_was_written(wrong: object, told: str) -> None:
    with pytest.raises(RequestError, match=f"the weight of 'cost' is {told} "):
        checked(DECISION, {"cost": wrong})


@pytest.mark.parametrize("wrong", [True, "2", None, [1], float("nan"), float("-inf"), 1e13, -(10**400), 1e-300])
def test_what_is_no_weight_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(RequestError, match="the weight of 'cost' is") as error:
        checked(DECISION, {"cost": wrong}, field="values")
    assert error.value.field == "values.cost" and error.value.allowed == "0, or a number of a size from 1e-12 to 1e+12"
    assert len(str(error.value)) < 200


def test_weights_of_an_older_release_mean_what_they_can() -> None:
    assert applied(DECISION, {"calm": 7, "gone": 1}) == {"cost": 2.0, "calm": 7.0, "speed": 0.0}
