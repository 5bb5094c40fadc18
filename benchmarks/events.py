"""Events over HTTP, through the real `poise serve`: how many it takes in, how soon they are acknowledged and seen.

    python -m benchmarks.events

A shop whose orders are counted and averaged per person over 1, 7 and 30 days; a list is sorted by a rule, and the
server keeps its decision log and drains its journal as ever. The client is a process of its own with a plain socket for
each connection, which sends bytes that were made before; its share of the machine's time is told, since it takes that
from the server. Bare SQLite (WAL, synchronous FULL, a unique id) takes the same events in the same batches before and
after, without HTTP, checks or features: ratios to it tell what the way in costs, whatever else the machine does.
Budgets: 40,000 events/s in batches of 100, 4,000/s in single posts over 32 connections, visible within 1 s at 5,000/s.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure, run
from benchmarks.journal import bare_sqlite, waits
from poise.rollout.connection import Connection
from poise.rollout.server_process import ServerProcess, running

SYSTEM = """
format: 1
system: bench
purpose: Show what is ordered most.
sources:
  orders:
    path: orders.csv
    id: order_id
    time: at
    columns:
      order_id: string
      person: {type: string, required: true}
      shop: {type: string, required: true}
      value: {type: float, min: 0}
      items: {type: int, min: 0}
      at: time
      page: string
  shown:
    path: shown.csv
    id: shown_id
    time: at
    columns: {shown_id: string, page: string, person: string, shop: {type: string, required: true}, at: time}
    request: [person, shop]
features:
  - window: {from: orders, by: person, over: [1d, 7d, 30d], take: [count, mean(value)]}
  - window: {from: orders, by: shop, over: [1d, 30d], take: [count]}
objectives:
  again: {type: binary, per: shown, label: {from: orders, match: page, within: 1h}}
decision: {per: shown, list: page, item: shop, show: 3, terms: {joy: again}, rule: orders_count_1d_by_shop,
  log: LOG}
"""
PEOPLE, SHOPS, MARK = 20_000, 2_000, "marked"
BATCHES, SINGLES, SEEN = 40_000, 4_000, 1.0
"""Events/s in batches of 100; events/s one by one; seconds until an event is seen."""
NONE = "none"
WITHOUT = """
import sys
from pathlib import Path
from poise.interfaces.answering import start
start(Path(sys.argv[1]), release="c1", port=int(sys.argv[2]), takes_in=False)
"""
"""A server that takes nothing in and logs nothing, as for a rehearsal."""


def orders(start: int, count: int, shop: str | None = None) -> list[bytes]:
    """The JSON of orders with ids that nobody else has, some 190 bytes each."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    found = []
    for n in range(start, start + count):
        order = {"order_id": f"01J{n:013d}", "person": f"u{n * 7919 % PEOPLE:06d}", "value": n % 4000 / 100}
        more = {"shop": shop or f"r{n * 31 % SHOPS:04d}", "items": n % 7, "at": f"{at}.{n % 1_000_000:06d}Z"}
        found.append(json.dumps({**order, **more, "page": f"p{n // 10}"}).encode())
    return found


def post(route: str, body: bytes) -> bytes:
    """The bytes of a request."""
    head = f"POST {route} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def of_batch(rows: Sequence[bytes]) -> bytes:
    """The request that brings these rows."""
    return post("/v1/events/orders", rows[0] if len(rows) == 1 else b"[" + b",".join(rows) + b"]")


@dataclass(frozen=True)
class Told:
    """What a client measured: events/s, milliseconds until acknowledgements (p50, p99), CPU seconds per second."""

    rate: float
    p50: float
    p99: float
    cpu: float


