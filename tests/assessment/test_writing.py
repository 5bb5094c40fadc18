"""The system file that an assessment writes: valid, every value is read, leaks are out, it trains as it stands."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from poise.assessment.as_declared import in_file
from poise.assessment.assess import assess
from poise.assessment.base import Answer, Finding
from poise.assessment.reading import read_case
from poise.assessment.writing import system_of
from poise.data.ingest import ingest
from poise.data.lake import Lake
from poise.errors import DataError
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec

COSTS = {"hit": 40, "false_alarm": -20, "currency": "USD", "core_hour": 0.04}


def odd(rows: int = 400) -> pl.DataFrame:
    """Headers with spaces, quotes and other alphabets; dates, money and missing words as text; values with blanks."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    day = np.datetime64("2024-01-01") + rng.integers(0, 600, rows).astype("timedelta64[D]")
    return pl.DataFrame({
        'Größe (cm), "outer"': ["?" if i % 50 == 0 else f"{v:.2f}" for i, v in enumerate(x)],
        "list price": [f"${v:,.2f}" for v in rng.uniform(500, 9_000, rows)],
        "2nd": rng.normal(size=rows), "naïve": rng.choice(["ä", "it's", 'a "q"'], rows),
        "Début": [f"{d.day:02}/{d.month:02}/{d.year}" for d in day.tolist()], "in": rng.integers(0, 5, rows),
        " spaced ": rng.normal(size=rows), "列": rng.normal(size=rows), "row_id": [f"r{i}" for i in range(rows)],
        "Outcome?": np.where(rng.random(rows) < 1 / (1 + np.exp(-3 * x)), " >50K", " <=50K"),
    })  # fmt: skip


def timed(rows: int = 1_500) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 2))
    at = np.datetime64("2025-01-01T00:00:00") + (np.arange(rows) * 6).astype("timedelta64[h]")
    since = at - rng.integers(1, 900, rows).astype("timedelta64[D]")
    won = rng.random(rows) < 1 / (1 + np.exp(-3 * x[:, 0] + x[:, 1]))
    return pl.DataFrame({
        "asked": [str(a) for a in at], "since": [str(a)[:10] for a in since], "x": x[:, 0], "z": x[:, 1],
        "won": ["?" if i % 97 == 0 else ("yes" if w else "no") for i, w in enumerate(won)],
    })  # fmt: skip


