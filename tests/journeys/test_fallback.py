"""A function of the user's breaks while a server answers: what needs it falls back; that is said and explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from poise.interfaces.system import System
from poise.rollout.connection import Connection
from tests.interfaces.cli.in_process import poise
from tests.journeys import shop
from tests.journeys.replaying import serving

FUNCTION = """
from pathlib import Path

def risen(x):
    if Path(__file__).with_name("broken").exists():
        raise RuntimeError("the secret table is gone")
    return x * 1.5
"""
SYSTEM = (
    shop.SYSTEM.replace("take: [x, z]}", "take: [z]}\n  - function: {call: rising:risen, take: [x], gives: risen}")
    .replace("rungs: [linear]}", "rungs: [rule, linear], rule: z, features: [shown_z, risen]}")
    .replace("given: order, rungs: [trees],", "given: order, rungs: [linear], features: [shown_z],")
)


def ask(port: int, content: Any) -> dict[str, Any]:
    to = Connection(port, 60.0)
    try:
        status, said = to.exchange(to.request("/v1/decide", json.dumps(content).encode()))
        assert status == 200, said
        found: dict[str, Any] = json.loads(said)
        return found
    finally:
        to.close()


def test_what_needs_it_falls_back(tmp_path: Path) -> None:
    for name, table in shop.tables(2500).items():
        table.write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "rising.py").write_text(FUNCTION, encoding="utf-8")
    (tmp_path / "poise.yaml").write_text(SYSTEM, encoding="utf-8")
    system = System.read(tmp_path / "poise.yaml")
    system.ingest()
    system.train()
    row = {"x": 1.7, "z": 1.2, "city": "Lyon"}
    with serving(tmp_path / "poise.yaml") as server:
        whole = ask(server.port, row)
        assert "fallbacks" not in whole
        (tmp_path / "broken").touch()
        made = ask(server.port, row)
        assert made["fallbacks"] == {"order": {"by": "rule", "why": "'risen' could not be read"}}
        assert made["predictions"]["value"] == whole["predictions"]["value"]
        assert made["predictions"]["order"] != whole["predictions"]["order"]
        assert made["chosen"] in ("leave", "call") and not made["fallback"] and "secret" not in json.dumps(made)
        said = poise(tmp_path, "explain", made["decision_id"], "--json")
        told = json.loads(said.stdout)
        assert told["fallbacks"] == made["fallbacks"]
        why = "Order could not be predicted then ('risen' could not be read): its rule stood in."
        assert why in told["rows"][0]["said"]
        assert list(told["rows"][0]["predictions"]["order"]["contributions"]) == ["z"]
        assert told["rows"][0]["predictions"]["order"]["value"] == made["predictions"]["order"]
        (tmp_path / "broken").unlink()
        assert ask(server.port, row)["predictions"] == whole["predictions"]
