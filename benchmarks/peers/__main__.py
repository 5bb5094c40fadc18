"""`/v1/decide` and `/v1/predict` beside a no-op, a plain FastAPI + pandas + LightGBM service and MLServer, in one run.

All servers get one core, the caller the other. On one connection they are asked in blocks of a hundred, in turns; once
more call by call in turns, where each finds the core as the others left it, as one does that is asked now and then; and
then each on eight connections, one after the other, in rounds. The plain service and MLServer run from virtual
environments of their own (`make bench-serving` makes them, `MLSERVER=1` the second), and are left out, said so, where
these are absent.
Poise logs every answer, which no other server here does: decisions are on the disk before they are answered. So it
stands here twice, as it is and with `log: buffered`, where they are written soon after; and so does the no-op, once
with a bare SQLite commit of as many bytes, synced, before its answer: what any server pays on this disk for as much.
The CPU time per answer of a server's process, and of those that it started, is printed too: it says more on a machine
that does other work as well.
Budgets: p99 at most the no-op's + 0.5 ms; 15 times the plain service's requests per second; for one row 3 times
MLServer's, which is handed the 30 features and predicts one objective, where Poise looks them up and predicts two.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure, run
from benchmarks.peers import shop
from benchmarks.peers.programs import BUFFERED, DURABLE_NO_OP
from benchmarks.serving import NO_OP
from poise.rollout.connection import Connection
from poise.rollout.server_process import ServerProcess, running

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
PLAIN, MLSERVER = (ROOT / name / "bin" for name in (".venv-peers", ".venv-mlserver"))
SIZES, QUICK_SIZES = (20_000, 5_000, 20_000), (200, 150, 3_000)
"""Users, items, rows to learn from: so many give two models of about 300 trees, as the peers' floors were measured with
(150,000 rows give about 1,000 each)."""
CANDIDATES, SHOW, CONNECTIONS, BLOCK = 100, 10, 8, 100
OVER_NO_OP, OVER_PLAIN, OVER_MLSERVER = 0.5, 15.0, 3.0


@dataclass(frozen=True)
class Asked:
    """A server and what it is asked: requests as they go over the wire."""

    name: str
    port: int
    requests: list[bytes]
    process: ServerProcess | None = None


def pinned(*command: str) -> list[str]:
    """A command whose process gets the first core only, where Linux can see to that."""
    return ["taskset", "-c", "0", *command] if sys.platform == "linux" else list(command)


def latencies(servers: list[Asked], calls: int, block: int) -> dict[str, tuple[float, float]]:
    """p50 and p99 in milliseconds on one connection each, asked so many times in a row; the answers have to be 200."""
    taken: dict[str, list[float]] = {server.name: [] for server in servers}
    with ExitStack() as stack:
        to = {server.name: stack.enter_context(Connection(server.port)) for server in servers}
        for first in range(-2 * block, calls, block):  # what is before the first call is not counted
            for server in servers:
                for turn in range(first, first + block):
                    request = server.requests[turn % len(server.requests)]
                    started = time.perf_counter()
                    status, said = to[server.name].exchange(request)
                    seconds = time.perf_counter() - started
                    assert status == 200, (server.name, said)
                    if turn >= 0:
                        taken[server.name].append(seconds * 1e3)
    return {name: (float(np.percentile(of, 50)), float(np.percentile(of, 99))) for name, of in taken.items()}


def saturated(server: Asked, seconds: float) -> tuple[float, float]:
    """Answers per second on eight connections, each of which asks again as soon as it is answered; and the microseconds
    of CPU that each of them took the server's process, NaN where nobody can say."""
    answered, turn = 0, 0
    before = cpu_seconds(server)
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for _ in range(CONNECTIONS):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(one, selectors.EVENT_READ, bytearray())
            one.sendall(server.requests[turn % len(server.requests)])
            turn += 1
        ends = time.perf_counter() + seconds
        started = time.perf_counter()
        while time.perf_counter() < ends:
            for key, _ in selector.select(1.0):
                one, came = key.fileobj, key.data
                assert isinstance(one, socket.socket)
                came += one.recv(1 << 18)
                if not whole(came):
                    continue
                assert came.startswith(b"HTTP/1.1 200"), bytes(came[:200])
                came.clear()
                answered += 1
                one.sendall(server.requests[turn % len(server.requests)])
                turn += 1
        rate = answered / (time.perf_counter() - started)
    return rate, (cpu_seconds(server) - before) / answered * 1e6


def cpu_seconds(server: Asked) -> float:
    """What the process and those that it started have used, threads that have ended among it; NaN where nobody can
    say."""
    if server.process is None or sys.platform != "linux":
        return float("nan")
    first = Path("/proc") / str(server.process.process.pid)
    started = [one for thread in first.glob("task/*/children") for one in thread.read_text().split()]
    ticks = 0
    for process in (first, *(Path("/proc") / one for one in started)):
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def whole(came: bytearray) -> bool:
    """Whether an answer has come in with all of its body."""
    end = came.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = came.lower().find(b"content-length:", 0, end)
    return len(came) >= end + 4 + int(came[at + 15 : came.find(b"\r", at)])


