"""PA04: what more rows would bring is told with limits that hold, and too few rows are said to be too few."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from poise import registry
from poise.assessment import enough_data, folds
from poise.assessment.base import Answer
from poise.assessment.case import Case
from poise.assessment.enough_data import EnoughData
from poise.assessment.extrapolation import futures
from poise.assessment.learning_curve import Curve, learning_curve
from poise.assessment.reading import read_case
from poise.assessment.trials import Trials
from poise.errors import NotEnoughData
from poise.models.losses import losses
from tests.assessment.tables import in_time, table, trials_of


def ask(frame: pl.DataFrame, **more: str) -> Answer:
    trials = trials_of(frame, **more)
    return EnoughData().ask(trials.case, trials)


def test_it_is_asked() -> None:
    assert registry.get("question", "PA04") is EnoughData


@pytest.mark.parametrize("law", ["power", "slow power", "two powers", "logarithm", "done", "found late"])
def test_limits_at_twice_the_rows_hold_for_many_laws(law: str) -> None:
    """Simulated curves whose truth at twice the rows is known: both limits at 95 % hold in about 90 %."""
    rng = np.random.default_rng(0)
    n = np.geomspace(100, 1600, 5)
    curves = {
        "power": lambda n: 0.5 + 2 * n**-0.7,
        "slow power": lambda n: 0.3 + 1.2 * n**-0.25,
        "two powers": lambda n: 0.4 + n**-0.4 + 8 / n,
        "logarithm": lambda n: 0.9 - 0.05 * np.log(n / 50),
        "done": lambda n: 0.6 + 0 * n,
        "found late": lambda n: 0.5 + 0.4 / (1 + n / 400),
    }
    truth = curves[law]
    held, widths = [], []
    for seed in range(200):
        error = 0.006 * np.sqrt(1600 / n)
        measured = truth(n) + error * rng.normal(size=5) + 0.01 * rng.normal()
        (twice,) = futures(n, measured, error, (2.0,), 0.01, seed=seed)
        _, low, high = twice.limits()
        held.append(low <= 1 - truth(3200.0) <= high)
        widths.append(high - low)
    assert (0.8 if law == "found late" else 0.84) <= np.mean(held) <= 0.99
    assert np.mean(widths) < 0.1


@pytest.mark.parametrize(("truths", "seeds"), [(2, 2), pytest.param(6, 8, marks=pytest.mark.soak)])
def test_limits_hold_for_what_is_really_learned(truths: int, seeds: int) -> None:
    """The question's own curve of a linear model, against models that learned from twice the rows."""
    later = read_case(table("linear", 20_000, seed=900), "y")
    truth = []
    for seed in range(truths):
        twice = Trials(read_case(table("linear", 640, seed=500 + seed), "y"))
        predicted = twice.learn("linear", np.arange(640)).predict(later.table)
        base = losses(twice.problem, np.full(later.rows, later.target.mean()), later.target)
        truth.append(1 - losses(twice.problem, predicted, later.target).mean() / base.mean())
    held = []
    for seed in range(seeds):
        case = read_case(table("linear", 400, seed=seed), "y")
        trials = Trials(case)
        trials.__dict__["best"] = "linear"
        made = learning_curve(case, trials)
        assert made.rows[-1] == pytest.approx(360, abs=40) and (np.diff(made.rows) > 0).all()
        (future,) = futures(made.rows, made.loss, made.error, (2.0,), made.level_error, made.luck)
        held.append(future.limits()[1] <= np.mean(truth) <= future.limits()[2])
    assert np.mean(held) >= 0.75


def test_more_rows_are_less_and_less_worth_and_less_sure() -> None:
    n = np.array([50.0, 100, 200, 400, 800])
    made = futures(n, 0.5 + n**-0.5, np.full(5, 0.003), (2.0, 10.0), 0.01)
    (_, low2, high2), (_, low10, high10) = (one.gained() for one in made)
    assert 0 < low2 < high2 < high10 and high10 - low10 > high2 - low2
    nothing = futures(n, np.full(5, 1.0), np.full(5, 0.003), (10.0,))[0]
    assert nothing.gained()[1] == pytest.approx(0, abs=0.01)


