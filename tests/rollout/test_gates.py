"""What a candidate is rehearsed with: rows in turn, or real lists with as many candidates as callers send."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from poise.releases.judged import Judged
from poise.rollout.gates import _bodies, sizes_asked, usual_size
from poise.spec.reading import read_text

LITTLE_MARKET = Path(__file__).parents[1] / "releases" / "little_market.py"


@pytest.fixture(scope="module")
def little_market() -> ModuleType:
    spec = importlib.util.spec_from_file_location("little_market", LITTLE_MARKET)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lists_are_rehearsed_with_as_many_candidates_as_are_required(little_market: ModuleType) -> None:
    system = read_text(little_market.SYSTEM)
    assert (sizes_asked(system), usual_size(system)) == ([12], 12)
    also = "  - {who: web, metric: latency_p50, at_most: 1s, candidates: 3}\n"
    assert sizes_asked(read_text(little_market.SYSTEM + also)) == [3, 12]
    without = read_text(
        little_market.SYSTEM.replace("  - {who: web, metric: latency_p99, at_most: 2s, candidates: 12}", "")
    )
    assert sizes_asked(without) == [20], "five times as many as are shown"
    told = read_text(little_market.SYSTEM.replace("  show: 4\n", "  show: 4\n  candidates: 7\n"))
    assert (sizes_asked(told), usual_size(told)) == ([7, 12], 7)


def test_a_list_keeps_its_first_candidates(little_market: ModuleType) -> None:
    lists = [{"user_id": user, "candidates": [{"shop_id": f"r{i}"} for i in range(5)]} for user in ("a", "b")]
    bodies = _bodies(read_text(little_market.SYSTEM), Judged({}, None, {}, None, lists), 2)
    assert [json.loads(body) for body in bodies] == [
        {"user_id": user, "candidates": [{"shop_id": "r0"}, {"shop_id": "r1"}]} for user in ("a", "b")
    ]


def test_a_list_release_is_judged_on_the_real_server(little_market: ModuleType, tmp_path: Path) -> None:
    system = little_market.write(tmp_path)
    system.ingest()
    system.train()
    report = system.release()
    evidence = report.folder.json("evidence")
    assert evidence["serving"]["candidates"] == 12
    assert [(size["candidates"], size["errors"]) for size in evidence["serving"]["sizes"]] == [(12, {})]
    status = {one["metric"]: one["status"] for one in evidence["requirements"]}
    assert status == {
        "decision.revenue": "cannot tell",
        "order.ndcg@4": "pass",
        "decision.ndcg": "pass",
        "latency_p99": "pass",
    }
    assert evidence["verdict"] == "released", "what cannot be told before serving refuses nothing"
    assert (report.folder.path / "exploration.npz").is_file()