def request(port: int, route: str, content: object) -> bytes:
    """The bytes of a POST."""
    body = json.dumps(content).encode()
    head = f"POST {route} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def of_mlserver(folder: Path, lists: list[dict], port: int) -> list[bytes]:
    """Requests of one row of 30 numbers."""
    width = len(json.loads((folder / "click_columns.json").read_text()))
    random = np.random.default_rng(3)
    rows = random.normal(size=(len(lists), width)).round(4)
    tensor = {"name": "x", "shape": [1, width], "datatype": "FP64"}
    return [request(port, "/v2/models/click/infer", {"inputs": [{**tensor, "data": row.tolist()}]}) for row in rows]


def mlserver(folder: Path, stack: ExitStack, lists: list[dict]) -> Asked:
    """MLServer in its fastest form: the model in the process that answers."""
    models = folder / "mlserver" / "click"
    models.mkdir(parents=True)
    (models / "model.bst").write_text((folder / "click.txt").read_text())
    settings = {"name": "click", "implementation": "mlserver_lightgbm.LightGBMModel"}
    settings["parameters"] = {"uri": "./model.bst", "version": "1"}  # type: ignore[assignment]
    (models / "model-settings.json").write_text(json.dumps(settings))
    with ExitStack() as free:
        ports = [free.enter_context(socket.socket()) for _ in range(3)]
        for one in ports:
            one.bind(("127.0.0.1", 0))
        http, grpc, metrics = (one.getsockname()[1] for one in ports)
    env = {
        **os.environ,
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": str(http),
        "MLSERVER_GRPC_PORT": str(grpc),
        "MLSERVER_METRICS_PORT": str(metrics),
        "OMP_NUM_THREADS": "1",
        "MLSERVER_DEBUG": "false",
    }
    command = pinned(str(MLSERVER / "mlserver"), "start", str(folder / "mlserver"))
    said = stack.enter_context((folder / "mlserver.log").open("w"))
    process = subprocess.Popen(command, env=env, stdout=said, stderr=said)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    ends = time.monotonic() + 90
    while True:
        try:
            with Connection(http) as to:
                if to.get("/v2/models/click/ready")[0] == 200:
                    break
        except Exception:
            if time.monotonic() > ends or process.poll() is not None:
                raise SystemExit(f"MLServer did not start:\n{(folder / 'mlserver.log').read_text()[-2000:]}") from None
        time.sleep(0.2)
    return Asked("MLServer, one row", http, of_mlserver(folder, lists, http))


def agree(poise: Asked, plain: Asked) -> None:
    """Both put the same items on top: the plain service lacks only the calibration, which is monotone per objective."""
    with Connection(poise.port) as ours, Connection(plain.port) as theirs:
        same, of = 0, 0
        for mine, other in zip(poise.requests[:20], plain.requests[:20], strict=True):
            one, two = json.loads(ours.exchange(mine)[1]), json.loads(theirs.exchange(other)[1])
            top = {item["item_id"] for item in one["shown"]}
            same, of = same + len(top & {item["item_id"] for item in two["shown"]}), of + len(top)
    assert same > 0.8 * of, f"{same} of {of} items are the same: these are not the same models"


def main(quick: bool) -> list[Figure]:
    """Measure."""
    seconds, calls = (0.2, 10) if quick else (3.0, 1_500)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        shop.write(folder, *(QUICK_SIZES if quick else SIZES))
        env = {"POISE_HOME": str(folder / "home")}
        for act in ("ingest", "train"):
            command = [sys.executable, "-m", "poise", act, "-f", str(folder / "poise.yaml"), "--json"]
            subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, check=True)
        (release,) = (folder / "home").glob("**/c1/models")
        trees = shop.hand_over(folder, release.parent)
        (folder / "weights.json").write_text(json.dumps(shop.WEIGHTS))
        print(f"{trees} trees in both models, {CANDIDATES} candidates, 30 features")
        serve = ["serve", "-f", str(folder / "poise.yaml"), "--release", "c1", "--port", "{port}"]
        found = measured(folder, stack, serve, seconds, calls)
    return figures(*found)


Pairs = dict[str, tuple[float, float]]
Found = tuple[Pairs, Pairs, Pairs]