def client(port: int, start: int, size: int, connections: int, seconds: float, most: float) -> Told:
    """Send batches of `size` over so many connections, each waiting for its answer, at most `most` events/s."""
    made = [of_batch(orders(start + n * size, size)) for n in range(_needed(size, seconds, most))]
    requests = iter(made)
    picked = selectors.DefaultSelector()
    sent: dict[socket.socket, float] = {}
    came: dict[socket.socket, bytes] = {}
    for _ in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        picked.register(one, selectors.EVENT_READ)
        sent[one], came[one] = 0.0, b""
    took: list[float] = []
    idle = list(sent)
    cpu, begun = time.process_time(), time.perf_counter()
    out, ends = 0, begun + seconds
    while True:
        now = time.perf_counter()
        while idle and now < ends and out * size <= (now - begun) * most:
            request = next(requests, None)
            if request is None:
                ends = now
                break
            one = idle.pop()
            sent[one] = now
            one.sendall(request)
            out += 1
        if now >= ends and len(took) == out:
            break
        for key, _ in picked.select(0.001 if idle and now < ends else 1.0):
            one = key.fileobj  # type: ignore[assignment]
            came[one] += one.recv(1 << 16)
            if _whole(came[one]):
                took.append(time.perf_counter() - sent[one])
                came[one] = b""
                idle.append(one)
    wall = time.perf_counter() - begun
    p50, p99 = np.percentile(took, [50, 99]).tolist()
    return Told(len(took) * size / wall, p50 * 1e3, p99 * 1e3, (time.process_time() - cpu) / wall)


def _needed(size: int, seconds: float, most: float) -> int:
    return max(int(min(most, 120_000 if size > 1 else 20_000) * seconds / size), 20)


def _whole(answer: bytes) -> bool:
    """Whether all of an answer is there, in which every row was accepted."""
    head, end, body = answer.partition(b"\r\n\r\n")
    size = head[head.find(b"content-length: ") + 16 :].partition(b"\r\n")[0]
    if not end or len(body) < int(size):
        return False
    assert answer[9:12] == b"200" and body.count(b'"counts":{"accepted":') == 1, answer[:2000]
    return True


