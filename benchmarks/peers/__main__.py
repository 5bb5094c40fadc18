"""`/v1/decide` and `/v1/predict` beside a no-op, a plain FastAPI + pandas + LightGBM service and MLServer, in one run.

All servers get one core, the caller the other. Each is asked thousands of times in a row on one connection, and then on
eight at once, while no other does anything; that in three rounds, of which the median stands. Last all of them run, and
are asked call by call in turns, where each finds the core as the others left it, as one does that is asked now and
then. The plain service and MLServer run from virtual environments of their own (`make bench-serving` makes them,
`MLSERVER=1` the second), and are left out, said so, where these are absent.
The no-op reads the JSON that it is asked, and answers as many bytes as Poise does.
Poise logs every answer, which no other server here does: decisions are on the disk before they are answered. So it
stands here three times: as it is, with `log: buffered`, where they are written soon after, and with nothing logged; and
the no-op twice, once with a bare SQLite commit of as many bytes, synced, before its answer: what any server pays on
this disk for as much.
The CPU time per answer of a server's process, and of those that it started, is printed too: it says more on a machine
that does other work as well.
Budgets: p99 at most the no-op's + 0.5 ms; 15 times the plain service's requests per second; for one row 3 times
MLServer's, which is handed the 30 features and predicts one objective, where Poise looks them up and predicts two.
"""

from __future__ import annotations

import json
import os
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
from benchmarks.peers.asking import Asked, in_a_row, now_and_then, request, saturated
from benchmarks.peers.programs import BUFFERED, DURABLE_NO_OP, UNLOGGED
from benchmarks.serving import NO_OP
from poise.rollout.connection import Connection
from poise.rollout.server_process import running

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
PLAIN, MLSERVER = (ROOT / name / "bin" for name in (".venv-peers", ".venv-mlserver"))
SIZES, QUICK_SIZES = (20_000, 5_000, 20_000), (200, 150, 3_000)
"""Users, items, rows to learn from: so many give two models of about 300 trees, as the peers' floors were measured with
(150,000 rows give about 1,000 each)."""
CANDIDATES, ROUNDS = 100, 3
LIST_BYTES, ROW_BYTES = 10_300, 225
"""What Poise answers, within a tenth: as much does the no-op."""
SETTLE = 6.0
"""Seconds in which Poise ends what it has to do after its start."""
OVER_NO_OP, OVER_PLAIN, OVER_MLSERVER = 0.5, 15.0, 3.0


def pinned(*command: str) -> list[str]:
    """A command whose process gets the first core only, where Linux can see to that."""
    return ["taskset", "-c", "0", *command] if sys.platform == "linux" else list(command)


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
    seconds, calls, rounds = (0.2, 10, 0) if quick else (3.0, 2_000, ROUNDS)
    with tempfile.TemporaryDirectory() as name:
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
        found = measured(folder, serve, seconds, calls, rounds)
    return figures(*found)


Pairs = dict[str, tuple[float, float]]
Found = tuple[Pairs, Pairs, Pairs]
Questions = dict[str, tuple[str, list[dict]]]
"""What a server is asked: name -> route, bodies."""


@dataclass(frozen=True)
class Program:
    """A server that can be started, and what it is asked. settles: it has work to do after its start."""

    command: list[str]
    env: dict[str, str]
    questions: Questions
    settles: bool = False

    def start(self, stack: ExitStack) -> list[Asked]:
        """It runs until the stack is left."""
        process = stack.enter_context(running(pinned(*self.command), env=self.env, timeout=120))
        return [
            Asked(name, process.port, [request(process.port, route, one) for one in asked], process)
            for name, (route, asked) in self.questions.items()
        ]


def programs(folder: Path, serve: list[str], lists: list[dict]) -> list[Program]:
    """All servers but MLServer."""
    rows = [{**{k: v for k, v in one.items() if k != "candidates"}, **one["candidates"][0]} for one in lists]
    made = [
        Program(
            [sys.executable, *how, *serve],
            {"POISE_HOME": str(folder / home)},
            {f"Poise, {kind}": (route, asked) for kind, route, asked in of},
            settles=True,
        )
        for home, how, of in (
            ("home", ["-m", "poise"], [("list", "/v1/decide", lists), ("one row", "/v1/predict", rows)]),
            ("buffered", ["-c", BUFFERED], [("list, buffered", "/v1/decide", lists)]),
            ("unlogged", ["-c", UNLOGGED], [("list, not logged", "/v1/decide", lists)]),
        )
    ]
    for home in ("buffered", "unlogged"):
        shutil.copytree(folder / "home", folder / home)  # each server has a journal of its own
    noop = {"no-op, list": (f"/{LIST_BYTES}", lists), "no-op, one row": (f"/{ROW_BYTES}", rows)}
    made.append(Program([sys.executable, "-c", NO_OP, "{port}"], {}, noop))
    synced = [sys.executable, "-c", DURABLE_NO_OP, "{port}", str(folder / "noop.db")]
    made.append(Program(synced, {}, {"no-op, synced": ("/", lists)}))
    if (PLAIN / "python").exists():
        command = [str(PLAIN / "python"), str(HERE / "plain_service.py"), str(folder), "{port}"]
        questions = {"plain, list": ("/decide", lists), "plain, one row": ("/predict", rows)}
        made.append(Program(command, {"OMP_NUM_THREADS": "1"}, questions))
    else:
        print("the plain service is left out: 'make bench-serving' makes its environment")
    return made


