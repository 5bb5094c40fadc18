"""A price is chosen from a grid: foreseen at every price, explored near the best, and warned of where prices were not
drawn at random."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from poise.clock import ReplayClock
from poise.decisions.explore_actions import draw_actions
from poise.errors import PoiseError, RequestError
from poise.interfaces.system import System
from poise.releases.report import render
from poise.serving.answer import Answerer
from poise.serving.explain import Release
from poise.serving.explain_answer import explain
from poise.serving.loaded import Loaded
from poise.stores.memory import MemoryStore
from tests.journeys.conftest import Write

SYSTEM = """
format: 1
system: pricing
purpose: Sell at the price that earns most.
sources:
  offers:
    path: offers.csv
    id: offer
    columns: {offer: string, price: {type: float, min: 1, max: 30}, cost: float, size: float, demand: float}
    request: [price, cost, size]
features:
  - columns: {from: offers, take: [price, size]}
objectives:
  demand: {type: regression, per: offers, label: {take: demand}, rungs: [linear]}
decision:
  per: offers
  choose: {price: {from: 5, to: 20, step: 0.5}}
  terms: {profit: {is: demand * (price - cost), unit: USD}, sold: demand}
  weights: {sold: 0}
  rule: 12
  explore: {method: epsilon, share: 30%, near: 2}
"""


def offers(*, random: bool = True, n: int = 1500) -> pl.DataFrame:
    """Demand falls by 2 a unit of price and grows with size: the best price is (50 + 4 size + 2 cost) / 4."""
    rng = np.random.default_rng(1)
    size, cost = rng.uniform(0, 5, n), rng.uniform(2, 6, n)
    price = rng.uniform(5, 20, n) if random else 5 + 3 * size + 0.2 * rng.random(n)
    demand = 50 + 4 * size - 2 * price + rng.normal(0, 2, n)
    return pl.DataFrame(
        {"offer": [f"o{i}" for i in range(n)], "price": price, "cost": cost, "size": size, "demand": demand}
    )


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> System:
    folder: Path = tmp_path_factory.mktemp("pricing")
    offers().write_csv(folder / "offers.csv")
    (folder / "poise.yaml").write_text(SYSTEM, encoding="utf-8")
    system = System.read(folder / "poise.yaml")
    system.ingest()
    system.train()
    report = system.release()
    assert report.outcome is not None and report.outcome.released, str(report)
    return system


def answerer(system: System) -> Answerer:
    live = system.live_folder()
    assert live is not None
    seeds = iter(range(10**6))
    made = Answerer(Loaded.of(live), MemoryStore(), seeds=lambda: next(seeds), clock=ReplayClock(0))
    made.logs = True
    return made


def test_the_price_that_earns_most_is_chosen_and_its_neighbours_are_explored(released: System) -> None:
    made = answerer(released)
    asked = [{"cost": 4.0, "size": 1.0}] * 200
    answer = made.decide(json.dumps({"rows": asked}).encode())
    assert answer.kept is not None
    found, kept = json.loads(answer.body), json.loads(answer.kept.encoded())
    best = (50 + 4 * 1 + 2 * 4) / 4
    prices = {one["price"] for one in found["decisions"]}
    assert {one["actions"][0]["action"] for one in found["decisions"]} == {"15.5"} and abs(15.5 - best) <= 0.5
    assert prices == {14.5, 15.0, 15.5, 16.0, 16.5}
    for row, one in enumerate(found["decisions"]):
        assert one["chosen"] == kept["chosen"][row] == f"{one['price']:g}"
        at = one["actions"][[a["action"] for a in one["actions"]].index(one["chosen"])]
        assert at["terms"]["profit"] == pytest.approx(one["predictions"]["demand"] * (one["price"] - 4.0))
        assert kept["sent"]["price"][row] == one["price"] if row < 100 else True
    assert draw_actions(np.array(kept["policy"]), kept["explored"]["seed"]).tolist() == [
        kept["actions"].index(one) for one in kept["chosen"]
    ]
    assert kept["predictions"]["demand"] == [one["predictions"]["demand"] for one in found["decisions"]]


def test_a_price_is_explained_by_what_others_would_have_made(released: System) -> None:
    made, live = answerer(released), released.live_folder()
    assert live is not None
    answer = made.decide(json.dumps({"rows": [{"cost": 4.0, "size": 1.0}] * 20}).encode())
    assert answer.kept is not None
    record = json.loads(answer.kept.encoded())
    told = explain(Release(live), record, {"profit": 1.0, "sold": 0.0})["rows"]
    explored = next(n for n, one in enumerate(record["chosen"]) if one != "15.5")
    kept = next(n for n, one in enumerate(record["chosen"]) if one == "15.5")
    assert "was taken to explore, in the place of 15.5" in told[explored]["said"].replace("The", "the")
    assert "15.5 was best, worth" in told[kept]["said"] and len(told[kept]["actions"]) == 31


def test_callers_do_not_send_the_price_but_may_ask_what_one_would_sell(released: System) -> None:
    made = answerer(released)
    with pytest.raises(RequestError, match="price"):
        made.decide(json.dumps({"cost": 4.0, "size": 1.0, "price": 9.0}).encode())
    told = json.loads(made.predict(json.dumps({"cost": 4.0, "size": 1.0, "price": 9.0}).encode()).body)
    assert told["predictions"][0]["demand"] == pytest.approx(50 + 4 - 18, abs=1)
    assert "price" not in made.loaded.example_request()


def test_the_report_says_what_prices_are_foreseen_to_make(released: System) -> None:
    live = released.live_folder()
    assert live is not None
    evidence = live.json("evidence")
    told = evidence["decision"]["priced"]
    page = render(evidence)
    assert "What each price is foreseen to come to per row" in page and "% of how prices in the data varied" in page
    assert len(told["prices"]) == 31 and told["told_by_others"] < 0.05
    assert told["policies"]["model"]["profit"] > told["policies"]["asked"]["profit"] > 0
    curve = np.array(told["foreseen"]["demand"])
    assert (np.diff(curve) < 0).all() and np.diff(curve).mean() == pytest.approx(-1.0, abs=0.1)
    assert not [said for said in evidence["unknown"] if "not drawn at random" in said]
    assert any("its own price only" in said for said in evidence["unknown"])


def test_prices_that_others_tell_are_warned_of(write: Write) -> None:
    system = write(SYSTEM, offers=offers(random=False, n=600))
    system.ingest()
    said = " ".join(system.train().folder.json("evidence")["unknown"])
    assert "other columns tell 100%" in said and "what went along with a price" in said


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("step: 0.5", "step: 0.4", "no whole number of steps"),
        ("to: 20", "to: 4", "'to' must be more than 'from'"),
        ("step: 0.5", "step: 0.05", "at most 200 are compared"),
        ("to: 20", "to: 40", "goes beyond 30"),
        ("{price: {from", "{prise: {from", "has no column 'prise'"),
        ("{price: {from", "{offer: {from", "a price is float or int"),
        ("request: [price, cost", "request: [cost", "not among the request columns"),
        ("rule: 12", "rule: 12.2", "there is no action '12.2'"),
        ("rule: 12", "capacity: {'12': 3 a day}", "goes with actions that have names"),
        ("profit: {is: demand * (price - cost), unit: USD}", "profit: {'5': 1}", "one expression that reads 'price'"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(write: Write, old: str, new: str, why: str) -> None:
    assert old in SYSTEM
    with pytest.raises(PoiseError) as error:
        write(SYSTEM.replace(old, new))
    assert why in str(error.value)
