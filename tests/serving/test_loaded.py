"""A release read from a sealed folder, answering from the real store; and what must not be imported for that."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poise.clock import ReplayClock
from poise.decisions.exploration_cost import Basis
from poise.errors import StateError, Tampered
from poise.models.calibration import Calibration
from poise.models.constant import ConstantModel
from poise.models.predictor import Predictor
from poise.releases.contract import Contract
from poise.releases.folder import ReleaseFolder, building
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.spec.reading import read_text
from poise.spec.source import ColumnType
from poise.stores.memory import MemoryStore
from poise.table import Column, History, Table

HOUR = 3_600_000_000
START = 1_362_139_200_000_000
FILE = """
format: 1
system: shop
purpose: Say which orders will be late.
clock: replay
sources:
  orders:
    path: orders.csv
    id: order_id
    time: ordered_at
    columns: {order_id: string, ordered_at: time, shop_id: {type: string, required: true}, value: {type: float, min: 0}}
    request: [shop_id, value]
  deliveries:
    path: deliveries.csv
    id: order_id
    time: delivered_at
    columns: {order_id: string, delivered_at: time, shop_id: string, minutes: float}
features:
  - window: {from: deliveries, by: shop_id, over: [1d], take: [count, mean(minutes)]}
objectives:
  late: {type: binary, per: orders, label: {from: deliveries, match: order_id, take: minutes > 30, within: 1d}}
decision:
  per: orders
  choose: [nothing, call]
  terms:
    cost: {unit: USD, nothing: -value * late, call: -2}
    calls: {nothing: 0, call: -deliveries_count_1d_by_shop_id}
"""
REQUEST: dict[str, ColumnType] = {"shop_id": "string", "value": "float"}


def make(path: Path, contract: Contract | None = None, text: str = FILE, basis: Basis | None = None) -> ReleaseFolder:
    system = read_text(text, name="poise.yaml")
    with building(path) as folder:
        Predictor(ConstantModel(np.array([0.25]), many=False), Calibration.identity("binary")).save(
            folder / "models" / "late"
        )
        if basis is not None:
            basis.save(folder / "exploration.npz")
        (folder / "system.yaml").write_text(text)
        (folder / "contract.json").write_text(
            json.dumps((contract or Contract.of(system, {"orders": REQUEST})).to_json())
        )
        (folder / "release.json").write_text(json.dumps({"format": 1, "name": path.name}))
    return ReleaseFolder.open(path)


LISTED = (
    FILE[: FILE.index("decision:")]
    + """
decision:
  per: orders
  list: page
  item: shop_id
  position: place
  show: 2
  terms: {kept: {is: 1 - late, unit: orders}, value: value * (1 - late)}
  explore: {method: epsilon, top: 5, cost: {kept: 1%}}
  rule: -deliveries_mean_minutes_1d_by_shop_id
