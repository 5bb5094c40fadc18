"""How long `import poise`, `poise --help` and `poise serve` to its first answer take: budgets 0.15, 0.3 and 3 s.

The first two are the best of several processes. The server starts from the snapshot of an earlier one, with a million
events of history.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import polars as pl

from benchmarks.figure import Figure, run
from poise.interfaces.system import System

IMPORT, HELP, SERVE = 0.15, 0.3, 3.0
EVENTS = 1_000_000
PORT = 18_973
SYSTEM = """
format: 1
system: dishes
purpose: Show what is ordered.
sources:
  shown:
    path: shown.csv
    id: shown_id
    time: at
    columns: {shown_id: string, page: string, dish: {type: string, required: true}, at: time}
    request: [dish]
  likes: {path: likes.csv, id: id, time: at, columns: {id: string, shown_id: string, at: time}}
  orders: {path: orders.parquet, id: id, time: at, columns: {id: string, dish: string, value: float, at: time}}
features:
  - window: {from: orders, by: dish, over: [1h, 1d, 7d], take: [count, mean(value)]}
objectives:
  liked: {type: binary, per: shown, label: {from: likes, match: shown_id, within: 1h}}
decision: {per: shown, list: page, item: dish, show: 3, terms: {joy: liked}, rule: orders_count_1d_by_dish}
"""


def best(*command: str, repeats: int) -> float:
    """Seconds of the fastest of some processes."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def released(folder: Path, events: int) -> Path:
    """The file of a system that is live, with so many events of the last 30 days."""
    random, now = np.random.default_rng(1), int(time.time() * 1e6)
    at = np.sort(now - random.integers(60_000_000, 30 * 86_400_000_000, events))
    orders = {
        "id": [f"order-{n:010}" for n in range(events)],
        "dish": pl.Series(random.integers(0, 20_000, events)).cast(pl.String),
        "value": random.random(events),
        "at": pl.Series(at).cast(pl.Datetime("us", "UTC")),
    }
    pl.DataFrame(orders).write_parquet(folder / "orders.parquet")
    file = folder / "poise.yaml"
    file.write_text(SYSTEM, encoding="utf-8")
    system = System.read(file)
    system.ingest()
    system.train()
    system.release()
    return file


def first_answer(file: Path) -> tuple[float, float]:
    """Seconds from starting a server to its first answer, and its largest memory in MB."""
    body = json.dumps({"candidates": [{"dish": str(n)} for n in range(10)]}).encode()
    asked = Request(f"http://127.0.0.1:{PORT}/v1/decide", body, {"content-type": "application/json"})
    command = [sys.executable, "-m", "poise", "serve", "--file", str(file), "--port", str(PORT)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        while server.poll() is None:
            try:
                with urlopen(asked, timeout=60):
                    took = time.perf_counter() - began
                    break
            except (URLError, ConnectionError):
                time.sleep(0.01)
        else:
            raise SystemExit(f"poise serve ended with exit code {server.returncode}")
        status = Path(f"/proc/{server.pid}/status")
        peak = int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024 if status.exists() else float("nan")
        server.send_signal(signal.SIGINT)
        server.wait(60)
    return took, peak


def main(quick: bool) -> list[Figure]:
    """`import poise` without the start of Python itself; the whole of `poise --help`; the second start of a server."""
    repeats = 1 if quick else 7
    python = best("-c", "pass", repeats=repeats)
    events = 1_000 if quick else int(os.environ.get("EVENTS", EVENTS))
    with tempfile.TemporaryDirectory() as folder:
        file = released(Path(folder), events)
        first_answer(file)
        answers = [first_answer(file) for _ in range(1 if quick else 3)]
    return [
        Figure("import poise", max(0.0, best("-c", "import poise", repeats=repeats) - python), IMPORT, " s"),
        Figure("poise --help", best("-m", "poise", "--help", repeats=repeats), HELP, " s"),
        Figure(f"poise serve to its first answer, {events:,} events", min(took for took, _ in answers), SERVE, " s"),
        Figure("  its memory", max(peak for _, peak in answers), None, " MB"),
    ]


if __name__ == "__main__":
    run(main)
