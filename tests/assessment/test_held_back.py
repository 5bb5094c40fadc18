"""A verdict that rests on columns that seem to be known too late waits for a person; honest strong columns do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from poise.assessment.assess import Assessment, assess
from poise.assessment.base import Answer
from poise.assessment.leakage import Leakage
from poise.assessment.reading import read_case
from poise.assessment.trials import Trials
from poise.errors import DataError
from poise.interfaces.assessing import assess as assess_table

N = 2_000


def ask(frame: pl.DataFrame, **more: Any) -> Answer:
    case = read_case(frame, "late", **more)
    return Leakage().ask(case, Trials(case))


def journeys(seed: int = 0, unknown: float = 0.0, strength: float = 1.0) -> pl.DataFrame:
    """Journeys by a plan, late more often in the evening and in wind; when they left, and how late that was."""
    rng = np.random.default_rng(seed)
    hour, wind = rng.uniform(5, 23, N), rng.gamma(2, 5, N)
    gone = rng.gamma(1.0, 10 + hour + wind, N) - 10
    came = gone * strength + rng.normal(0, 12, N)
    frame = pl.DataFrame(
        {
            "sched_dep_time": hour, "wind": wind, "distance": rng.uniform(100, 2_000, N),
            "dep_time": hour + gone / 60, "dep_delay": gone, "late": np.where(came > 15, "late", "in time"),
        }
    )  # fmt: skip
    lost = pl.Series(rng.random(N) < unknown)
    return frame.with_columns(pl.when(~lost).then(pl.col("dep_time", "dep_delay", "late")))


def test_a_verdict_that_rests_on_late_columns_waits_and_says_what_is_left() -> None:
    frame = journeys()
    found = assess(read_case(frame, "late"), codes=["PA01", "PA02", "PA06"])
    verdict, leaks = found.verdict, found.answer("PA06")
    assert verdict.verdict == "needs a person" and "PA06" in verdict.because and leaks is not None
    beside = leaks.details["beside"]
    assert set(beside["columns"]) == {"dep_time", "dep_delay"} and beside["without"] < 0.15 < 0.3 < beside["with"]
    assert "Without 'dep_delay' and 'dep_time'" in verdict.sentence
    assert "--known dep_delay,dep_time" in verdict.next[0]
    assert not {"dep_time", "dep_delay"} & set(found.trials.case.types)
    assert "may be known too late" in str(found)


def test_gaps_beside_the_target_name_them_however_they_are_called() -> None:
    frame = journeys(unknown=0.05).rename({"dep_time": "a", "dep_delay": "b", "sched_dep_time": "c"})
    answer = ask(frame)
    assert answer.answer == "needs a person" and set(answer.details["held"]) == {"a", "b"}


def test_who_knows_that_they_are_known_in_time_says_so() -> None:
    found = assess_table(journeys(), "late", known=("dep_delay", "dep_time"), questions=["PA06"], threads=1)
    leaks = found.answer("PA06")
    assert leaks is not None and leaks.answer == "yes" and found.verdict.verdict in ("use ML", "use the rule")
    assert any("Declared as known" in one.sentence for one in leaks.findings)
    with pytest.raises(DataError, match="--known: there is no column 'dep'"):
        assess_table(journeys(), "late", known=("dep",))


def test_suspects_that_decide_nothing_hold_nothing_back() -> None:
    answer = ask(journeys(strength=0.0).drop("dep_delay"))
    assert answer.answer == "unclear" and not answer.details["held"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("flips", [0.0, 0.05])
def test_one_strong_honest_column_is_not_held_back(seed: int, flips: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 5))
    y = (x[:, 0] > 0.4) ^ (rng.random(N) < flips)
    answer = ask(pl.DataFrame({**{f"x{i}": x[:, i] for i in range(5)}, "late": np.where(y, "yes", "no")}))
    assert answer.answer in ("yes", "unclear") and not answer.details["held"]


def test_a_copy_with_noise_is_held_back_by_its_shape() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(N, 4)), rng.random(N) < 0.4
    frame = pl.DataFrame({**{f"x{i}": x[:, i] for i in range(4)}, "note": y + rng.normal(0, 0.22, N), "late": y * 1})
    answer = ask(frame)
    assert answer.answer in ("no", "needs a person") and "'note'" in answer.sentence


def foretold(noise: float) -> tuple[pl.DataFrame, np.random.Generator]:
    """What follows three columns, and another model's chance of it."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(N, 3))
    chance = 1 / (1 + np.exp(-(x @ [1.5, 1.0, -1.0])))
    late = rng.random(N) < chance
    told = 1 / (1 + np.exp(-(x @ [1.5, 1.0, -1.0]) * (1 + noise)))
    return pl.DataFrame({**{f"x{i}": x[:, i] for i in range(3)}, "champion": told, "late": late * 1}), rng


def test_the_prediction_of_another_model_is_named() -> None:
    frame, _ = foretold(0.0)
    (found,) = (one for one in ask(frame).findings if one.columns == ("champion",))
    assert found.weight == "warn" and "prediction of another model" in found.sentence
    off, _ = foretold(1.0)
    assert all(one.columns != ("champion",) for one in ask(off).findings)
    (found,) = (one for one in ask(off.rename({"champion": "y_pred"})).findings if one.columns == ("y_pred",))
    assert "its name says so" in found.sentence


def test_shares_that_are_no_chances_are_none() -> None:
    frame, rng = foretold(0.0)
    answer = ask(frame.drop("champion").with_columns(share=pl.Series(rng.random(N))))
    assert isinstance(answer, Answer) and answer.answer == "yes"


def test_an_assessment_is_told_in_full(tmp_path: Any) -> None:
    found = assess(read_case(journeys(), "late"), codes=["PA01", "PA02", "PA06"])
    assert isinstance(found, Assessment)
    page = found.write_report(tmp_path / "page.html").read_text()
    assert "dep_delay" in page and "needs a person" in page
