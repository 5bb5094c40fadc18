"""What is to be predicted, by the values of the target."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from poise.assessment.targets import OTHER, target_of
from poise.errors import DataError

DRAWN = np.random.default_rng(0)


def test_two_values_are_yes_or_no() -> None:
    found = target_of(pl.Series("y", ["stay", "leave", "stay", "stay", None]))
    assert found.problem == "binary" and found.classes == ("stay", "leave")
    assert found.values.tolist() == [0, 1, 0, 0] and found.has.tolist() == [True] * 4 + [False]
    assert target_of(pl.Series("y", ["yes", "no", "yes"])).classes == ("no", "yes")
    assert target_of(pl.Series("y", [2, 1, 2])).classes == ("1", "2")
    assert target_of(pl.Series("y", ["positive", "negative", "positive"])).classes == ("negative", "positive")


def test_few_whole_numbers_are_classes_and_others_are_numbers() -> None:
    whole = pl.Series("y", DRAWN.integers(1, 6, 100))
    assert target_of(whole).classes == ("1", "2", "3", "4", "5")
    assert target_of(whole, "regression").problem == "regression"
    assert target_of(pl.Series("y", DRAWN.integers(0, 40, 100))).problem == "regression"
    assert target_of(pl.Series("y", [0.5, 1.5, 2.5] * 10)).problem == "regression"


def test_of_many_classes_the_frequent_are_kept() -> None:
    names = [f"c{i:02d}" for i in range(50) for _ in range(i + 2)]
    found = target_of(pl.Series("y", names))
    assert found.merged == 20 and len(found.classes) == 31 and found.classes[-1] == OTHER
    assert (found.values == 30).sum() == sum(i + 2 for i in range(20))
    assert "50 classes: the 30 most frequent are kept" in found.notes[0]


def test_what_cannot_be_learned_is_an_obstacle_in_words() -> None:
    one = target_of(pl.Series("y", ["a"] * 30)).obstacle
    assert one is not None and one.verdict == "do not use ML" and "'a' in all 30 rows" in one.sentence
    ids = target_of(pl.Series("y", [f"u{i}" for i in range(30)])).obstacle
    assert ids is not None and "a score for each pair" in ids.change


def test_what_is_no_truth_is_an_error() -> None:
    with pytest.raises(DataError, match="the target 'y' has no values"):
        target_of(pl.Series("y", ["", None, "NA"]))
    with pytest.raises(DataError, match="the target 'y' holds instants"):
        target_of(pl.Series("y", ["2024-01-01", "2024-01-02"]))
    with pytest.raises(DataError, match=r"holds words, e\.g\. 'a'"):
        target_of(pl.Series("y", ["a", "b", "c", "a"]), "regression")
