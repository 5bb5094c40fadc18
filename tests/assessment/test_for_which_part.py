"""PA03: parts are found where there are some, said so that they can be used, and not where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from poise import registry
from poise.assessment.base import Answer
from poise.assessment.case import Case
from poise.assessment.for_which_part import ForWhichPart
from poise.assessment.no_use import Parts
from poise.assessment.reading import read_case
from poise.assessment.regions import spelt
from poise.assessment.trials import Trials
from poise.evaluation.base import Floats
from poise.spec import in_numpy
from poise.spec.expression import parse
from tests.assessment.tables import in_time, table

SEGMENTS = np.array(["a", "b", "c", "d"])


class Told(Trials):
    """Trials that learned what they are told: the prediction of every row of the case."""

    def __init__(self, case: Case, prediction: Floats) -> None:
        super().__init__(case)
        self.__dict__.update(judge=np.arange(case.rows), learned=prediction, best="constant")
        self._calibrated["constant"] = np.full(case.rows, float(case.target.mean()))


def told(truth: str, rows: int, seed: int, luck: float = 0.15) -> Told:
    """A case whose model knows the truth but for some luck, with columns that parts could be named by."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6))
    segment = SEGMENTS[rng.choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])]
    slope = 2 * x[:, 0] - 2 * x[:, 1] + x[:, 2]
    score = {
        "noise": np.zeros(rows),
        "linear": slope,
        "one column": 3 * x[:, 0] + 0.5 * x[:, 1],
        "rare": slope - 4,
        "product": 2 * x[:, 0] * x[:, 1],
        "both": np.where((x[:, 0] > 0) & (x[:, 1] > 0), 2.0, -2.0),
        "levels": slope + 2.0 * (segment == "a"),
        "part": np.where(np.isin(segment, ["a", "c"]), 1.5 * slope, 0.0),
    }[truth]
    y = (rng.uniform(size=rows) < 1 / (1 + np.exp(-score))).astype(int)
    frame = pl.DataFrame({f"x{j}": x[:, j] for j in range(6)} | {"segment": segment, "y": y})
    prediction = 1 / (1 + np.exp(-score - luck * rng.normal(size=rows)))
    return Told(read_case(frame, "y"), prediction)


def ask(trials: Trials) -> Answer:
    return ForWhichPart().ask(trials.case, trials)


def holds(trials: Trials, expression: str) -> np.ndarray[Any, Any]:
    """For which judged rows a condition of the answer is true."""
    columns = {name: trials.case.table[name] for name in trials.case.types}
    kinds = {name: ("string" if column.kind == "string" else "number") for name, column in columns.items()}
    run = in_numpy.compile(parse(expression), kinds)  # type: ignore[arg-type]
    return run(columns).values[trials.judge] == 1


def test_it_is_asked() -> None:
    assert registry.get("question", "PA03") is ForWhichPart


def test_a_part_by_values_is_named_in_words_and_as_a_condition() -> None:
    trials = told("part", 6_000, 1)
    answer = ask(trials)
    part = answer.details["part"]
    assert (answer.answer, part["words"], part["column"]) == ("no", "segment is not 'b' or 'd'", "segment")
    assert part["expression"] == "not (segment in ['b', 'd'])"
    assert holds(trials, part["expression"]).mean() == pytest.approx(part["share"])
    assert holds(trials, part["left_to"]["expression"]).mean() == pytest.approx(1 - part["share"])
    assert part["skill"] > 0.4 > 0.02 > part["left_to"]["skill"]
    assert answer.low < answer.figure == part["skill"] and answer.sure is not None and answer.sure > 0.99


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_a_part_by_a_number_is_found_by_what_was_learned(problem: str) -> None:
    rng = np.random.default_rng(3)
    n = 3_000
    x = rng.normal(size=(n, 4))
    age = rng.uniform(20, 70, n).round()
    age[:150] = np.nan
    score = np.where(age >= 45, 3 * x[:, 0] - 3 * x[:, 1], 0.0)
    y = score + rng.normal(size=n) if problem == "regression" else rng.uniform(size=n) < 1 / (1 + np.exp(-score))
    frame = pl.DataFrame({f"x{j}": x[:, j] for j in range(4)} | {"the age": age, "y": y}).fill_nan(None)
    trials = Trials(read_case(frame, "y"))
    answer = ask(trials)
    part = answer.details["part"]
    assert answer.answer == "no" and part["column"] == "the age"
    inside = holds(trials, part["expression"])
    assert (inside == (age >= 45)[trials.judge])[~np.isnan(age[trials.judge])].mean() > 0.95
    assert inside.mean() == pytest.approx(part["share"])
    assert (inside ^ holds(trials, part["left_to"]["expression"])).all()  # each row is in one of both


