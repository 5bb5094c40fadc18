"""Start without data: users, shops, a rule and no log. The rule serves and explores until the log carries models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from poise.clock import ReplayClock
from poise.data.lake import Lake
from poise.errors import NotEnoughData
from poise.interfaces.system import System
from poise.releases.contract import Contract
from poise.releases.snapshot import build
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.stores.memory import MemoryStore
from tests.releases.little_market import LONG, SYSTEM, tables

LISTS = 3000
LOG = tables(LISTS)


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, rows: int, text: str = SYSTEM) -> System:
    """The first `rows` rows of the log, and the orders that came of them; no files of a log without rows."""
    shown = LOG["shown"].head(rows)
    orders = LOG["orders"].join(shown, on="shown_id", how="semi", maintain_order="left")
    for name, table in {**LOG, "shown": shown, "orders": orders}.items():
        if table.height:
            table.write_csv(folder / f"{name}.csv")
    (folder / "poise.yaml").write_text(text, encoding="utf-8")
    return System.read(folder / "poise.yaml")


def train(system: System) -> tuple[dict[str, Any], Contract]:
    system.ingest()
    made = system.train().folder
    return made.json("evidence"), Contract.from_json(made.json("contract"))


def up(folder: Path) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith("POISE_")}
    command = [sys.executable, "-m", "poise", "up", "--once", "--port", "0"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answer(said: str) -> dict[str, Any]:
    """The answer to the printed curl."""
    start = said.index("{\n")
    found, _ = json.JSONDecoder().raw_decode(said[start:])
    assert isinstance(found, dict)
    return found


def test_from_no_log_to_the_first_models(tmp_path: Path) -> None:
    write(tmp_path, 0)
    said = up(tmp_path)
    assert "there is no file shown.csv" in said and "taken as empty until there is one" in said
    assert "The log cannot carry models yet. Until it can, lists are sorted by the rule, -shops.price:" in said
    assert "order is known for 0 of 100 rows that are needed" in said
    assert "? sales cannot tell yet" in said and "✓ web agrees" in said and "r1 is live." in said
    found = answer(said)
    assert found["release"] == "r1" and found["fallback"] is True and found["weights"] == 1
    assert found["explored"]["method"] == "plackett-luce" and found["explored"]["cost"] is None
    assert all(0 < item["propensity"] < 1 for item in found["shown"])
    assert {item["shop_id"] for item in found["shown"]} <= {f"r{i}" for i in range(40)}

    said = up(tmp_path)
    assert "r1 was made of this file and these rows already (released)." in said

    system = write(tmp_path, 300)
    said = up(tmp_path)
    assert "r1 stays live: it sorts by this rule already." in said
    assert "rows that are needed" in said
    assert answer(said)["release"] == "r1"

    write(tmp_path, LISTS * LONG)
    said = up(tmp_path)
    assert "r2 is live." in said and "by the rule" in said
    found = answer(said)
    assert found["release"] == "r2" and found["fallback"] is False
    assert set(found["shown"][0]["terms"]) == {"engagement", "revenue"}
    evidence = system.folder("r2").json("evidence")
    assert evidence["contract"]["against"] == "r1"
    assert [c for c in evidence["contract"]["changes"] if c["kind"] == "breaking"] == [], "callers need not change"
    assert [row.version for row in system.state.weight_versions()] == [1]


@pytest.mark.parametrize("rows", [0, 1, 30, 300])
def test_training_never_fails_for_lack_of_a_log(tmp_path: Path, rows: int) -> None:
    evidence, contract = train(write(tmp_path, rows))
    assert contract.outputs == () and contract.lists
    assert {i.name for i in contract.inputs_of("shown")} == {"user_id", "shop_id", "weather"}, (
        "all that models may read"
    )
    assert evidence["objectives"] == {} and evidence["data"]["sources"]["shown"]["rows"] == rows
    assert any(sentence.startswith("order ") for sentence in evidence["start"]["lacking"])
    assert set(evidence["unlearned"]) == {"order", "value", "decision"}
    assert len(evidence["list_examples"]) == 3


def test_what_is_lacking_has_its_numbers(tmp_path: Path) -> None:
    evidence, _ = train(write(tmp_path, 300))
    shown = LOG["shown"].head(300)
    matched = shown.join(LOG["orders"], on="shown_id", how="left")
    newest = matched["at_right"].max()
    certain = matched.filter(pl.col("at") + pl.duration(hours=6) <= newest)
    true = certain["order_id"].is_not_null().sum()
    said = evidence["start"]["lacking"]
    assert said[0] == (
        f"order came true in {true} of 100 rows that are needed (of 300 rows {certain.height} have an outcome that is"
        " certain by now)"
    )
    days = (certain["at"].max() - certain["at"].min()).total_seconds() / 86_400
    assert said[1] == f"order is known for {days:.1f} of 7 days that are needed"
    assert said[2].startswith(f"value is known for {true} of 100 rows that are needed")


FEATURES = """  - columns: {from: users, take: [likes]}
  - columns: {from: shops, take: [cuisine, price]}
  - columns: {from: shown, take: [weather]}
  - compute: {liked: "if(users.likes == shops.cuisine, 1, 0)"}