def measured(folder: Path, stack: ExitStack, serve: list[str], seconds: float, calls: int) -> Found:
    """Latencies on one connection, in blocks and call by call in turns, and answers per second on eight."""
    lists = shop.bodies(folder, 200, CANDIDATES)
    rows = [
        {**{k: v for k, v in one.items() if k != "candidates"}, **one["candidates"][0]}  # type: ignore[index]
        for one in lists
    ]
    shutil.copytree(folder / "home", folder / "another")  # whose journal has a server of its own
    started = []
    for home, how in (("home", ["-m", "poise"]), ("another", ["-c", BUFFERED])):
        command = pinned(sys.executable, *how, *serve)
        started.append(stack.enter_context(running(command, env={"POISE_HOME": str(folder / home)}, timeout=120)))
    durable, buffered = started
    port = durable.port
    noop = stack.enter_context(running(pinned(sys.executable, "-c", NO_OP, "{port}"))).port
    command = pinned(sys.executable, "-c", DURABLE_NO_OP, "{port}", str(folder / "noop.db"))
    synced = stack.enter_context(running(command)).port
    later = [request(buffered.port, "/v1/decide", one) for one in lists]
    servers = [
        Asked("no-op, list", noop, [request(noop, "/", one) for one in lists]),
        Asked("Poise, list", port, [request(port, "/v1/decide", one) for one in lists], durable),
        Asked("no-op, synced", synced, [request(synced, "/", one) for one in lists]),
        Asked("Poise, list, buffered", buffered.port, later, buffered),
        Asked("no-op, one row", noop, [request(noop, "/", one) for one in rows]),
        Asked("Poise, one row", port, [request(port, "/v1/predict", one) for one in rows], durable),
    ]
    if (PLAIN / "python").exists():
        command = pinned(str(PLAIN / "python"), str(HERE / "plain_service.py"), str(folder), "{port}")
        made = stack.enter_context(running(command, env={"OMP_NUM_THREADS": "1"}))
        plain = made.port
        servers.append(Asked("plain, list", plain, [request(plain, "/decide", one) for one in lists], made))
        servers.append(Asked("plain, one row", plain, [request(plain, "/predict", one) for one in rows], made))
        agree(servers[1], servers[-2])
    else:
        print("the plain service is left out: 'make bench-serving' makes its environment")
    if (MLSERVER / "mlserver").exists():
        servers.append(mlserver(folder, stack, lists))
    else:
        print("MLServer is left out: 'make bench-serving MLSERVER=1' makes its environment")
    if sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    blocks, turns = latencies(servers, calls, min(BLOCK, calls)), latencies(servers, calls // 3, 1)
    rates: dict[str, list[tuple[float, float]]] = {}
    for _ in range(3):
        for server in servers:
            rates.setdefault(server.name, []).append(saturated(server, seconds))
    return blocks, turns, {name: tuple(np.median(of, axis=0).tolist()) for name, of in rates.items()}


def figures(blocks: Pairs, turns: Pairs, found: Pairs) -> list[Figure]:
    """Print everything; what has a budget as a figure."""
    rates = {name: rate for name, (rate, _) in found.items()}
    for name, (p50, p99) in blocks.items():
        cpu = "" if np.isnan(found[name][1]) else f", {found[name][1]:6,.0f} us of CPU each"
        now_and_then = "now and then {:6.2f}, {:6.2f}".format(*turns[name])
        said = f"1 connection: p50 {p50:6.2f} ms, p99 {p99:6.2f} ms ({now_and_then})"
        print(f"{name:22s} {said}   8: {rates[name]:8,.0f}/s{cpu}")
    made = []
    over = blocks["Poise, list, buffered"][1] - blocks["no-op, list"][1]
    route = f"/v1/decide, {CANDIDATES} candidates"
    made.append(Figure(f"{route}, log buffered: p99 over the no-op's", over, OVER_NO_OP, " ms"))
    over = blocks["Poise, list"][1] - blocks["no-op, synced"][1]
    made.append(Figure(f"{route}: p99 over a no-op's with a synced write", over, None, " ms"))
    if "plain, list" in rates:
        times = rates["Poise, list, buffered"] / rates["plain, list"]
        made.append(Figure(f"{route}, log buffered: requests/s of the plain service, times", times, None, "x", True))
    for kind, route in (("list", f"/v1/decide, {CANDIDATES} candidates"), ("one row", "/v1/predict, one row")):
        over = blocks[f"Poise, {kind}"][1] - blocks[f"no-op, {kind}"][1]
        made.append(Figure(f"{route}: p99 over the no-op's", over, OVER_NO_OP, " ms"))
        if f"plain, {kind}" in rates:
            times = rates[f"Poise, {kind}"] / rates[f"plain, {kind}"]
            budget = OVER_PLAIN if kind == "list" else None
            made.append(Figure(f"{route}: requests/s of FastAPI + pandas + LightGBM, times", times, budget, "x", True))
    if "MLServer, one row" in rates:
        times = rates["Poise, one row"] / rates["MLServer, one row"]
        made.append(Figure("/v1/predict, one row: requests/s of MLServer, times", times, OVER_MLSERVER, "x", True))
    return made


if __name__ == "__main__":
    run(main)