def sends(port: int, start: int, size: int, connections: int, seconds: float, most: float = 1e9) -> Told:
    """`client` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.events", "client"]
    given = [port, start, size, connections, seconds, most]
    done = subprocess.run([*command, *map(str, given)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Told(*json.loads(done.stdout))


def seen(port: int, start: int, rounds: int) -> list[float]:
    """Milliseconds from sending an order until `/v1/decide` counts it, one after the other."""
    asked = json.dumps({"person": "u000001", "candidates": [{"shop": MARK}]}).encode()
    took = []
    with Connection(port) as to:
        count = _score(to, asked)
        for n in range(rounds):
            (order,) = orders(start + n, 1, MARK)
            begun = time.perf_counter()
            status, said = to.exchange(post("/v1/events/orders", order))
            assert status == 200, said
            while _score(to, asked) <= count + n:
                pass
            took.append((time.perf_counter() - begun) * 1e3)
    return took


def _score(to: Connection, asked: bytes) -> float:
    status, said = to.exchange(to.request("/v1/decide", asked))
    assert status == 200, said
    return float(json.loads(said)["shown"][0]["score"] or 0.0)


def decides(port: int, calls: int) -> tuple[float, float]:
    """Milliseconds of `/v1/decide` with ten candidates: p50 and p99."""
    random, took = np.random.default_rng(1), []
    with Connection(port) as to:
        for turn in range(calls + 20):
            shops = [{"shop": f"r{n:04d}"} for n in random.choice(SHOPS, 10, replace=False)]
            request = to.request("/v1/decide", json.dumps({"person": "u000001", "candidates": shops}).encode())
            begun = time.perf_counter()
            status, said = to.exchange(request)
            assert status == 200, said
            took += [(time.perf_counter() - begun) * 1e3] if turn >= 20 else []
    p50, p99 = np.percentile(took, [50, 99]).tolist()
    return p50, p99


@contextmanager
def server(folder: Path, log: str = "durable") -> Iterator[ServerProcess]:
    """A server with a home of its own."""
    folder.mkdir(exist_ok=True)
    said = SYSTEM.replace("LOG", "durable" if log == NONE else log)
    (folder / "poise.yaml").write_text(said, encoding="utf-8")
    env = {"POISE_HOME": str(folder / log)}
    for act in ("ingest", "train"):
        command = [sys.executable, "-m", "poise", act, "-f", str(folder / "poise.yaml"), "--json"]
        subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, check=True)
    serve = [sys.executable, "-m", "poise", "serve", "-f", str(folder / "poise.yaml"), "--release", "c1", "--port"]
    if log == NONE:
        serve = [sys.executable, "-c", WITHOUT, str(folder / "poise.yaml")]
    with running([*serve, "{port}"], env=env, grace=60.0) as made:
        yield made


def sqlite_rate(size: int, seconds: float, start: int) -> float:
    """Events/s of bare SQLite."""
    rows = [(f"{start + n}", order) for n, order in enumerate(orders(start, 10 * size))]
    batches = ([(f"{turn}-{name}", row) for name, row in rows[:size]] for turn in range(10**9))
    with bare_sqlite() as append:
        took = waits(append, batches, seconds)
    return size * len(took) / sum(took)


def main(quick: bool) -> list[Figure]:
    """Measure."""
    seconds = 0.3 if quick else 5.0
    start = iter(range(0, 10**12, 10**8))
    figures = []
    with tempfile.TemporaryDirectory() as name:
        with server(Path(name)) as made:
            sends(made.port, next(start), 100, 4, 0.3)  # compiles what is not compiled yet
            sends(made.port, next(start), 1, 32, 0.3)
            for size, connections, budget in ((100, 32, BATCHES), (1, 32, SINGLES)):
                bare = sqlite_rate(size, seconds / 5, next(start))
                cpu = made.cpu_seconds() or 0.0
                told = sends(made.port, next(start), size, connections, seconds)
                used = ((made.cpu_seconds() or 0.0) - cpu) / (told.rate * seconds) * 1e6
                bare = (bare + sqlite_rate(size, seconds / 5, next(start))) / 2
                print(
                    f"batches of {size:3d}, {connections:2d} connections: {told.rate:8,.0f} events/s, "
                    f"acknowledged p50 {told.p50:.1f} ms, p99 {told.p99:.1f} ms; {used:.1f} us CPU of the server each; "
                    f"the client takes {told.cpu:.2f} cores; bare SQLite {bare:,.0f} events/s"
                )
                kind = "in batches of 100" if size > 1 else "one by one over 32 connections"
                figures.append(Figure(f"events {kind}", told.rate, budget, "/s", at_least=True))
                figures.append(Figure(f"events {kind} v bare SQLite", told.rate / bare, None, "x"))
            figures.append(freshness(made.port, next(start), next(start), seconds))
            answered("durable", made.port, quick=quick)
        for log in () if quick else ("buffered", NONE):
            with server(Path(name) / log, log) as made:
                answered(log, made.port, quick=quick)
    return figures


def answered(log: str, port: int, *, quick: bool) -> None:
    """Print how long decisions take where they are logged so."""
    p50, p99 = decides(port, 50 if quick else 1000)
    print(f"/v1/decide, 10 candidates, log: {log}: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def freshness(port: int, start: int, other: int, seconds: float) -> Figure:
    """How long until an order is seen, while 5,000 come in each second."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.events",
        "client",
        str(port),
        str(start),
        "50",
        "4",
        str(seconds),
        "5000",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        took = []
        while load.poll() is None:
            took += seen(port, other + len(took), 5)
        assert load.stdout is not None and load.returncode == 0
        told = Told(*json.loads(load.stdout.read()))
    p50, p99, worst = np.percentile(took, [50, 99, 100]).tolist()
    print(
        f"an event is seen after p50 {p50:.1f} ms, p99 {p99:.1f} ms, at most {worst:.1f} ms ({len(took)} tried), "
        f"while {told.rate:,.0f} events/s come in"
    )
    return Figure(f"an event is seen by /v1/decide at {told.rate:,.0f} events/s, p99", p99 / 1e3, SEEN, " s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        port, start, size, connections, seconds, most = map(float, sys.argv[2:])
        found = client(int(port), int(start), int(size), int(connections), seconds, most)
        print(json.dumps([found.rate, found.p50, found.p99, found.cpu]))
    else:
        run(main)