"""


@pytest.mark.parametrize(
    ("position", "why"),
    [
        ("", "no model of order or value does significantly better than their average"),
        ("  position: place\n", "what was learned of order or value is the same for all items of a list"),
    ],
)
def test_a_log_that_tells_no_item_from_another_leaves_the_rule(tmp_path: Path, position: str, why: str) -> None:
    """Models see the weather, which says nothing, and where in the list an item stood, which is no item's own."""
    text = SYSTEM.replace(FEATURES, "  - columns: {from: shown, take: [weather]}\n")
    assert text != SYSTEM
    evidence, contract = train(write(tmp_path, LISTS * LONG, text.replace("  position: place\n", position)))
    assert contract.outputs == ()
    assert evidence["start"]["lacking"][0].startswith(why)


def test_models_are_not_given_up_for_the_rule(tmp_path: Path) -> None:
    system = write(tmp_path, 0)
    train(system)
    write(tmp_path, LISTS * LONG)
    system.ingest()
    system.release(system.train().folder.name)
    assert not system.starting
    with pytest.raises(NotEnoughData):
        system.train(like="c1")


def test_without_rule_or_list_too_little_is_an_error(tmp_path: Path) -> None:
    system = write(tmp_path, 60, SYSTEM.replace("  rule: -shops.price\n", ""))
    system.ingest()
    with pytest.raises(NotEnoughData):
        system.train()


BARE = """
format: 1
system: bare
purpose: Start from nothing at all.
sources:
  shown:
    path: shown.csv
    id: shown_id
    time: at
    columns: {shown_id: string, page: string, dish: {type: string, required: true}, price: float, at: time}
    request: [dish, price]
  likes: {path: likes.csv, id: id, time: at, columns: {id: string, shown_id: string, at: time}}
objectives:
  liked: {type: binary, per: shown, label: {from: likes, match: shown_id, within: 1h}}
decision: {per: shown, list: page, item: dish, show: 3, terms: {joy: liked}, rule: -price}
"""


def test_items_of_no_table_are_made_up(tmp_path: Path) -> None:
    """Nobody knows an item yet: neither a table nor a log. The example still answers."""
    (tmp_path / "poise.yaml").write_text(BARE, encoding="utf-8")
    system = System.read(tmp_path / "poise.yaml")
    system.ingest()
    folder = system.train().folder
    loaded = Loaded.of(folder)
    store = MemoryStore()
    built = build(system.spec, Lake(system.settings.lake), loaded.declarations, store, tmp_path / "online")
    answerer = Answerer(loaded, store, ReplayClock(built.now))
    answerer.rehearse()
    found = json.loads(answerer.decide(json.dumps(loaded.example_request()).encode()).body)
    assert len(found["shown"]) == 3 and found["fallback"] is True
    assert pl.DataFrame(found["shown"])["dish"].n_unique() == 3
