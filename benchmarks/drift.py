"""Drift of a million rows x 30 columns against the profile of a release, beside Evidently on the same rows.

    python -m benchmarks.drift

Twenty numbers (five with missing values) and ten categories (2 to 200 levels). Poise is handed the profile, as it
stands in a release folder, and the rows; Evidently is handed both tables, since it keeps no profile, and asked for its
data drift preset. Evidently runs from a virtual environment of its own (`make bench-drift` makes it) and is left out,
said so, where that is absent. Both run on one core. They do not compute the same: Evidently the Wasserstein distance
and Jensen-Shannon, Poise Kolmogorov-Smirnov, total variation, the stability index, Jensen-Shannon, a search for breaks
block by block, missing values and new levels.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figure import Figure, run
from poise.clock import DAY
from poise.monitoring.base import Rows, Watched
from poise.monitoring.discovery import controlled
from poise.monitoring.distance import ks
from poise.monitoring.feature_drift import FeatureDrift
from poise.monitoring.schema import Schema
from poise.releases.plain_json import to_json
from poise.releases.profile import FILE, Profile
from poise.releases.profile_column import ColumnProfile
from poise.releases.profiling import starts_of
from poise.spec.reading import read_text
from poise.table import Column, Table

ROOT = Path(__file__).parents[1]
EVIDENTLY = ROOT / ".venv-evidently" / "bin" / "python"
ROWS, QUICK_ROWS, WEEKS = 1_000_000, 5_000, 52
ROUNDS = 3
SPEC = """
format: 1
system: stream
purpose: Be watched.
sources: {rows: {path: rows.csv, id: id, time: at, columns: {id: string, at: time, y: bool}}}
objectives: {y: {type: binary, per: rows, label: {take: y}}}
"""
THEIRS = """
import sys, time, json
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
before, now = (pd.read_parquet(path) for path in sys.argv[1:3])
started, cpu = time.perf_counter(), time.process_time()
made = Report([DataDriftPreset()]).run(now, before)
made.dict()
print(json.dumps([time.perf_counter() - started, time.process_time() - cpu]))
"""


def table(rows: int, seed: int, shift: float) -> Table:
    """Rows of 52 weeks."""
    random = np.random.default_rng(seed)
    columns = {}
    for at in range(20):
        values = random.normal(shift * (at % 3), 1, rows) if at % 2 else np.exp(random.normal(shift, 1, rows))
        if at < 5:
            values[random.random(rows) < 0.02] = np.nan
        columns[f"n{at}"] = Column.numbers(values)
    for at, many in enumerate(np.geomspace(2, 200, 10).astype(int)):
        levels = [f"level {one}" for one in range(many)]
        columns[f"c{at}"] = Column.coded(random.integers(0, many, rows).astype(np.int32), levels)
    return Table(columns)


def frame(made: Table) -> pl.DataFrame:
    """The same as a data frame."""
    out = {}
    for name, column in made.items():
        if column.levels is None:
            out[name] = pl.Series(column.values).fill_nan(None)
        else:
            out[name] = pl.Series(column.levels.tolist())[column.values.astype(np.int64)]
    return pl.DataFrame(out)


def exact(one: np.ndarray, other: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance of all values."""
    one, other = np.sort(one[~np.isnan(one)]), np.sort(other[~np.isnan(other)])
    both = np.concatenate([one, other])
    ends = [np.searchsorted(values, both, "right") / len(values) for values in (one, other)]
    return float(np.abs(ends[0] - ends[1]).max())


def ours(folder: Path, now: Table, time_: np.ndarray) -> dict[str, float]:
    """What Poise says of every column: its distance."""
    profile = Profile.read(folder)
    assert profile is not None
    until = profile.end + WEEKS * 7 * DAY
    rows = {"rows": Rows("rows", time_, now)}
    watched = Watched(read_text(SPEC, name="stream"), "r1", profile, profile.end, until, until, 7 * DAY, rows)
    found = controlled([*Schema().look(watched), *FeatureDrift().look(watched)])
    return {one.subject: one.size or 0.0 for one in found if one.code == "PM03"}


def measure(quick: bool) -> list[Figure]:
    """The profile's size, how exact its distances are, and the time of both."""
    rows = QUICK_ROWS if quick else ROWS
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    before, now = table(rows, 0, 0.0), table(rows, 1, 0.05)
    at = np.sort(np.random.default_rng(2).integers(0, WEEKS * 7 * DAY, rows))
    starts = starts_of(at // (7 * DAY), WEEKS)
    columns = {name: ColumnProfile.of(column, starts) for name, column in before.items()}
    made = Profile(0, 7 * DAY, "week", {"rows": columns}, {}, {}, {"y": tuple(columns)})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / FILE).write_text(to_json(made.to_json()), encoding="utf-8")
        size = (folder / FILE).stat().st_size
        figures = [Figure("drift: profile of 30 columns, 52 weeks", size / 1e6, 1.0, "MB")]
        if not quick and EVIDENTLY.exists():
            frame(before).write_parquet(folder / "before.parquet")
            frame(now).write_parquet(folder / "now.parquet")
        wall, cpu, found = [], [], {}
        for _ in range(ROUNDS):
            started, used = time.perf_counter(), time.process_time()
            found = ours(folder, now, at + made.end)
            wall.append(time.perf_counter() - started)
            cpu.append(time.process_time() - used)
        assert len(found) == len(columns)
        whole = {name: ks(one, one.tally(now[name], np.zeros(1, np.int64))) for name, one in columns.items()}
        off = max(abs(whole[name] - exact(before[name].values, now[name].values)) for name in whole if name[0] == "n")
        figures.append(Figure("drift: KS off the exact one, worst of 20 numbers", off * 1e3, 1.0, "e-3"))
        figures.append(Figure(f"drift: {rows:,} rows x 30 columns", statistics.median(wall), None, "s"))
        figures.append(Figure("drift: the same, CPU", statistics.median(cpu), None, "s"))
        if quick or not EVIDENTLY.exists():
            print("drift: Evidently is not asked (make bench-drift makes its virtual environment)", flush=True)
            return figures
        theirs = _evidently(folder)
    figures.append(Figure(f"drift: Evidently's data drift preset, {rows:,} rows", theirs[0], None, "s"))
    figures.append(Figure("drift: Evidently over Poise, CPU", theirs[1] / statistics.median(cpu), 100, "x", True))
    return figures


def _evidently(folder: Path) -> tuple[float, float]:
    """Seconds, and those of CPU, of Evidently's report, on one core."""
    before, now = str(folder / "before.parquet"), str(folder / "now.parquet")
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    made = subprocess.run(
        [str(EVIDENTLY), "-W", "ignore", "-c", THEIRS, before, now],
        env={**os.environ, **single},
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu = json.loads(made.stdout.strip().splitlines()[-1])
    return float(wall), float(cpu)


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
    else:
        run(measure)
