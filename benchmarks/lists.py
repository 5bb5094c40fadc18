"""Lists: `poise demo` from an empty folder to an answered page, and `/v1/decide` with 100 candidates against a no-op.

The market of `examples/restaurants`: two objectives, 25 features from memory, exploration on. Requests are of its users
with 100 restaurants each, on one connection, in turns with an application that reads and answers two bytes: first as
they come, what is kept of the restaurants being there; then each after every one of its restaurants has changed and was
ordered from, so that what they say has to be read again. What each stage took, by the server's own `/metrics`, is
printed. Budgets: about 20 s; p99 at most the no-op's p99 + 0.5 ms, where all restaurants changed + 1 ms.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count, repeat
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figure import Figure, run
from benchmarks.serving import NO_OP
from poise.rollout.connection import Connection
from poise.rollout.server_process import running

CALLS, QUICK_CALLS, COLD_CALLS, CANDIDATES = 2_000, 20, 300, 100
DEMO, OVER_NO_OP, OVER_NO_OP_COLD = 20.0, 0.5, 1.0
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


def latencies(
    ports: tuple[int, int], asked: list[bytes], calls: int, changes: Iterator[Mapping[str, bytes]] | None = None
) -> dict[str, list[float]]:
    """p50 and p99 in milliseconds of a no-op and of `/v1/decide`, asked in turns. changes: before each turn what is
    sent to which route, and not timed."""
    taken: dict[str, list[float]] = {"no-op": [], "/v1/decide": []}
    with Connection(ports[0]) as noop, Connection(ports[1]) as poise:
        for turn, change in zip(range(calls + 20), changes or repeat({}), strict=False):
            for route, body in change.items():
                status, said = poise.exchange(poise.request(route, body))
                assert status == 200 and b'"fate":"quarantined"' not in said, said
            for name, to, route in (("no-op", noop, "/"), ("/v1/decide", poise, "/v1/decide")):
                request = to.request(route, asked[turn % len(asked)])
                started = time.perf_counter()
                status, said = to.exchange(request)
                seconds = time.perf_counter() - started
                assert status == 200, said
                if turn >= 20:
                    taken[name].append(seconds * 1e3)
    return {name: np.percentile(times, [50, 99]).tolist() for name, times in taken.items()}


def changes(port: int, data: Path, asked: list[bytes]) -> Iterator[Mapping[str, bytes]]:
    """A change of every restaurant of each request, and an order from it, from the server's now on."""
    frame = pl.read_parquet(data / "restaurants" / "*.parquet").sort("changed_at").unique("restaurant_id", keep="last")
    state = {row["restaurant_id"]: row for row in frame.to_dicts()}
    with Connection(port) as poise:
        now = datetime.fromisoformat(json.loads(poise.exchange(poise.request("/v1/decide", asked[0]))[1])["time"])
    for turn in count(1):
        body, at = json.loads(asked[(turn - 1) % len(asked)]), (now + timedelta(microseconds=turn)).isoformat()
        items = [candidate["restaurant_id"] for candidate in body["candidates"]]
        rows = [{**state[item], "price": state[item]["price"] + turn % 7 / 10, "changed_at": at} for item in items]
        order = {"user_id": body["user_id"], "impression_id": "none", "value": 9.0, "ordered_at": at}
        orders = [{**order, "order_id": f"bench-{turn}-{item}", "restaurant_id": item} for item in items]
        yield {"/v1/events/restaurants": json.dumps(rows).encode(), "/v1/events/orders": json.dumps(orders).encode()}


def stages(port: int) -> str:
    """The mean time of each stage of an answer, microseconds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found = re.findall(r'^poise_stage_seconds_(sum|count)\{stage="(\w+)"\} (\S+)', text, re.MULTILINE)
    sums, counts = ({stage: float(value) for kind, stage, value in found if kind == of} for of in ("sum", "count"))
    return ", ".join(f"{stage} {sums[stage] / counts[stage] * 1e6:.0f}" for stage in sums if counts[stage])


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
            asked, ports = bodies(folder / "data", 200), (noop.port, server.port)
            warm = latencies(ports, asked, QUICK_CALLS if quick else CALLS)
            print(f"mean microseconds per stage: {stages(server.port)}")
            calls = QUICK_CALLS if quick else COLD_CALLS
            cold = latencies(ports, asked, calls, changes(server.port, folder / "data", asked))
    figures = [Figure("poise demo --once, from an empty folder", took, DEMO, " s")]
    for how, found, budget in (("", warm, OVER_NO_OP), (", all restaurants changed", cold, OVER_NO_OP_COLD)):
        for route, (p50, p99) in found.items():
            print(f"{route + how:40s} p50 {p50:.2f} ms, p99 {p99:.2f} ms")
        over = found["/v1/decide"][1] - found["no-op"][1]
        figures.append(Figure(f"/v1/decide, {CANDIDATES} candidates{how}: p99 over the no-op's", over, budget, " ms"))
    return figures


if __name__ == "__main__":
    run(main)