def test_enough_rows_are_said_with_what_more_would_bring() -> None:
    answer = ask(table("linear", 1_000))
    assert answer.answer == "yes" and "twice as many would explain" in answer.sentence
    assert answer.low <= answer.figure <= answer.high < 0.1
    points = answer.details["curve"]["points"]
    assert len(points) == 5 and points[0]["skill"] < points[-1]["skill"]
    assert [one["times"] for one in answer.details["later"]][-1] == 10


def test_noise_needs_no_more_rows_but_other_columns() -> None:
    answer = ask(table("noise", 1_500))
    assert answer.answer == "yes" and "Enough to tell" in answer.sentence


def test_few_rows_are_too_few_and_about_how_many_are_needed() -> None:
    answer = ask(table("linear", 45, columns=12))
    assert answer.answer == "no" and answer.details["rows_needed"] > 60
    assert f"{answer.details['rows_needed']:,} rows" in answer.change


def test_three_of_the_rarer_kind_are_too_few() -> None:
    y = np.zeros(400, int)
    y[:3] = 1
    answer = ask(table("noise", 400).with_columns(y=pl.Series(y)))
    assert answer.answer == "no" and answer.details["rows_needed"] == 14_000
    assert any("fewer than 100 examples" in finding.sentence for finding in answer.findings)


def test_where_far_more_would_be_learned_from_more_rows_data_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A curve that has just begun to fall: there is something, and ten times the rows would surely show far more."""
    n = np.geomspace(50, 800, 5)

    def steep(case: Case, trials: Trials) -> Curve:
        skill = trials.skill(trials.learned).value
        return Curve("trees", n, 1 - skill + 0.6 * ((n / 800) ** -0.5 - 1), np.full(5, 0.002), 0.005, 0.003)

    monkeypatch.setattr(enough_data, "learning_curve", steep)
    monkeypatch.setattr(folds, "SOME_ROWS", 5_000)  # every row is judged
    weak = table("linear", 800).with_columns(y=pl.Series(np.random.default_rng(0).permutation(800) % 2))
    blend = np.random.default_rng(1).uniform(size=800) < 0.5
    answer = ask(weak.with_columns(y=pl.when(pl.Series(blend)).then(table("linear", 800)["y"]).otherwise(weak["y"])))
    assert answer.answer == "no" and answer.details["rows_needed"] > 2_000 and (answer.sure or 0) > 0.95
    assert "ten times as many would explain" in answer.sentence


def test_many_rare_classes_are_reframed_as_pairs() -> None:
    rng = np.random.default_rng(0)
    y = [f"item {v}" for v in rng.zipf(1.3, 400) % 100]
    answer = ask(table("noise", 400, columns=3).with_columns(y=pl.Series(y)))
    said = [finding.sentence for finding in answer.findings]
    assert any("one row per pair of a row and a 'y'" in sentence for sentence in said)


def test_values_that_hardly_repeat_are_named() -> None:
    rng = np.random.default_rng(0)
    frame = table("linear", 1_200).with_columns(street=pl.Series([f"s{v}" for v in rng.integers(500, size=1_200)]))
    answer = ask(frame)
    assert [finding.columns for finding in answer.findings] == [("street",)]
    assert answer.details["rare_values"][0]["rare"] > 0.9


def test_parts_of_the_rows_keep_keys_together_and_later_rows_judge() -> None:
    keys = pl.Series([f"k{v}" for v in np.repeat(np.arange(200), 4)])
    assert ask(table("linear", 800).with_columns(k=keys), key="k").answer == "yes"
    assert ask(in_time(table("linear", 800)), time="asked").answer == "yes"


def test_too_few_rows_for_a_curve_are_said() -> None:
    case = read_case(table("rule", 50), "y")
    with pytest.raises(NotEnoughData, match="too few for a learning curve"):
        learning_curve(case, Trials(case))
