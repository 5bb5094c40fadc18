"""Estimates from a log that another system made: against loops over its rows, and where it must warn or refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.interfaces.cli.in_process import poise

from poise.errors import DataError, UsageError
from poise.interfaces.estimating import Columns, estimates

NAMES = Columns("item", "chance", "click", place="slot", time="at")
WORTH = np.array([0.05, 0.1, 0.2, 0.4])


def table(seed: int = 1, rows: int = 4_000) -> pl.DataFrame:
    """A log of four items, shown in two slots by chances that differ between rows; `other` prefers the best item."""
    random = np.random.default_rng(seed)
    chances = random.dirichlet(np.full(4, 3.0), rows) * 0.8 + 0.05
    item = (chances.cumsum(axis=1) > random.random((rows, 1))).argmax(axis=1)
    slot = random.integers(1, 3, rows)
    return pl.DataFrame(
        {
            "item": [f"i{one}" for one in item],
            "chance": chances[np.arange(rows), item],
            "click": (random.random(rows) < WORTH[item] / slot).astype(int),
            "slot": slot,
            "at": np.sort(random.integers(0, 30 * 86_400, rows)) * 1_000_000 + 1_700_000_000_000_000,
            "other": np.array([0.1, 0.1, 0.2, 0.6])[item],
        }
    )


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("log") / "log.csv"
    table().write_csv(file)
    return file


def of(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in told["estimates"] if one["estimator"] == name)


def test_ips_and_snips_are_what_a_loop_over_the_rows_gives(log: Path) -> None:
    rewarded = weights = 0.0
    rows = table().to_dicts()
    for row in rows:
        weight = row["other"] / row["chance"]
        weights += weight
        rewarded += weight * row["click"]
    told = estimates(log, "other", NAMES)
    assert told["rows"] == len(rows) and told["actions"] == 4 and not told["left_out"] and not told["warnings"]
    assert of(told, "ips")["value"]["value"] == pytest.approx(rewarded / len(rows), abs=1e-9)
    assert of(told, "snips")["value"]["value"] == pytest.approx(rewarded / weights, abs=1e-9)
    assert {one["estimator"] for one in told["estimates"]} == {"ips", "snips"}, "what else 'other' does nobody knows"
    truth = float((np.array([0.1, 0.1, 0.2, 0.6]) * WORTH).sum() * 0.75)
    for one in told["estimates"]:
        assert one["value"]["low"] < truth < one["value"]["high"]
        assert one["gain"]["low"] > 0 and one["gain"]["share"]["value"] > 0.2


def test_a_policy_that_is_known_in_full_is_told_with_a_model_too(log: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.csv"
    rows = [
        {"item": f"i{n}", "slot": slot, "probability": p} for n, p in enumerate((0.1, 0.1, 0.2, 0.6)) for slot in (1, 2)
    ]
    pl.DataFrame(rows).write_csv(policy)
    told = estimates(log, str(policy), NAMES)
    assert of(told, "ips")["value"] == of(estimates(log, "other", NAMES), "ips")["value"]
    assert of(told, "doubly-robust")["value"]["value"] == pytest.approx(of(told, "ips")["value"]["value"], rel=0.05)
    always = of(estimates(log, "always:i3", NAMES), "doubly-robust")["value"]
    assert always["value"] == pytest.approx(0.3, rel=0.15)
    pl.DataFrame(rows[:-1]).write_csv(policy)
    with pytest.raises(DataError, match="do not add up to 1 at each place"):
        estimates(log, str(policy), NAMES)


def test_wrong_propensities_are_said(tmp_path: Path) -> None:
    for wrong, said in (
        (pl.col("chance").sqrt(), "the logged propensities look wrong: weights should average 1.000"),
        (pl.col("chance") * 0.7, "do not match how often it was taken"),
    ):
        table().with_columns(chance=wrong).write_csv(tmp_path / "log.csv")
        told = estimates(tmp_path / "log.csv", "uniform", NAMES)
        assert any(said in one for one in told["warnings"]), told["warnings"]
    assert not estimates_of_right_ones(tmp_path)


def estimates_of_right_ones(folder: Path) -> list[str]:
    """What is said of ten logs whose propensities are right."""
    said = []
    for seed in range(10):
        table(seed).write_csv(folder / "log.csv")
        said += estimates(folder / "log.csv", "uniform", NAMES)["warnings"]
    return said


def test_a_log_without_exploration_refuses(tmp_path: Path) -> None:
    table().with_columns(chance=pl.lit(1.0)).write_csv(tmp_path / "log.csv")
    told = estimates(tmp_path / "log.csv", "other", NAMES)
    assert "without exploration" in told["refused"]
    assert all(one["value"]["value"] is None for one in told["estimates"])


def test_what_was_never_tried_refuses(tmp_path: Path) -> None:
    table().filter(pl.col("item") != "i3").write_csv(tmp_path / "log.csv")
    policy = tmp_path / "policy.csv"
    pl.DataFrame({"item": ["i0", "i3"], "probability": [0.5, 0.5]}).write_csv(policy)
    told = estimates(tmp_path / "log.csv", str(policy), Columns("item", "chance", "click"))
    assert "could have shown only 50%" in told["refused"]


def test_what_is_not_there_is_named(log: Path, tmp_path: Path) -> None:
    for columns, target, said in (
        (Columns("itm", "chance", "click"), "other", "no column 'itm'"),
        (NAMES, "othr", "no column of"),
        (NAMES, "always:i9", "was never taken"),
    ):
        with pytest.raises(UsageError, match=said):
            estimates(log, target, columns)
    with pytest.raises(UsageError, match="there is no file"):
        estimates(tmp_path / "none.csv", "other", NAMES)
    with pytest.raises(DataError, match="a propensity of 0 came"):
        estimates(log, "other", Columns("item", "click", "click"))
    with pytest.raises(DataError, match="must be such"):
        estimates(log, "other", Columns("item", "item", "click"))


def test_rows_without_a_value_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = table().with_columns(click=pl.when(pl.int_range(pl.len()) < 40).then(None).otherwise(pl.col("click")))
    rows.write_parquet(tmp_path / "log.parquet")
    told = estimates(tmp_path / "log.parquet", "other", NAMES)
    assert told["left_out"] == {"click is missing": 40} and told["rows"] == 3_960


def test_the_command_line_says_it(log: Path) -> None:
    words = ("--action", "item", "--propensity", "chance", "--reward", "click", "--place", "slot", "--time", "at")
    done = poise(log.parent, "estimate", str(log), *words, "--target", "uniform")
    assert done.returncode == 0, done.stderr
    assert "4,000 rows, 4 actions; as logged:" in done.stdout and "doubly-robust:" in done.stdout
    told = json.loads(poise(log.parent, "estimate", str(log), *words, "--target", "other", "--json").stdout)
    assert told["estimates"][0]["estimator"] == "ips"
    refused = poise(log.parent, "estimate", str(log), "--target", "other")
    assert refused.returncode == 2 and "no column 'action'" in refused.stderr


def test_a_log_that_is_too_short_says_so_on_the_command_line_too(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("action,propensity,reward\nü,0.5,1\nb,0.5,0\n", encoding="utf-8")
    done = poise(tmp_path, "estimate", "log.csv", "--target", "always:ü")
    assert done.returncode == 0, done.stderr
    assert "2 rows, 2 actions\n" in done.stdout and "cannot tell: the log is worth" in done.stdout
    one_user = [f"{'ab'[row % 2]},0.5,{row % 3},u1" for row in range(400)]
    (tmp_path / "log.csv").write_text("action,propensity,reward,user\n" + "\n".join(one_user), encoding="utf-8")
    done = poise(tmp_path, "estimate", "log.csv", "--target", "uniform", "--by", "user")
    assert done.returncode == 0 and "by 1 block" in done.stdout, done.stderr


@pytest.mark.parametrize("chances", ["x,1", ",1", "nan,1", "1e999,1"])
def test_a_policy_whose_probabilities_are_none_is_refused(log: Path, tmp_path: Path, chances: str) -> None:
    one, other = chances.split(",")
    (tmp_path / "policy.csv").write_text(f"item,probability\ni0,{one}\ni1,{other}\n", encoding="utf-8")
    with pytest.raises(DataError, match="'probability' is not a number"):
        estimates(log, str(tmp_path / "policy.csv"), Columns("item", "chance", "click"))


def test_limits_by_a_handful_of_users_are_warned_of(tmp_path: Path) -> None:
    users = table().with_columns(user=pl.Series(["ana", "bo", None, "cy"] * 1_000))
    users.write_csv(tmp_path / "log.csv")
    told = estimates(tmp_path / "log.csv", "uniform", Columns("item", "chance", "click", by="user"))
    assert told["blocks"]["count"] == 4 and "limits are by 4 blocks" in told["warnings"][0]
    assert not any("limits are by" in said for said in estimates(tmp_path / "log.csv", "uniform", NAMES)["warnings"])