def measured(folder: Path, serve: list[str], seconds: float, calls: int, rounds: int) -> Found:
    """Latencies on one connection, in a row and now and then, and answers per second on eight. rounds: in which each
    runs alone; without any, all run at once."""
    lists = shop.bodies(folder, 200, CANDIDATES)
    made = programs(folder, serve, lists)
    if sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    row: dict[str, list[tuple[float, float]]] = {}
    rates: dict[str, list[tuple[float, float]]] = {}

    def ask(servers: list[Asked]) -> None:
        for server in servers:
            row.setdefault(server.name, []).append(in_a_row(server, calls))
            rates.setdefault(server.name, []).append(saturated(server, seconds))

    with ExitStack() as stack:
        others = []
        if (MLSERVER / "mlserver").exists():
            others.append(mlserver(folder, stack, lists))
        else:
            print("MLServer is left out: 'make bench-serving MLSERVER=1' makes its environment")
        for _ in range(rounds):
            for program in made:
                with ExitStack() as alone:
                    servers = program.start(alone)
                    time.sleep(SETTLE if program.settles else 0)
                    ask(servers)
            ask(others)
        servers = [server for program in made for server in program.start(stack)]
        by_name = {server.name: server for server in servers}
        answers_as_much(by_name)
        if "plain, list" in by_name:
            agree(by_name["Poise, list"], by_name["plain, list"])
        if not rounds:
            ask([*servers, *others])
        turns = now_and_then([*servers, *others], min(calls, 500))
    return middle(row), turns, middle(rates)


def answers_as_much(servers: dict[str, Asked]) -> None:
    """The no-op answers as many bytes as Poise."""
    for name, size in (("Poise, list", LIST_BYTES), ("Poise, one row", ROW_BYTES)):
        with Connection(servers[name].port) as to:
            long = len(to.exchange(servers[name].requests[0])[1])
        assert abs(long / size - 1) < 0.1, f"{name}: {long} bytes, not about {size}"


def middle(rounds: dict[str, list[tuple[float, float]]]) -> Pairs:
    """The median of each over the rounds."""
    return {name: tuple(np.median(of, axis=0).tolist()) for name, of in rounds.items()}


def figures(row: Pairs, turns: Pairs, found: Pairs) -> list[Figure]:
    """Print everything; what has a budget as a figure."""
    rates = {name: rate for name, (rate, _) in found.items()}
    for name, (p50, p99) in row.items():
        cpu = "" if np.isnan(found[name][1]) else f", {found[name][1]:6,.0f} us of CPU each"
        now_and_then = "now and then {:6.2f}, {:6.2f}".format(*turns[name])
        said = f"1 connection: p50 {p50:6.2f} ms, p99 {p99:6.2f} ms ({now_and_then})"
        print(f"{name:24s} {said}   8: {rates[name]:8,.0f}/s{cpu}")
    made = []
    route = f"/v1/decide, {CANDIDATES} candidates"
    for how, short in (("nothing logged", "not logged"), ("log buffered", "buffered")):
        over = row[f"Poise, list, {short}"][1] - row["no-op, list"][1]
        made.append(Figure(f"{route}, {how}: p99 over the no-op's", over, OVER_NO_OP, " ms"))
    over = row["Poise, list"][1] - row["no-op, synced"][1]
    made.append(Figure(f"{route}: p99 over a no-op's with a synced write", over, OVER_NO_OP, " ms"))
    if "plain, list" in rates:
        times = rates["Poise, list, buffered"] / rates["plain, list"]
        made.append(Figure(f"{route}, log buffered: requests/s of the plain service, times", times, None, "x", True))
    for kind, route in (("list", f"/v1/decide, {CANDIDATES} candidates"), ("one row", "/v1/predict, one row")):
        over = row[f"Poise, {kind}"][1] - row[f"no-op, {kind}"][1]
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