"""
).replace(
    "{order_id: string, ordered_at: time, shop_id",
    "{order_id: string, page: string, place: int, ordered_at: time, shop_id",
)


def deliveries() -> History:
    time = START + HOUR * np.arange(4, dtype=np.int64)
    columns = {"shop_id": Column.strings(["a", "b", "a", "a"]), "minutes": Column.numbers([10.0, 20.0, 30.0, 50.0])}
    return History("deliveries", "log", time, time, Table(columns))


@pytest.fixture
def answerer(tmp_path: Path) -> Answerer:
    loaded = Loaded.of(make(tmp_path / "r1"))
    store = MemoryStore()
    store.declare(loaded.declarations)
    store.observe(deliveries())
    return Answerer(loaded, store, ReplayClock(START + 3 * HOUR))


def test_a_sealed_release_answers_as_of_now(answerer: Answerer) -> None:
    answerer.rehearse()
    found = json.loads(answerer.decide(b'{"shop_id": "a", "value": 20}').body)
    assert found["release"] == "r1"
    assert found["predictions"] == {"late": 0.25}
    terms = {action["action"]: action["terms"] for action in found["actions"]}
    assert terms == {"nothing": {"cost": -5, "calls": 0}, "call": {"cost": -2, "calls": -2}}  # the row at T is not seen
    assert found["chosen"] == "call"


def listing(folder: ReleaseFolder) -> Answerer:
    loaded = Loaded.of(folder)
    store = MemoryStore()
    store.declare(loaded.declarations)
    store.observe(deliveries())
    return Answerer(loaded, store, ReplayClock(START + 3 * HOUR), seeds=lambda: 1)


ASK = b'{"candidates": [{"shop_id": "a", "value": 9}, {"shop_id": "b", "value": 5}, {"shop_id": "c", "value": 7}]}'


def test_a_sealed_release_that_lists_explores_as_its_lists_allow(tmp_path: Path) -> None:
    values = np.tile([0.9, 0.6, 0.1], (10, 1))
    exposure = np.array([1.0, 0.5])
    basis = Basis({"kept": values, "value": values}, {"kept": exposure, "value": exposure})
    contract = Contract.of(read_text(LISTED, name="poise.yaml"), {"orders": REQUEST}, varies={"value"})
    answerer = listing(make(tmp_path / "r1", contract, LISTED, basis))
    answerer.rehearse()
    found = json.loads(answerer.decide(ASK).body)
    assert [one["shop_id"] for one in found["shown"]] == ["a", "c"]
    assert found["shown"][0]["terms"] == {"kept": 0.75, "value": 6.75}
    share = found["explored"]["share"]
    assert found["explored"]["cost"]["kept"] == pytest.approx(0.01)
    assert [one["propensity"] for one in found["shown"]] == pytest.approx([1 - share + share / 3] * 2)
    assert {d.source for d in answerer.loaded.declarations} == {"deliveries"}, "the rule is asked where no score is"


def test_a_sealed_release_without_models_lists_by_its_rule(tmp_path: Path) -> None:
    contract = Contract.of(read_text(LISTED, name="poise.yaml"), {"orders": REQUEST})
    answerer = listing(make(tmp_path / "r1", replace(contract, outputs=()), LISTED))
    answerer.rehearse()
    assert answerer.ready
    found = json.loads(answerer.decide(ASK).body)
    assert [(one["shop_id"], one["score"], one["terms"]) for one in found["shown"]] == [("a", -20, {}), ("b", -20, {})]
    assert (found["fallback"], found["explored"]["cost"]) == (True, None)


def test_an_unknown_key_leaves_out_what_needs_it(answerer: Answerer) -> None:
    found = json.loads(answerer.decide(b'{"shop_id": "never seen", "value": 20}').body)
    assert found["left_out"] == [{"action": "call", "why": "missing: calls"}]
    assert found["unknown"] == {"deliveries_count_1d_by_shop_id": 1}


def test_only_what_the_release_uses_is_kept_online(answerer: Answerer) -> None:
    assert {d.source for d in answerer.loaded.declarations} == {"deliveries"}


def test_a_changed_release_is_not_loaded(tmp_path: Path) -> None:
    folder = make(tmp_path / "r1")
    file = folder.path / "system.yaml"
    file.chmod(0o644)
    file.write_text(FILE.replace("-2}", "-200}"))
    with pytest.raises(Tampered, match=r"system\.yaml"):
        Loaded.of(ReleaseFolder.open(folder.path))


def test_a_contract_without_a_needed_column_is_not_served(tmp_path: Path) -> None:
    contract = Contract.of(read_text(FILE, name="poise.yaml"), {"orders": {"shop_id": "string"}})
    with pytest.raises(StateError, match="the contract lacks 'value'"):
        Loaded.of(make(tmp_path / "r1", contract))


@pytest.mark.parametrize("module", ["poise.interfaces.http.server", "poise.serving.answer", "poise.serving.loaded"])
def test_answering_imports_no_heavy_library(module: str) -> None:
    heavy = {"polars", "deltalake", "sklearn", "lightgbm", "pandas", "pyarrow"}
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