def years(rows: int = 300) -> pl.DataFrame:
    x = np.random.default_rng(2).normal(size=(rows, 3))
    return pl.DataFrame({"year": 1990 + np.arange(rows) // 10, "x": x[:, 0], "z": x[:, 1], "y": x.sum(axis=1)})


def classes(rows: int = 600) -> pl.DataFrame:
    """Two dozen classes, of which the rarest are put together."""
    rng = np.random.default_rng(3)
    which = rng.integers(0, 24, rows)
    return pl.DataFrame({"x": which + rng.normal(size=rows), "g": [f"it's {i}" for i in which]})


def shipped(load: Any) -> pl.DataFrame:
    return pl.from_pandas(load(as_frame=True).frame)


def written(frame: pl.DataFrame, target: str, folder: Path, name: str = "a table.csv", **more: Any) -> str:
    file = folder / name
    frame.write_csv(file) if name.endswith("csv") else frame.write_parquet(file)
    case = read_case(file, target, **more)
    made = assess(case, codes=("PA06",))
    made.trials.__dict__["best"] = "linear"  # what is written hardly depends on it, and trees take long
    text = system_of(case, made, name)
    (folder / "poise.yaml").write_text(text)
    return text


def accepted(folder: Path, text: str) -> tuple[SystemSpec, int, int]:
    """The system, how many rows came in, and how many were accepted."""
    system = read_text(text)
    counts = ingest(system, Lake(str(folder / "lake")), base=folder).sources[0].counts
    return system, counts.rows_in, counts.accepted


@pytest.mark.parametrize(
    ("frame", "target", "more"),
    [
        (shipped(load_breast_cancer), "target", {"costs": COSTS}),
        (shipped(load_iris), "target", {"costs": {"right": 1, "wrong": -2}}),
        pytest.param(shipped(load_wine), "target", {}, marks=pytest.mark.soak),
        (shipped(load_diabetes), "target", {}),
        (classes(), "g", {}),
        (years(), "y", {"time": "year"}),
    ],
    ids=["breast cancer", "iris", "wine", "diabetes", "classes", "years"],
)
def test_it_is_valid_and_every_row_is_read(frame: pl.DataFrame, target: str, more: Any, tmp_path: Path) -> None:
    system, rows, kept = accepted(tmp_path, written(frame, target, tmp_path, **more))
    assert rows == kept == frame.height
    assert (system.decision is not None) == ("costs" in more)


def test_odd_headers_values_and_dates_are_declared(tmp_path: Path) -> None:
    text = written(odd(), "Outcome?", tmp_path, costs=COSTS)
    system, rows, kept = accepted(tmp_path, text)
    assert rows == kept == 400
    source = system.sources["a_table"]
    assert source.columns["Debut"].format == "%d/%m/%Y" and source.columns["n2nd"].from_ == "2nd"
    assert source.derive == {"Grosse_cm_outer": "number(Grosse_cm_outer_text)"} and source.id == ("row_id",)
    assert "Debut" in source.request and "row_id" not in source.request  # type: ignore[operator]
    assert "#   not list price: save it as plain numbers" in text
    assert "' >50K'" in text or "' <=50K'" in text


def test_a_table_in_time_waits_for_its_truth(tmp_path: Path) -> None:
    text = written(timed(), "won", tmp_path, time="asked")
    system = read_text(text)
    assert system.objectives["won"].label.within > 0 and "Nobody said it" in text
    assert "won not in ['?']" in text and "won == 'yes'" in text
    assert 'since_day: "(asked - since) / 1d"' in text


def test_a_leak_is_left_out_and_said(tmp_path: Path) -> None:
    odd().write_csv(tmp_path / "t.csv")
    case = read_case(tmp_path / "t.csv", "Outcome?")
    found = Finding("it gives the answer away", "stop", ("2nd",))
    answer = Answer("PA06", "", "no", "", "", findings=(found,))
    made = assess(case, codes=())
    made.trials.__dict__["best"] = "linear"
    text = system_of(case, replace(made, answers=(answer,)), "t.csv")
    assert "#   not 2nd: it gives the answer away" in text
    assert "n2nd" not in read_text(text).sources["t"].columns


def test_a_key_keeps_rows_together(tmp_path: Path) -> None:
    frame = odd().with_columns(customer=pl.Series([f"c{i // 4}" for i in range(400)]))
    assert "    person: customer " in written(frame, "Outcome?", tmp_path, key="customer")
    frame = frame.rename({"customer": "machine"})
    assert "    entity: machine " in written(frame, "Outcome?", tmp_path, key="machine")


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    money = odd().with_columns(pl.Series("price", [f"${1000 + i:,}.50" for i in range(400)]))
    with pytest.raises(DataError, match="no system file can read the target 'price'"):
        written(money, "price", tmp_path)
    with pytest.raises(DataError, match="no system can be trained on this table"):
        written(odd().with_columns(y=pl.lit("a")), "y", tmp_path)
    with pytest.raises(DataError, match="read from no file"):
        in_file(read_case(odd(), "Outcome?"))


def test_columns_keep_their_types_in_parquet(tmp_path: Path) -> None:
    frame = timed().with_columns(pl.col("asked").str.to_datetime(), pl.col("since").str.to_date(), flag=pl.col("x") > 0)
    system, rows, kept = accepted(tmp_path, written(frame, "won", tmp_path, "rows.parquet", time="asked"))
    assert rows == kept + (1_500 + 96) // 97  # those without a truth are no rows of the source
    assert system.sources["rows"].columns["flag"].type == "bool"


@pytest.mark.parametrize("rows", [400, pytest.param(1_500, marks=pytest.mark.soak)])
def test_it_trains_and_answers_as_it_stands(rows: int, tmp_path: Path) -> None:
    written(timed(rows), "won", tmp_path, time="asked", costs={"hit": 3, "miss": -1, "false_alarm": -2})
    done = subprocess.run(
        [sys.executable, "-m", "poise", "up", "--once", "--port", "0"],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_the_columns_that_gave_it_away_what_was_found_bounds_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, parts = rng.normal(size=(300, 2)), rng.integers(5, 50, (300, 2))
    columns = {"x0": x[:, 0], "x1": x[:, 1], "here": parts[:, 0], "there": parts[:, 1]}
    suspect = pl.DataFrame({**columns, "sum": parts @ [2, 1]})
    text = written(suspect, "sum", tmp_path)
    assert "request: [x0, x1]" in text and "#   not here: 'sum' can be computed" in text
    (bound,) = [line for line in text.splitlines() if "sum.mae" in line]
    assert bound.startswith("  # - {") and "with columns that are left out here" in bound
    certain = written(suspect.with_columns(sum=pl.col("here") + pl.col("there")), "sum", tmp_path)
    assert "request: [x0, x1]" in certain and "'sum' is exactly 'here' + 'there'" in certain
    (bound,) = [line for line in certain.splitlines() if "sum.mae" in line]
    assert "with columns that are left out here" not in bound, "what is certain was judged without"


def test_a_column_without_a_name_is_left_out_and_said(tmp_path: Path) -> None:
    frame = shipped(load_iris).rename({"petal width (cm)": ""})
    text = written(frame, "target", tmp_path)
    assert "it has no name: give it one" in text
    _, rows, kept = accepted(tmp_path, text)
    assert rows == kept == frame.height