@pytest.mark.parametrize("truth", ["linear", "together"])
def test_a_model_that_is_of_use_everywhere_has_no_part(truth: str) -> None:
    trials = Trials(read_case(in_time(table(truth, 2_000)), "y", time="asked"))
    answer = ask(trials)
    assert answer.answer == "yes" and "part" not in answer.details
    assert answer.low > 0 and answer.details["regions_tested"] > 50
    assert answer.details["slices"] and all(
        row["low"] <= row["skill"] <= row["high"] for row in answer.details["slices"]
    )


def test_where_nothing_is_learned_no_part_is_either() -> None:
    answer = ask(Trials(read_case(table("noise", 1_000), "y")))
    assert answer.answer == "unclear" and "part" not in answer.details


@pytest.mark.parametrize("truth", ["noise", "linear", "one column", "rare", "product", "both", "levels"])
@pytest.mark.parametrize("seeds", [1, pytest.param(6, marks=pytest.mark.soak)])
def test_of_homogeneous_problems_no_parts_are_found(truth: str, seeds: int) -> None:
    """None of 18 each, with models of much and of little luck: 126 in all, of which 1 % may be found."""
    found = []
    for seed in range(seeds):
        for rows, luck in ((500, 0.5), (1_500, 0.1), (4_000, 0.02)):
            trials = told(truth, rows, seed, luck)
            found += [one.region.words for one in Parts(trials.case, trials).found()[0]]
    assert found == []


@pytest.mark.parametrize("seeds", [2, pytest.param(10, marks=pytest.mark.soak)])
def test_parts_are_found_where_there_are_enough_rows(seeds: int) -> None:
    assert all(ask(told("part", 3_000, seed)).details.get("part") for seed in range(seeds))


def test_a_small_region_is_a_warning_and_no_verdict() -> None:
    trials = told("linear", 8_000, 5)
    small = trials.case.table["segment"].values == trials.case.table["segment"].levels.tolist().index("d")
    rng = np.random.default_rng(0)
    trials.case.target[small] = rng.integers(2, size=int(small.sum()))
    answer = ask(trials)
    assert answer.answer == "yes" and "part" not in answer.details
    assert [finding.columns for finding in answer.findings] == [("segment",)]


def test_the_surest_rows_are_right_as_often_as_said() -> None:
    trials = told("linear", 20_000, 7, luck=0.0)
    answer = ask(trials)
    chance = np.maximum(trials.learned, 1 - trials.learned)
    for point in answer.details["surest"]["curve"]:
        surest = np.sort(chance)[::-1][: round(point["coverage"] * len(chance))]
        assert point["low"] - 0.005 <= surest.mean() <= point["high"] + 0.005
    assert "about which it is surest are right in" in answer.sentence
    captured = answer.details["surest"]["captured"]
    assert captured[-1]["cases"] == 1 and captured[0]["hit"] > 0.95


def test_of_a_rare_outcome_the_highest_scores_are_told() -> None:
    answer = ask(told("rare", 20_000, 7, luck=0.0))
    assert "highest scores holds" in answer.sentence


def test_of_a_regression_the_surest_rows_are_those_with_small_errors() -> None:
    rng = np.random.default_rng(1)
    size = rng.uniform(1, 10, 4_000)
    y = size * np.exp(0.3 * rng.normal(size=4_000))
    case = read_case(pl.DataFrame({"size": size, "y": y}), "y")
    trials = Told(case, size)
    curve = ask(trials).details["surest"]["curve"]
    assert curve[0]["value"] < 0.5 * curve[-1]["value"]


def test_classes_have_parts_too() -> None:
    rng = np.random.default_rng(2)
    n = 1_500
    x = rng.normal(size=(n, 3))
    shop = rng.choice(["north", "south"], n)
    y = np.where(shop == "north", x.argmax(axis=1), rng.integers(3, size=n))
    frame = pl.DataFrame({f"x{j}": x[:, j] for j in range(3)} | {"shop": shop, "y": [f"k{v}" for v in y]})
    answer = ask(Trials(read_case(frame, "y")))
    assert answer.details["part"]["words"] == "shop is not 'south'"


def test_odd_names_and_values_can_be_parsed() -> None:
    assert parse(spelt("Monthly Charge ($)")).names == {"`Monthly Charge ($)`"} or spelt("in") == "`in`"
    rng = np.random.default_rng(4)
    n = 2_000
    x = rng.normal(size=n)
    kind = rng.choice(["it's", 'a "b"', "c\\d"], n)
    y = rng.uniform(size=n) < 1 / (1 + np.exp(-np.where(kind == "it's", 0.0, 5 * x)))
    case = read_case(pl.DataFrame({"x": x, "what kind": kind, "y": y}), "y")
    trials = Told(case, np.where(kind == "it's", 0.5, 1 / (1 + np.exp(-5 * x))))
    part = ask(trials).details["part"]
    assert (holds(trials, part["expression"]) == (kind != "it's")).all()
