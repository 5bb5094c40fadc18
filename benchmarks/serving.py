"""Answers over HTTP against a no-op on the same server software, and the start of `poise serve`.

A simulated shop: a request's row is asked with 6 window features over many orders, two objectives of boosted trees and
a choice of two actions. `/v1/predict` and `/v1/decide` answer one row on one connection, in turns with an application
that reads it and answers two bytes; both run on uvicorn, each in a process of its own.
Budgets: p99 at most the no-op's p99 + 0.5 ms; 3 s from the start of the command to the first answer at 1M orders.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figure import Figure, run
from poise.rollout.connection import Connection
from poise.rollout.server_process import running

ORDERS, OFFERS, PEOPLE, CALLS = 1_000_000, 20_000, 50_000, 2_000
QUICK_ORDERS, QUICK_OFFERS, QUICK_CALLS = 4_000, 2_000, 50
OVER_NO_OP, START = 0.5, 3.0
"""Milliseconds; seconds."""
SYSTEM = """
format: 1
system: bench
purpose: Call the customers whose order is worth a call.
clock: replay
sources:
  offers:
    path: offers.parquet
    id: offer
    time: at
    columns: {offer: string, at: time, person: string, x: float, bought: bool, worth: float}
    request: [person, x]
  orders:
    path: orders.parquet
    id: number
    time: at
    columns: {number: string, at: time, person: string, value: float}
features:
  - columns: {from: offers, take: [x]}
  - window: {from: orders, by: person, over: [1d, 7d, 30d], take: [count, mean(value)]}
objectives:
  order: {type: binary, per: offers, label: {take: bought, within: 1h}, rungs: [trees], prefer: best}
  value: {type: regression, per: offers, label: {take: worth, within: 1h}, rungs: [trees], prefer: best}
decision:
  per: offers
  choose: [leave, call]
  terms: {revenue: {unit: USD, leave: 0, call: order * value - 1.2}}
  weights: {revenue: 1}
"""
NO_OP = """
import sys, msgspec, uvicorn
async def app(scope, receive, send):
    if scope["type"] == "http":
        body = b"{}"
        if scope["method"] == "POST":
            msgspec.json.decode((await receive())["body"])
            body = b" " * int(scope["path"][1:] or 2)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", lifespan="off", access_log=False)
"""
"""A no-op: it reads what it is asked, and answers as many bytes as its path says, or two."""


def write(folder: Path, orders: int, offers: int) -> None:
    """The system file and its tables: 60 days of orders, offers on the last 40 of them."""
    random = np.random.default_rng(0)
    (folder / "poise.yaml").write_text(SYSTEM, encoding="utf-8")

    def people(n: int) -> pl.Series:
        return pl.Series(random.integers(0, PEOPLE, n)).cast(str)

    def at(n: int, first: int) -> pl.Series:
        return pl.from_epoch(pl.Series(np.sort(random.integers(first, 60 * 86_400, n)) + 1_700_000_000))

    value = np.exp(random.normal(size=orders))
    made = {"number": pl.Series(range(orders)).cast(str), "at": at(orders, 0), "person": people(orders), "value": value}
    pl.DataFrame(made).write_parquet(folder / "orders.parquet")
    x = random.normal(size=offers)
    shown = {
        "offer": pl.Series(range(offers)).cast(str),
        "at": at(offers, 20 * 86_400),
        "person": people(offers),
        "x": x,
        "bought": random.random(offers) < 1 / (1 + np.exp(-np.sin(3 * x))),
        "worth": np.cos(2 * x) + random.normal(size=offers) / 3,
    }
    pl.DataFrame(shown).write_parquet(folder / "offers.parquet")


def latencies(ports: tuple[int, int], calls: int) -> dict[str, list[float]]:
    """p50 and p99 in milliseconds of a no-op and of both routes, asked in turns."""
    random, taken = np.random.default_rng(1), {}
    with Connection(ports[0]) as noop, Connection(ports[1]) as poise:
        for turn in range(calls + 20):
            body = json.dumps({"person": str(random.integers(0, PEOPLE)), "x": float(random.normal())}).encode()
            for name, to, route in (
                ("no-op", noop, "/"),
                ("/v1/predict", poise, "/v1/predict"),
                ("/v1/decide", poise, "/v1/decide"),
            ):
                request = to.request(route, body)
                started = time.perf_counter()
                status, said = to.exchange(request)
                seconds = time.perf_counter() - started
                assert status == 200, said
                if turn >= 20:
                    taken.setdefault(name, []).append(seconds * 1e3)
    return {name: np.percentile(times, [50, 99]).tolist() for name, times in taken.items()}


def main(quick: bool) -> list[Figure]:
    """Measure."""
    orders, offers, calls = (QUICK_ORDERS, QUICK_OFFERS, QUICK_CALLS) if quick else (ORDERS, OFFERS, CALLS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, orders, offers)
        env = {"POISE_HOME": str(folder / "home")}
        for act in ("ingest", "train"):
            command = [sys.executable, "-m", "poise", act, "-f", str(folder / "poise.yaml"), "--json"]
            subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, check=True)
        serve = [sys.executable, "-m", "poise", "serve", "-f", str(folder / "poise.yaml"), "--release", "c1"]
        with running([*serve, "--port", "{port}"], env=env):
            pass  # compiles what is not compiled yet, and writes the snapshot
        started = time.perf_counter()
        with running([*serve, "--port", "{port}"], env=env) as server:
            start = time.perf_counter() - started
            with running([sys.executable, "-c", NO_OP, "{port}"]) as noop:
                found = latencies((noop.port, server.port), calls)
    for route, (p50, p99) in found.items():
        print(f"{route:12s} p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    over = {route: found[route][1] - found["no-op"][1] for route in ("/v1/predict", "/v1/decide")}
    return [
        *(Figure(f"{route}, one row: p99 over the no-op's", extra, OVER_NO_OP, " ms") for route, extra in over.items()),
        Figure(f"start of poise serve to its first answer, {orders:,} events", start, START, " s"),
    ]


if __name__ == "__main__":
    run(main)
