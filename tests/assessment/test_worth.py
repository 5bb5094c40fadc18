"""PA08: what answers are worth, declared or not; and the costs that people declare."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from poise.assessment.base import Answer
from poise.assessment.case import Declared
from poise.assessment.costs import costs_of, read_costs
from poise.assessment.policies import played
from poise.assessment.reading import read_case
from poise.assessment.trials import Trials
from poise.assessment.worth_it import WorthIt, worst_slices
from poise.errors import DataError, PoiseError
from tests.assessment.tables import in_time, table, trials_of


def asked(frame: pl.DataFrame, costs: dict[str, Any] | None = None, **more: Any) -> Answer:
    trials = trials_of(frame, **more)
    made = WorthIt().ask(replace(trials.case, declared=Declared(costs=costs or {})), trials)
    json.dumps(made.to_dict())
    return made


def numbers(rows: int = 600, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2))
    return pl.DataFrame({"x0": x[:, 0], "x1": x[:, 1], "y": 10 * x[:, 0] + 5 * x[:, 1] + rng.normal(size=rows)})


def test_declared_outcomes_give_money_with_limits_and_a_payback() -> None:
    costs = {"hit": 40, "false_alarm": -50, "currency": "EUR", "per_month": 2_000, "build": 10_000}
    made = asked(table("linear", 800), costs | {"run_per_month": 200})
    assert made.answer == "yes" and made.low < made.figure < made.high
    assert "EUR" in made.sentence and "months" in made.sentence
    details = made.details
    assert 0 < details["break_even_quality"] < details["quality"] < 1
    assert details["payback_months"]["value"] == pytest.approx(10_000 / (made.figure - 200))
    assert sum(details["confusion"].values()) == pytest.approx(1)
    assert details["threshold"] == pytest.approx(50 / 90)


def test_running_costs_decide_and_say_how_many_decisions_it_would_take() -> None:
    costs = {"hit": 1, "false_alarm": -1, "per_month": 100, "run_per_month": 5_000}
    made = asked(table("linear", 800), costs)
    assert made.answer == "no" and "decisions a month" in made.change
    needed = made.details["needed"] * 100 / made.details["gain"]["value"]
    assert asked(table("linear", 800), costs | {"per_month": 3 * needed}).answer == "yes"


def test_a_rule_that_brings_as_much_is_named() -> None:
    made = asked(table("rule", 1_500), {"hit": 10, "false_alarm": -10, "per_month": 1_000, "run_per_month": 2_000})
    assert made.answer == "no" and made.details["instead"] == "the rule"


def test_noise_is_worth_nothing_at_any_ratio() -> None:
    assert asked(table("noise", 800), {"hit": 10, "false_alarm": -10}).answer != "yes"
    made = asked(table("noise", 800))
    assert made.answer == "unclear" and np.isnan(made.low)


def test_without_declarations_there_is_a_range_of_ratios() -> None:
    made = asked(table("linear", 800))
    assert made.answer == "unclear" and made.low < 1 < made.high
    assert "false alarm" in made.sentence and len(made.details["table"]) == 41
    assert "--costs" in made.change


def test_thresholds_follow_the_ratio_and_the_expected_value_is_what_comes_true() -> None:
    made = asked(table("linear", 800))
    rows = made.details["table"]
    assert all(a["threshold"] > b["threshold"] and a["alarms"] <= b["alarms"] for a, b in pairwise(rows))
    by_hand = [row for row in rows if row["alarms"] in (0.0, 1.0)]
    assert all(abs(row["gain"]["value"]) < 0.05 * (1 + row["ratio"]) for row in by_hand)


def test_what_is_always_the_same_is_worth_what_it_is() -> None:
    trials = trials_of(table("linear", 800))
    said = {"hit": 3, "miss": -7, "false_alarm": -2, "correct_rejection": 1}
    case = replace(trials.case, declared=Declared(costs=said))
    costs = costs_of(case)
    assert costs is not None
    made = played(case, trials, costs)
    share = trials.target.mean()
    always = {"always '1'": 3 * share - 2 * (1 - share), "always '0'": -7 * share + (1 - share)}
    assert made.fixed.mean() == pytest.approx(max(always.values()))
    assert made.always == max(always, key=lambda name: always[name])
    assert made.perfect.mean() == pytest.approx(3 * share + 1 - share)


def test_errors_of_numbers_cost_by_their_side() -> None:
    made = asked(numbers(), {"over": -1, "under": -4, "per_month": 100})
    assert made.answer == "yes"
    even = asked(numbers(), {"over": -1, "under": -1})
    assert even.details["policies"]["ML"] > -1.5
    assert made.details["policies"]["ML"] > even.details["policies"]["ML"] * 2.5
    assert "nearer" in asked(numbers()).sentence


def test_classes_have_a_matrix() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=900)
    frame = pl.DataFrame({"x": x, "y": np.where(x < -0.5, "a", np.where(x < 0.5, "b", "c"))})
    made = asked(frame, {"right": 1, "wrong": -1, "values": {"a": {"c": -20}}, "per_month": 10})
    assert made.answer in ("yes", "no") and made.details["policies"]["every answer right"] == 1
    assert any("a person can take them" in finding.sentence for finding in made.findings)


def test_a_person_as_now_is_the_measure() -> None:
    costs = {"hit": 10, "false_alarm": -10, "per_month": 1_000}
    assert "a person, as now" in asked(table("linear", 800), costs | {"person": 9.0}).sentence


def test_the_volume_of_a_table_in_time_is_seen() -> None:
    made = asked(in_time(table("linear", 1_200), "6h"), {"hit": 10, "false_alarm": -10}, time="asked")
    assert made.details["a_month"] and made.details["decisions"] == pytest.approx(4 * 30.44, rel=0.02)


def test_the_worst_slice_is_named_where_it_loses() -> None:
    frame = table("linear", 3_000, columns=3)
    rng = np.random.default_rng(5)
    region = rng.choice(["north", "south"], 3_000)
    case = read_case(frame.with_columns(region=pl.Series(region)), "y")
    trials = Trials(case)
    gain = np.where(region[trials.judge] == "north", -1.0, 2.0) + rng.normal(size=len(trials.judge))
    worst = worst_slices(case, trials, gain)
    assert (worst[0]["column"], worst[0]["value"], worst[0]["loses"]) == ("region", "north", True)
    assert not any(one["loses"] for one in worst[1:])


@pytest.mark.parametrize(
    ("costs", "says"),
    [
        ({"mis": -1}, "did you mean 'miss'"),
        ({"miss": 100}, "miss: -100"),
        ({"false_alarm": 5}, "false_alarm: -5"),
        ({"hit": "much"}, "'hit' is 'much'"),
        ({"hit": True}, "'hit' is True"),
        ({"hit": 1, "build": -1}, "'build' is -1"),
        ({"hit": 1, "per_month": 0}, "'per_month' is 0"),
        ({"hit": 0, "miss": 0}, "all alike"),
        ({"over": -1}, "'over' is not known for a binary target"),
    ],
)
def test_contradictions_name_their_key(costs: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError) as raised:
        costs_of(read_case(table("linear", 100), "y", costs=costs))
    assert says in str(raised.value)


def test_costs_come_as_text_or_file(tmp_path: Path) -> None:
    (tmp_path / "costs.yaml").write_text("hit: 40\nmiss: -2.5\n")
    assert read_costs(str(tmp_path / "costs.yaml")) == {"hit": 40, "miss": -2.5}
    assert read_costs('{"hit": 1}') == {"hit": 1} == read_costs("hit: 1")
    for text, says in (("no.yaml", "no file 'no.yaml'"), ("[1]: {", "--costs:1"), ("{a: 1, a: 2}", "a")):
        with pytest.raises(PoiseError) as raised:
            read_costs(text)
        assert says in str(raised.value)
