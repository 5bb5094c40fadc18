"""A market that answers while everything changes, is killed and goes on: what was served is what the lake says."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from poise.interfaces.system import System
from tests.interfaces.cli.in_process import poise
from tests.journeys.replaying import Caller, as_json, logged, serving
from tests.releases.little_market import SYSTEM, tables, write

FEATURES = """
  - window: {from: shown, by: shop_id, over: [1h, 7d], take: [count, distinct(user_id)]}
  - window: {from: shown, by: [user_id, shops.cuisine], over: 30d, take: [count, since_last]}
  - window: {from: orders, by: shop_id, over: [1d, 30d], take: [count, sum(value), mean(value), last(value)]}
  - compute: {dear: orders_mean_value_30d_by_shop_id - shops.price}
  - clock: [hour]
objectives:
"""
SHOPS, USERS = [f"r{i}" for i in range(42)], [f"u{i}" for i in range(62)]
"""Two of each are not in the files."""
STEPS = 150


def begun(folder: Path) -> System:
    """The market with windows over what is shown and ordered, trained on lists of some weeks."""
    text = SYSTEM.replace("\nobjectives:\n", FEATURES).replace(
        "shown_id: string, at: time, v", "shown_id: string, shop_id: string, at: time, v"
    )
    log = tables(1200)
    orders = log["orders"].join(log["shown"].select("shown_id", "shop_id"), on="shown_id", how="left")
    system = write(folder, text, shown=log["shown"], orders=orders)
    system.ingest()
    system.train()
    return system


class Day:
    """What happens one after another, some of it told late, in the market's own time."""

    def __init__(self) -> None:
        self.now = datetime(2024, 1, 1, tzinfo=UTC)
        self.number = 0
        self.draw = random.Random(1)

    def go_on(self, caller: Caller) -> None:
        """Ask, send, ask, …"""
        for _ in range(STEPS):
            self.number += 1
            self.now += timedelta(seconds=self.draw.randint(0, 400))
            for event in self._next(caller):
                caller.send([event])

    def _next(self, caller: Caller) -> Iterator[tuple[str, bytes]]:
        chance, pick = self.draw.random(), self.draw.choice
        if chance < 0.4:
            yield from self._ask(caller)
        elif chance < 0.8:
            value = pick([self.draw.uniform(1, 90), 1e9, None])
            order = {"order_id": f"new{self.number}", "shown_id": "s1", "shop_id": pick(SHOPS), "value": value}
            yield "orders", as_json(order | {"at": self._when()})
        elif chance < 0.95:
            shop = {"shop_id": pick(SHOPS), "cuisine": pick(["noodles", "pizza", "thai"]), "open": True}
            yield "shops", as_json(shop | {"price": self.draw.uniform(5, 25)})
        else:
            yield "users", as_json({"user_id": pick(USERS), "likes": f"likes{self.number}"})

    def _ask(self, caller: Caller) -> Iterator[tuple[str, bytes]]:
        once = {"user_id": self.draw.choice(USERS), "weather": self.draw.choice(["dry", "wet", "snow", None])}
        made = caller.ask({**once, "candidates": [{"shop_id": shop} for shop in self.draw.sample(SHOPS, 12)]})
        for item in made["shown"]:
            row = {"shown_id": item["impression_id"], "list_id": made["decision_id"], "place": item["position"]}
            yield "shown", as_json({**once, **row, "shop_id": item["shop_id"], "at": self._when()})

    def _when(self) -> str:
        late = timedelta(seconds=self.draw.choice([0, 0, 0, 60, 4000, 100_000]))
        return (self.now - late).isoformat()


@contextmanager
def served(system: System) -> Iterator[tuple[Any, Caller]]:
    with serving(system.path) as server, ExitStack() as stack:
        yield server.process, Caller(server.port, stack)


def test_a_market_is_answered_from_what_its_lake_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    system, day = begun(tmp_path), Day()
    with served(system) as (process, caller):
        day.go_on(caller)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with served(system) as (_, caller):
        day.go_on(caller)
        (dear,) = _new_price(caller, 1234.5)
        answer = caller.ask({"user_id": "u1", "weather": "dry", "candidates": [{"shop_id": dear}]})
        assert answer["time"].startswith("2024-01-0"), "versions of tables do not move a clock that replays old data"

    said = poise(tmp_path, "check", "skew", "--json")
    found = json.loads(said.stdout)
    assert said.returncode == 0 and found["disagreeing"] == [], said.stdout
    asked = logged(system.lake)
    assert found["answers"] == len(asked) > STEPS / 2
    assert (
        found["compared"] == found["rows"] == sum(len(one["logged"]) for one in asked) and not found["waiting"]["rows"]
    )
    assert len(found["features"]) > 20 and {one["compared"] for one in found["features"]} == {found["rows"]}
    assert asked[-1]["features"]["shops_price"] == [1234.5], "the newest version, though the file's has a later stamp"
    assert {one["features"]["shown_place"][0] for one in asked} == {0.0}


def _new_price(caller: Caller, price: float) -> list[str]:
    caller.send([("shops", as_json({"shop_id": "r1", "cuisine": "pizza", "price": price, "open": True}))])
    return ["r1"]
