"""PA05 and PA07 where it is known whether, and when, the relation changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from poise.assessment.base import Answer
from poise.assessment.decay import decay
from poise.assessment.effects import effects
from poise.assessment.lasting import Lasting
from poise.assessment.predictive_in_time import PredictiveInTime
from poise.assessment.reading import read_case
from poise.assessment.shifting import shift
from poise.assessment.trials import Trials
from poise.clock import DAY
from poise.models.base import Model

N = 1_800


def table(kind: str, seed: int = 0, n: int = N) -> pl.DataFrame:
    """A year; `flip`: every effect turns around in the middle; `inputs`: only a column moves."""
    rng = np.random.default_rng(seed)
    X, at = rng.normal(size=(n, 4)), np.arange(n) / n
    if kind == "inputs":
        X[:, 0] += 2 * at
    score = 1.5 * X[:, 0] + X[:, 1]
    score = np.where(at < 0.5, 1, -1) * score if kind == "flip" else 0 * score if kind == "noise" else score
    y = (score + rng.logistic(size=n) > 0) * 1
    time = pl.Series("t", (at * 365 * DAY).astype(np.int64)).cast(pl.Datetime("us"))
    return pl.DataFrame({**{f"x{i}": X[:, i] for i in range(4)}, "y": y}).with_columns(time)


def asked(frame: pl.DataFrame, **more: Any) -> tuple[Answer, Answer]:
    case = read_case(frame, "y", **more)
    trials = Trials(case)
    return PredictiveInTime().ask(case, trials), Lasting().ask(case, trials)


def test_what_stays_is_said_to_stay() -> None:
    later, lasting = asked(table("still"), time="t")
    assert (later.answer, lasting.answer) == ("yes", "yes")
    assert later.low > 0.1 and not lasting.findings


def test_what_turns_is_found_and_when() -> None:
    later, lasting = asked(table("flip"), time="t")
    assert (later.answer, lasting.answer) == ("no", "no")
    assert {"x0", "x1"} <= {c for f in lasting.findings if f.weight == "warn" for c in f.columns}
    assert 40 < lasting.details["decay"]["half_days"] < 90  # it turns 61 days after the frozen model was learned
    assert "2 months" in lasting.sentence


def test_moving_inputs_are_no_changing_patterns() -> None:
    _, lasting = asked(table("inputs"), time="t")
    assert lasting.answer == "yes" and lasting.findings[0].columns[0] == "x0"
    assert lasting.details["shift"]["low"] > 0.6


def test_noise_has_no_patterns_to_last() -> None:
    later, lasting = asked(table("noise"), time="t")
    assert later.answer != "yes" and lasting.answer == "unclear"


def test_without_time_the_column_to_name_is_suggested() -> None:
    later, lasting = asked(table("still"))
    assert (later.answer, lasting.answer) == ("unclear", "unclear")
    assert "--time t" in later.change and "--time t" in lasting.change
    assert asked(table("still").drop("t"))[0].change == "A column with the time of each row (--time)."


@pytest.mark.parametrize("seed", range(6))
def test_quiet_where_nothing_changes(seed: int) -> None:
    case = read_case(table("still", seed, 1_000), "y", time="t")
    found = shift(case)
    assert found is not None and not found.sure
    assert not [one for one in effects(case, {}) if one.changed]


def test_a_counter_is_a_clock() -> None:
    case = read_case(table("still").with_columns(version=pl.int_range(N) // 7 * 1.5), "y", time="t")
    found = shift(case)
    assert found is not None and found.clocks == ("version",) and found.auc < 0.6


def test_few_instants_tell_nothing() -> None:
    frame = table("still").with_columns(t=pl.col("t").dt.truncate("1q"))
    case = read_case(frame, "y", time="t")
    assert shift(case) is None and decay(case, Trials(case)) is None
    assert Lasting().ask(case, Trials(case)).answer == "unclear"


def test_nothing_is_learned_from_outcomes_that_were_not_known_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where truth comes 40 days late, no model that judges later rows has seen any of the 40 days before them."""
    case = replace(made := read_case(table("still"), "y", time="t"), known_at=made.time + 40 * DAY)
    trials, learned = Trials(case), list[NDArray[np.int64]]()
    learn = Trials.learn

    def watched(self: Trials, rung: str, train: NDArray[np.int64], like: Model | None = None) -> Model:
        learned.append(train)
        return learn(self, rung, train, like)

    monkeypatch.setattr(Trials, "learn", watched)
    curve = decay(case, trials)
    assert curve is not None
    latest = {int(case.time[rows].max()) // DAY for rows in learned}
    assert latest == {int(start) // DAY - 40 for start in curve.start}
