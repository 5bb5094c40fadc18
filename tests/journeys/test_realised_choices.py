"""What a change of weights did to choices, from a real server's log to the sentence beside what was foretold."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np

from poise.interfaces.system import System
from poise.rollout.connection import Connection
from tests.journeys.replaying import Caller, serving, text
from tests.monitoring.conftest import DAY, START, TEXT, days

CHOICES, BATCH = 600, 50
"""Choices by each of two versions of the weights."""
SPEC = TEXT.replace(
    "    revenue: {unit: USD, leave: 0, call: 3 * order - 1}\n",
    "    revenue: {unit: USD, leave: 0, call: 3 * order}\n    calm: {leave: 0, call: -1}\n"
    "  weights: {revenue: 1, calm: 1}\n  explore: {method: epsilon, share: 40%}\n",
)


def test_what_a_change_did_to_choices_is_told_beside_what_was_foretold(tmp_path: Path) -> None:
    (tmp_path / "poise.yaml").write_text(SPEC, encoding="utf-8")
    for source, table in days(0, 30).items():
        table.write_csv(tmp_path / f"{source}1.csv")
    system = System.read(tmp_path / "poise.yaml")
    system.ingest()
    system.train()
    system.seed_weights("c1", None)
    rng, at = np.random.default_rng(5), (30 * DAY + START) * 1_000_000
    shown, orders = [], []
    with serving(system.path) as server, ExitStack() as stack, Connection(server.port, 60.0) as to:
        caller = Caller(server.port, stack)
        for batch in range(2 * CHOICES // BATCH):
            if batch == CHOICES // BATCH:
                asked = {"values": {"calm": 2.0}, "why": "customers complain"}
                assert httpx.put(f"http://127.0.0.1:{server.port}/v1/weights", json=asked).status_code == 200
            at += 3_600_000_000
            x = rng.normal(size=BATCH)
            rows = [{"x": float(one), "z": 0.0, "city": "Ghent"} for one in x]
            status, answer = to.exchange(
                to.request("/v1/decide", json.dumps({"rows": rows, "time": text(at)}).encode())
            )
            assert status == 200, answer
            for row, one in zip(rows, json.loads(answer)["decisions"], strict=True):
                name = one["decision_id"]
                shown.append({"offer": name, "at": text(at), "x": row["x"], "z": 0.0, "city": "Ghent"})
                if rng.random() < 1 / (1 + np.exp(0.4 - 1.8 * row["x"])):
                    orders.append({"number": f"n{name}", "offer": name, "at": text(at + 60_000_000), "value": 2.0})
        late = text(at + 3 * DAY * 1_000_000)
        shown.append({"offer": "last", "at": late, "x": 0.0, "z": 0.0, "city": "Ghent"})
        orders.append({"number": "last", "offer": "last", "at": late, "value": 2.0})
        for source, events in (("shown", shown), ("orders", orders)):
            caller.batch(source, json.dumps(events).encode())
    told = system.realised({})
    assert told["version"] == 2 and told["counts"] == "choices" and told["refused"] is None, told
    assert 400 < told["told_from"] <= told["foretold_from"] + CHOICES
    calm = next(one for one in told["terms"] if one["term"] == "calm")
    assert calm["came"]["low"] > 0 and calm["agrees"], "fewer are called"
    assert "choices" in system.state.history()[-1].details
