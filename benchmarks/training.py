"""`poise train` on the flights example against a script by hand that learns the same (`training_by_hand.py`).

Budget: at most 1.3 times its time, of which bootstraps at most a tenth, and at most twice its peak of memory. Each runs
in a process of its own, one after the other, imports included.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.figure import Figure, run
from benchmarks.flights import flights_folder

HERE = Path(__file__).parent
TIMES, BOOTSTRAPS, MEMORY = 1.3, 0.1, 2.0


def in_process(*command: str, home: Path) -> tuple[float, dict[str, Any]]:
    """Seconds of a process, and what it printed on its last line."""
    # without the short spin that Poise sets, the script's LightGBM waits several times as long on a busy machine
    environment = {"GOMP_SPINCOUNT": "3000", **os.environ, "POISE_HOME": str(home)}
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *command], env=environment, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - started, json.loads(done.stdout.splitlines()[-1])


def prepared(home: Path, quick: bool) -> Path:
    """The system file of the flights, its rows ingested; the quick form takes one in a hundred."""
    place = home / "flights"
    shutil.copytree(flights_folder(), place, ignore=shutil.ignore_patterns(".poise", "__pycache__"))
    if quick:
        pl.read_parquet(place / "data/flights.parquet").gather_every(100).write_parquet(place / "data/flights.parquet")
    ingest = [sys.executable, "-m", "poise", "ingest", "-f", str(place / "poise.yaml"), "--json"]
    subprocess.run(ingest, env={**os.environ, "POISE_HOME": str(home)}, stdout=subprocess.DEVNULL, check=True)
    return place / "poise.yaml"


def watched(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """The function, its seconds added up; what it calls itself is counted once."""
    depth = [0]

    def timed(*args: Any, **kwargs: Any) -> Any:
        depth[0] += 1
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            depth[0] -= 1
            if depth[0] == 0:
                spent[0] += time.perf_counter() - started

    return timed


def train(file: str) -> dict[str, Any]:
    """One `poise train` in this process: seconds by stage and in bootstraps, and the peak of memory."""
    from poise.evaluation import bootstrap
    from poise.interfaces.system import System

    spent = [0.0]
    bootstrap.Resampled.__init__ = watched(bootstrap.Resampled.__init__, spent)  # type: ignore[method-assign]
    stages: list[tuple[str, float]] = []
    report = System.read(file).train(progress=lambda stage: stages.append((stage, time.perf_counter())))
    stages.append(("", time.perf_counter()))
    seconds = {stage: after - at for (stage, at), (_, after) in pairwise(stages)}
    evidence = report.folder.json("evidence")["objectives"]
    scores = {name: {r["name"]: r["score"] for r in one["rungs"]} for name, one in evidence.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"stages": seconds, "bootstraps": spent[0], "scores": scores, "peak": peak}


def main(quick: bool) -> list[Figure]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        file = prepared(home, quick)
        ours, poise = in_process("-m", "benchmarks.training", "--train", str(file), home=home)
        theirs, script = in_process(str(HERE / "training_by_hand.py"), str(home / "lake"), "1", home=home)
    figures = [
        Figure("poise train v a script by hand: time", ours / theirs, TIMES),
        Figure("poise train: share of the bootstraps", poise["bootstraps"] / ours, BOOTSTRAPS),
        Figure("poise train v a script by hand: peak of memory", poise["peak"] / script["peak"], MEMORY),
    ]
    print(
        f"poise train {ours:.1f} s, {poise['peak'] / 1e9:.2f} GB; script {theirs:.1f} s, {script['peak'] / 1e9:.2f} GB"
    )
    for who, made in (("Poise", poise), ("script", script)):
        print(f"{who} by stage:")
        for stage, seconds in made["stages"].items():
            if seconds >= 0.05:
                print(f"  {seconds:6.1f} s  {stage}")
        print(f"  compared by: {json.dumps(made['scores'])}")
    return figures


if __name__ == "__main__":
    if "--train" in sys.argv:
        print(json.dumps(train(sys.argv[sys.argv.index("--train") + 1])))
    else:
        run(main)
