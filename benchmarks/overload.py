"""Overload: what becomes of answers when more is asked than can be answered, from nearly idle to three times as much.

The market of `examples/restaurants`, `/v1/decide` with 100 candidates, from a process of its own that does not wait for
answers (`benchmarks/open_loop.py`); latencies count from when a request was due. Beside it come events, scrapes of
`/metrics` and checks of health, none of which may be refused. A capacity of 1 is what four connections get answered
that ask again at once. Budgets: at three times the capacity, p99 of what is answered at most three times the p99 at
0.9, and at least half of the capacity answered; nothing but 200 and 503, and no 503 for what comes beside.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.figure import Figure, run
from benchmarks.lists import bodies
from benchmarks.open_loop import Load, Seen, offer
from poise.rollout.connection import Connection
from poise.rollout.server_process import running

LOADS, QUICK_LOADS = (0.1, 0.5, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0), (0.1, 3.0)
SECONDS, QUICK_SECONDS = 8.0, 1.0
BESIDE = {"/v1/events/orders": 10.0, "/metrics": 1.0, "/health/ready": 10.0}
"""Requests a second of what comes beside."""
LATER, ANSWERED = 3.0, 0.5


@dataclass(frozen=True)
class Point:
    """One load, in capacities, and what was seen of the answers and of what came beside."""

    load: float
    answers: Seen
    beside: dict[str, Seen]

    def __str__(self) -> str:
        seen, beside = self.answers, self.beside
        refused = len(seen.taken.get(503, ())) / seen.asked
        others = "".join(f"{one.quantile(200, 0.99) * 1e3:14.1f}" for one in beside.values())
        times = f"{seen.quantile(200, 0.5) * 1e3:9.1f}{seen.quantile(200, 0.99) * 1e3:9.1f}"
        return f"{self.load:5.1f}{seen.rate(200):12,.0f}{refused:10.1%}{times}{others}"


HEAD = f"{'load':>5s}{'answered/s':>12s}{'refused':>10s}{'p50 ms':>9s}{'p99 ms':>9s}" + "".join(
    f"{name.rsplit('/', 1)[1] + ' p99':>14s}" for name in BESIDE
)


def capacity(port: int, asked: list[bytes], seconds: float) -> float:
    """Answers per second on four connections, each of which asks again as soon as it is answered."""
    ends, counts = time.perf_counter() + seconds, [0] * 4

    def ask(number: int) -> None:
        with Connection(port) as connection:
            while time.perf_counter() < ends:
                body = asked[(number + 4 * counts[number]) % len(asked)]
                assert connection.exchange(connection.request("/v1/decide", body))[0] == 200
                counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def orders(data: Path, count: int) -> bytes:
    """Bodies of events, one a line: orders that came before, which are duplicates, and cost as much as new ones."""
    rows = pl.read_parquet(data / "orders" / "*.parquet").tail(count).to_dicts()
    return b"\n".join(json.dumps([row], default=lambda at: at.isoformat()).encode() for row in rows)


def measure(port: int, folder: Path, loads: tuple[float, ...], seconds: float) -> list[Point]:
    """The curve."""
    asked = bodies(folder / "data", 200)
    (folder / "asked.jsonl").write_bytes(b"\n".join(asked))
    (folder / "orders.jsonl").write_bytes(orders(folder / "data", 500))
    most = capacity(port, asked, seconds)
    print(f"a load of 1: {most:,.0f} answers a second\n{HEAD}", flush=True)
    found = []
    for load in loads:
        answers = Load(port, "/v1/decide", str(folder / "asked.jsonl"), load * most, seconds)
        beside = [
            Load(port, route, str(folder / "orders.jsonl") if "events" in route else "", rate, seconds, 16)
            for route, rate in BESIDE.items()
        ]
        seen = offer(answers, *beside)
        found.append(Point(load, seen[0], dict(zip(BESIDE, seen[1:], strict=True))))
        print(found[-1], flush=True)
    return found


def main(quick: bool) -> list[Figure]:
    """Measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        demo = [sys.executable, "-m", "poise", "demo", "--once", "--port", "0", "--folder", str(folder)]
        subprocess.run(demo, stdout=subprocess.DEVNULL, check=True)
        serve = [sys.executable, "-m", "poise", "serve", "-f", str(folder / "poise.yaml"), "--port", "{port}"]
        with running(serve) as server:
            loads, seconds = (QUICK_LOADS, QUICK_SECONDS) if quick else (LOADS, SECONDS)
            points = measure(server.port, folder, loads, seconds)
    for point in points:
        others = {status for seen in point.beside.values() for status in seen.taken}
        assert set(point.answers.taken) <= {200, 503} and others <= {200}, (
            point.load,
            others,
            set(point.answers.taken),
        )
    base = next((one for one in points if one.load == 0.9), points[0])
    last, most = points[-1], max(one.answers.rate(200) for one in points)
    later = last.answers.quantile(200, 0.99) / base.answers.quantile(200, 0.99)
    return [
        Figure(f"p99 of answers at {last.load:g} capacities over that at {base.load:g}", later, LATER, "x"),
        Figure(
            f"answered at {last.load:g} capacities, of the most that was",
            last.answers.rate(200) / most,
            ANSWERED,
            at_least=True,
        ),
        Figure("p99 of /health/ready then", last.beside["/health/ready"].quantile(200, 0.99) * 1e3, None, " ms"),
    ]


if __name__ == "__main__":
    run(main)
