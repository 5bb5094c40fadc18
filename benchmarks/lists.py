"""Lists: `poise demo` from an empty folder to an answered page, and `/v1/decide` with 100 candidates against a no-op.

The market of `examples/restaurants`: two objectives, 25 features from memory, exploration on. Requests are of its users
with 100 restaurants each, on one connection, in turns with an application that reads the body and says `{}`.
Budgets: about 20 s; p99 at most the no-op's p99 + 0.5 ms (1 ms where nothing of an item is kept, as today).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figure import Figure, run
from benchmarks.serving import NO_OP
from poise.rollout.connection import Connection
from poise.rollout.server_process import running

CALLS, QUICK_CALLS, CANDIDATES = 2_000, 20, 100
DEMO, OVER_NO_OP = 20.0, 1.0
"""Seconds; milliseconds."""


def bodies(data: Path, count: int) -> list[bytes]:
    """Requests of real users with restaurants drawn from all."""
    random = np.random.default_rng(0)
    users = pl.read_parquet(data / "users.parquet")["user_id"].to_list()
    items = pl.read_parquet(data / "restaurants" / "*.parquet")["restaurant_id"].unique().sort().to_list()
    found = []
    for _ in range(count):
        candidates = [{"restaurant_id": item} for item in random.choice(items, CANDIDATES, replace=False).tolist()]
        found.append(json.dumps({"user_id": str(random.choice(users)), "candidates": candidates}).encode())
    return found


def latencies(ports: tuple[int, int], asked: list[bytes], calls: int) -> dict[str, list[float]]:
    """p50 and p99 in milliseconds of a no-op and of `/v1/decide`, asked in turns."""
    taken: dict[str, list[float]] = {"no-op": [], "/v1/decide": []}
    with Connection(ports[0]) as noop, Connection(ports[1]) as poise:
        for turn in range(calls + 20):
            for name, to, route in (("no-op", noop, "/"), ("/v1/decide", poise, "/v1/decide")):
                request = to.request(route, asked[turn % len(asked)])
                started = time.perf_counter()
                status, said = to.exchange(request)
                seconds = time.perf_counter() - started
                assert status == 200, said
                if turn >= 20:
                    taken[name].append(seconds * 1e3)
    return {name: np.percentile(times, [50, 99]).tolist() for name, times in taken.items()}


def main(quick: bool) -> list[Figure]:
    """Measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        demo = [sys.executable, "-m", "poise", "demo", "--once", "--port", "0", "--folder", str(folder)]
        started = time.perf_counter()
        subprocess.run(demo, stdout=subprocess.DEVNULL, check=True)
        took = time.perf_counter() - started
        serve = [sys.executable, "-m", "poise", "serve", "-f", str(folder / "poise.yaml"), "--port", "{port}"]
        with running(serve) as server, running([sys.executable, "-c", NO_OP, "{port}"]) as noop:
            asked = bodies(folder / "data", 200)
            found = latencies((noop.port, server.port), asked, QUICK_CALLS if quick else CALLS)
    for route, (p50, p99) in found.items():
        print(f"{route:12s} p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    over = found["/v1/decide"][1] - found["no-op"][1]
    return [
        Figure("poise demo --once, from an empty folder", took, DEMO, " s"),
        Figure(f"/v1/decide, {CANDIDATES} candidates: p99 over the no-op's", over, OVER_NO_OP, " ms"),
    ]


if __name__ == "__main__":
    run(main)
