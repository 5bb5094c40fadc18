"""A canary that earns less is taken back by itself once its late labels have come; one that is alike is not."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from poise.interfaces.system import System
from poise.rollout.plan import Plan
from poise.rollout.stages import begin_rollout, newest, undo
from poise.rollout.told import told
from tests.journeys.replaying import Caller, text
from tests.journeys.switching import SOON, live, released
from tests.monitoring.conftest import DAY, START, TEXT, days

SPEC = TEXT.replace("format: 1", "format: 1\nupdates: {every: 365d}").replace(
    "z: float, city: category}\n    request: [x,", "z: float, city: category, who: string}\n    request: [who, x,"
)
SPEC = SPEC.replace("3 * order - 1}", "3 * order - 1.5}")
BLIND = SPEC.replace("take: [x, z]", "take: [z]")
"""It does not see what tells whether somebody will order, and so calls nobody."""
PLAN = Plan(begin="canary", canary=0.5, sticky="who", time=0, answers=10**9)
HOUR, CALLERS = 3_600_000_000, 150


@dataclass
class Customers:
    """Who they are is asked about again and again; whether they order is told a day later."""

    caller: Caller
    at: int = (30 * DAY + START) * 1_000_000
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))
    shown: list[dict[str, object]] = field(default_factory=list)
    orders: list[dict[str, object]] = field(default_factory=list)

    def ask(self, times: int) -> set[str]:
        """Everybody is asked about so many times; which releases answered."""
        answered = set()
        for _ in range(times):
            self.at += HOUR
            for number in range(CALLERS):
                row = {"who": f"u{number}", "x": float(self.rng.normal()), "z": 0.0, "city": "Ghent"}
                self.at += 1_000
                said = self.caller.ask({"rows": [row], "time": text(self.at)})
                answered.add(said["release"])
                name, when = said["decisions"][0]["decision_id"], text(self.at)
                self.shown.append({"offer": name, "at": when, **row})
                if self.rng.random() < 1 / (1 + np.exp(0.4 - 1.8 * row["x"])):
                    late = text(self.at + 24 * HOUR)
                    self.orders.append({"number": f"n{name}", "offer": name, "at": late, "value": 2.0})
        return answered

    def tell(self) -> None:
        """What came of it comes in, and two days later somebody else orders, so that all of it is known."""
        self.at += 72 * HOUR
        self.shown.append({"offer": f"last{self.at}", "at": text(self.at), "who": "last", "x": 0.0, "z": 0.0,
                           "city": "Ghent"})  # fmt: skip
        last = {"number": f"last{self.at}", "offer": f"last{self.at}", "at": text(self.at), "value": 2.0}
        for source, events in (("shown", self.shown), ("orders", [*self.orders, last])):
            self.caller.batch(source, json.dumps(events).encode())
        self.shown, self.orders = [], []


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """c1 is live; c2 is the same once more; c3 is blind."""
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "poise.yaml").write_text(SPEC, encoding="utf-8")
    for source, table in days(0, 30).items():
        made = table if source == "orders" else table.with_columns(who=table["offer"])
        made.write_csv(tmp_path / f"{source}1.csv")
    system = System.read(tmp_path / "poise.yaml")
    system.ingest()
    assert [released(system), released(system), released(system, BLIND)] == ["c1", "c2", "c3"]
    system.path.write_text(SPEC, encoding="utf-8")
    system.state.promote("c1", why="first")
    system.seed_weights("c1", None)
    return system


def look(system: System) -> str:
    """What `poise update` says, beside the server."""
    again = System.read(system.path)
    found = again.update()
    again.state.close()
    assert found.outcome == "waiting"
    return found.sentence


def verdict(system: System) -> str:
    """Of the revenue; `unknown` where it was not judged yet."""
    found = [one for one in told(system.state)["guardrails"] if one["guardrail"] == "terms.revenue"]
    return str(found[0]["verdict"]) if found else "unknown"


def judged(system: System) -> str:
    """What `poise update` says once the revenue is known: what comes in stands in the lake a minute later at most."""
    ends = time.monotonic() + SOON
    while True:
        said = look(system)
        if verdict(system) != "unknown":
            return said
        assert time.monotonic() < ends, told(system.state)
        time.sleep(5)


@pytest.mark.soak
def test_a_canary_that_loses_revenue_is_undone_and_one_that_is_alike_is_not(system: System) -> None:
    state = system.state
    with live(system.path) as server, ExitStack() as stack:
        customers = Customers(Caller(server.port, stack))

        def until(releases: set[str]) -> None:
            ends = time.monotonic() + SOON
            while customers.ask(1) != releases:
                assert time.monotonic() < ends
                time.sleep(0.2)

        begin_rollout(state, "c2", PLAN, why="it is the same")
        until({"c1", "c2"})
        customers.ask(3)
        customers.tell()
        assert "is under way (canary)" in judged(system) and verdict(system) == "holds"
        undo(state, why="for the next one")
        until({"c1"})
        begin_rollout(state, "c3", PLAN, why="it is simpler")
        until({"c1", "c3"})
        customers.ask(3)
        assert "is under way (canary)" in look(system) and verdict(system) == "unknown", "nothing came of it yet"
        customers.tell()
        said = judged(system)
        assert said.startswith("c3 is undone: terms.revenue: "), said
        back = newest(state)
        assert back is not None and (back.stage, back.who) == ("undone", "guardrail")
        assert back.breach is not None and back.breach["canary"] < 0.9 * back.breach["live"]
        until({"c1"})
