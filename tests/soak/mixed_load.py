"""A long mixed load on the market's server: lists, rows, events, changes, explanations, tensors, weights, nonsense."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from tests.journeys.processes import resident

from poise.rollout.connection import Connection
from poise.rollout.server_process import running

CALLERS, CANDIDATES = 3, 40
FINE = {200, 503}
"""503: where the machine is busy, a request may be refused, which is what the server is to do."""
NONSENSE = (b"{", b"[]", b'{"user_id": 1e400}', b'{"user_id": ["x"]}', b"[" * 2_000, b'{"candidates": [{}]}', b"\xff")


@dataclass
class Load:
    """What came of it. statuses: of (kind of request, status) how many. memory: seconds since the start, bytes."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    memory: list[tuple[float, int]] = field(default_factory=list)
    rows: int = 0
    """New rows that were accepted."""

    @property
    def requests(self) -> int:
        """How many were answered."""
        return self.statuses.total()

    def grown(self, since: float) -> int:
        """Bytes from the tenth of the time that begins at `since`, a share of it, to the last tenth."""
        last = self.memory[-1][0]
        before = [size for at, size in self.memory if since <= at / last <= since + 0.1]
        after = [size for at, size in self.memory if at / last >= 0.9]
        return int(sum(after) / len(after) - sum(before) / len(before))


def market(folder: Path) -> Path:
    """The market of `poise demo`, trained and released, in `folder`."""
    command = [sys.executable, "-m", "poise", "demo", "--once", "--port", "0", "--folder", str(folder)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return folder


def bear(folder: Path, seconds: float, *, new: bool = True) -> Load:
    """The load for so many seconds on a server of the market in `folder`. new: with rows that are new."""
    found, over = Load(), threading.Event()
    serve = [sys.executable, "-m", "poise", "serve", "-f", str(folder / "poise.yaml"), "--port", "{port}"]
    with running(serve) as server:
        callers = [_Caller(folder, server.port, seed, over, new=new) for seed in range(CALLERS)]
        threads = [threading.Thread(target=caller.run) for caller in callers]
        for thread in threads:
            thread.start()
        try:
            started = time.monotonic()
            while time.monotonic() - started < seconds and all(thread.is_alive() for thread in threads):
                found.memory.append((time.monotonic() - started, resident(server.process.pid)))
                time.sleep(seconds / 200)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        for caller in callers:
            found.statuses += caller.load.statuses
            found.rows += caller.load.rows
        failed = [caller.failed for caller in callers if caller.failed]
        assert not failed, failed
        assert server.process.poll() is None
    return found


class _Caller:
    """One connection that asks for this and that until it is over."""

    def __init__(self, folder: Path, port: int, seed: int, over: threading.Event, *, new: bool) -> None:
        self._chance, self._over, self._seed, self._new = random.Random(seed), over, seed, new
        self.load = Load()
        data = folder / "data"
        self._users = pl.read_parquet(data / "users.parquet")["user_id"].to_list()
        states = pl.read_parquet(data / "restaurants" / "*.parquet").sort("changed_at")
        self._states = {row["restaurant_id"]: row for row in states.to_dicts()}
        self._items = sorted(self._states)
        self._to = Connection(port)
        self._orders: list[bytes] = []
        self._number, self._decision = 0, ""
        while "time" not in (said := self._ask("list", "/v1/decide", self._list())):
            time.sleep(0.1)  # it is busy
        self._at = datetime.fromisoformat(said["time"])
        self.failed: str | None = None

    def run(self) -> None:
        try:
            often: dict[Callable[[], object], int] = {
                **{self._decide: 500, self._predict: 250, self._tensors: 30, self._nonsense: 40, self._again: 40},
                **{self._explain: 3, self._weights: 3, self._preview: 1, self._look: 10},
                **({self._order: 80, self._change: 30} if self._new else {}),
            }
            while not self._over.is_set():
                (act,) = self._chance.choices(list(often), list(often.values()))
                act()
        except Exception as error:
            self.failed = repr(error)
        finally:
            self._to.close()

    def _ask(self, kind: str, route: str, body: object, fine: set[int] = FINE) -> Any:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._told(kind, self._to.exchange(self._to.request(route, text)), fine)

    def _told(self, kind: str, said: tuple[int, bytes], fine: set[int]) -> Any:
        status, text = said
        self.load.statuses[kind, status] += 1
        assert status in fine, (kind, status, text[:500])
        return json.loads(text) if status == 200 and text.startswith(b"{") else {}

    def _list(self) -> dict[str, object]:
        items = self._chance.sample(self._items, CANDIDATES)
        return {"user_id": self._chance.choice(self._users), "candidates": [{"restaurant_id": one} for one in items]}

    def _row(self) -> dict[str, object]:
        return {"user_id": self._chance.choice(self._users), "restaurant_id": self._chance.choice(self._items)}

    def _decide(self) -> None:
        self._decision = self._ask("list", "/v1/decide", self._list()).get("decision_id", self._decision)

    def _predict(self) -> None:
        self._ask("row", "/v1/predict", self._row())

    def _order(self) -> None:
        rows = []
        for _ in range(self._chance.randint(1, 20)):
            self._number += 1
            at = (self._at + timedelta(microseconds=self._number)).isoformat()
            names = {"order_id": f"load-{self._seed}-{self._number}", "impression_id": "none"}
            rows.append({**self._row(), **names, "value": 9.0, "ordered_at": at})
        self._orders = [*self._orders[-20:], json.dumps(rows).encode()]
        self.load.rows += self._ask("order", "/v1/events/orders", self._orders[-1]).get("counts", {}).get("accepted", 0)

    def _again(self) -> None:
        if self._orders:
            said = self._ask("again", "/v1/events/orders", self._chance.choice(self._orders))
            assert "accepted" not in said.get("counts", {}) or self.load.statuses["order", 503], said["counts"]

    def _change(self) -> None:
        self._number += 1
        item, at = self._chance.choice(self._items), (self._at + timedelta(microseconds=self._number)).isoformat()
        row = {**self._states[item], "price": 5 + self._chance.random(), "changed_at": at}
        said = self._ask("change", "/v1/events/restaurants", [row])
        self.load.rows += said.get("counts", {}).get("accepted", 0)

    def _tensors(self) -> None:
        row = self._row()
        inputs = [{"name": name, "shape": [1], "datatype": "BYTES", "data": [text]} for name, text in row.items()]
        self._ask("tensors", "/v2/models/restaurants.order/infer", {"inputs": inputs})

    def _nonsense(self) -> None:
        route = self._chance.choice(
            ["/v1/decide", "/v1/predict", "/v1/events/orders", "/v2/models/restaurants.order/infer"]
        )
        self._ask("nonsense", route, self._chance.choice(NONSENSE), {200, 400, 404, 413, 422, 503})

    def _explain(self) -> None:
        self._ask("explain", "/v1/explain", {"decision_id": self._decision}, {200, 404, 409, 503})

    def _weights(self) -> None:
        asked = {"values": {"revenue": round(self._chance.random(), 3)}, "why": "the load"}
        put = self._to.request("/v1/weights", json.dumps(asked).encode()).replace(b"POST", b"PUT", 1)
        self._told("weights", self._to.exchange(put), {*FINE, 409})  # another caller has just changed them

    def _preview(self) -> None:
        asked = {"values": {"revenue": round(self._chance.random(), 3)}}
        self._ask("preview", "/v1/weights/preview", asked, {*FINE, 409, 422})

    def _look(self) -> None:
        self._told("look", self._to.get(self._chance.choice(["/metrics", "/v1/releases", "/health/ready"])), FINE)
