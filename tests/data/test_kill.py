"""kill -9 at random points of an ingest: nothing is lost, nothing is doubled, and the next ingest mends all."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import time

import polars as pl

from poise.data import delta, quarantine
from poise.data.ward import entries

COLUMNS = {"id": "string", "at": "time", "v": {"type": "int", "min": 0}}
SOURCES = {
    "named": {"path": "a.csv", "id": "id", "time": "at", "columns": COLUMNS},
    "bare": {"path": "a.csv", "time": "at", "columns": COLUMNS},
    "keyed": {"path": "a.csv", "key": "id", "columns": COLUMNS},
}
SCRIPT = """
    import sys
    from pathlib import Path
    from poise.data.ingest import ingest
    from poise.data.lake import Lake
    from poise.spec.system import SystemSpec
    spec = SystemSpec.model_validate_json(sys.argv[2])
    print("ready", flush=True)
    ingest(spec, Lake(sys.argv[1] + "/lake"), base=Path(sys.argv[1]), batch=400)
"""
ROWS, BAD = 2000, 100
KILLS = 8
"""The long form of `make soak` (tests/soak) kills 50 times."""


def test_kill_at_random_points_loses_and_doubles_nothing(bench, make):
    survive(bench, make, KILLS, 7)


def survive(bench, make, kills, seed):
    """Kill ingests of one file at random points, then let one finish."""
    lines = [f"{n},2020-01-01,{-1 if n % 20 == 0 else 1}" for n in range(ROWS)]
    bench.write("a.csv", "id,at,v\n" + "\n".join(lines) + "\n")
    spec = make(**SOURCES)
    chance = random.Random(seed)
    killed = 0
    for _ in range(kills):
        killed += run(bench, spec, chance.uniform(0.02, 0.5))
    report = bench.take(spec)
    for name in SOURCES:
        counts = report[name].counts
        assert counts.rows_in == ROWS and counts.quarantined == BAD
        assert counts.accepted + counts.duplicates == ROWS - BAD
        rows = bench.lake.read(name)
        assert sorted(rows["_position"].to_list()) == [n + 1 for n in range(ROWS) if n % 20]
        assert rows["_seq"].to_list() == sorted(set(rows["_seq"].to_list()))
        assert entries(bench.lake, name)["_position"].n_unique() == entries(bench.lake, name).height == BAD
        raw = delta.scan(bench.lake.table("raw", name)).collect()
        assert raw.height == raw["_position"].n_unique() == ROWS
    assert killed >= kills // 2
    mended = make(**{name: {**source, "columns": {**COLUMNS, "v": "int"}} for name, source in SOURCES.items()})
    assert quarantine.readmit(mended, bench.lake, "named", clock=bench.clock).accepted == BAD
    assert bench.lake.scan("named").select(pl.len()).collect().item() == ROWS


def run(bench, spec, seconds):
    """Start an ingest in a process of its own and kill it `seconds` after it began; was it still running?"""
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(bench.base), spec.model_dump_json(by_alias=True)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"POLARS_MAX_THREADS": "1"}) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
    return alive
