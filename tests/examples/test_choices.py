"""The examples of fraud and of prices, from their data to a decided row."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from poise.clock import ReplayClock
from poise.interfaces.system import System
from poise.releases.snapshot import build
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.stores.memory import MemoryStore

EXAMPLES = Path(__file__).parents[2] / "examples"
LATENCY = "  - {who: product,  metric: latency_p99, at_most: 100ms}\n"
"""What depends on the machine is left out."""


def released(name: str, folder: Path) -> System:
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("data", ".poise"))
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True)
    file = folder / "poise.yaml"
    text = file.read_text(encoding="utf-8")
    assert LATENCY in text
    file.write_text(text.replace(LATENCY, ""), encoding="utf-8")
    system = System.read(file)
    system.ingest()
    system.train()
    report = system.release()
    assert report.outcome is not None and report.outcome.released, str(report)
    return system


def decide(system: System, folder: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    live = system.live_folder()
    assert live is not None
    loaded, store = Loaded.of(live), MemoryStore()
    built = build(system.spec, system.lake, loaded.declarations, store, folder / "snapshot")
    answerer = Answerer(loaded, store, ReplayClock(built.now))
    answerer.rehearse()
    found: list[dict[str, Any]] = json.loads(answerer.decide(json.dumps({"rows": rows}).encode()).body)["decisions"]
    return found


def test_prices_of_juice_are_decided_and_not_believed(tmp_path: Path) -> None:
    system = released("pricing", tmp_path / "juice")
    live = system.live_folder()
    assert live is not None
    unknown = " ".join(live.json("evidence")["unknown"])
    assert "they were not drawn at random, as other columns tell 80%" in unknown
    row = {"visit": "w1", "store": "store 1", "cost": 1.3, "other_price": 1.99, "other_special": False, "loyalty": 0.6}
    (found,) = decide(system, tmp_path, [row])
    assert 1.4 <= found["price"] <= 2.1 and len(found["actions"]) == 15
    best = found["actions"][0]
    assert best["terms"]["profit"] == pytest.approx(best["terms"]["volume"] * (float(best["action"]) - 1.3))
    assert found["explored"]["cost"]["profit"] <= 0.01 + 1e-9


@pytest.mark.soak
def test_fraud_is_stopped_with_ten_reviews_a_day(tmp_path: Path) -> None:
    system = released("fraud", tmp_path / "shop")
    live = system.live_folder()
    assert live is not None
    evidence = live.json("evidence")
    assert evidence["objectives"]["fraud"]["censoring"]["hidden"] == 202
    assert evidence["decision"]["chosen_share"]["review"] * sum(evidence["decision"]["per_hour"]) < 11
    cost = {one["policy"]: one["value"] for one in evidence["decision"]["terms"]}
    assert cost["model"] > cost["rule"] + 0.5
    small = {"customer": "c1", "amount": 12.0, "country": "home", "merchant": "groceries", "new_device": False}
    large = {"customer": "c2", "amount": 4000.0, "country": "abroad", "merchant": "gift cards", "new_device": True}
    rows = [{**small, "payment": f"q{i}"} for i in range(40)] + [{**large, "payment": f"r{i}"} for i in range(40)]
    found = decide(system, tmp_path, rows)
    assert sum(one["chosen"] == "allow" for one in found[:40]) >= 35
    reviewed = [one for one in found if one["chosen"] == "review"]
    assert len(reviewed) <= 10 and found[-1]["capacity"]["review"]["used"] == len(reviewed)
    assert found[-1]["chosen"] in ("block", "allow")
