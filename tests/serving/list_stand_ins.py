"""A small release that lists dishes, made in memory: real features and ranker, and models that anyone can follow."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from poise.clock import ReplayClock
from poise.decisions.exploration_cost import Basis
from poise.decisions.of_system import ranker_of
from poise.features.plan import FeaturePlan
from poise.models.listed import ForLists, WholeRows
from poise.models.predictor import Predictor
from poise.releases.contract import Contract
from poise.serving.answer import Answerer
from poise.serving.limits import Limits
from poise.serving.loaded import Loaded
from poise.serving.score import Scorer
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec
from poise.stores.memory import MemoryStore
from poise.stores.state_base import WeightsRow
from poise.table import Column, History, Table

NOW = 1_772_420_700_000_000  # 2026-03-02T03:05:00Z
DAY = 86_400_000_000
SHOPS = 40
"""Shops r0, r1, …: r5 is closed, r7 does not say whether it is open, r9 has no commission; a higher one is dearer."""

TEXT = """
format: 1
system: food
purpose: List what people will order.
timezone: Asia/Singapore
sources:
  users: {path: users.csv, key: user_id, columns: {user_id: string, budget: float}}
  shops:
    path: shops.csv
    key: shop_id
    time: since
    columns: {shop_id: string, since: time, open: bool, price: {type: float, min: 0}, commission: float}
  shown:
    path: shown.csv
    id: shown_id
    time: at
    columns:
      shown_id: string
      page: string
      at: time
      user_id: {type: string, required: true}
      shop_id: string
      place: int
      distance: {type: float, min: 0, max: 100}
      weather: {type: category, values: [dry, rain]}
    request: [user_id, shop_id, distance, weather]
  orders:
    path: orders.csv
    id: order_id
    time: ordered_at
    columns: {order_id: string, ordered_at: time, shown_id: string, shop_id: string, value: float}
features:
  - columns: {from: shops, take: [price]}
  - columns: {from: users, take: [budget]}
  - columns: {from: shown, take: [distance, weather]}
  - window: {from: orders, by: shop_id, over: [7d], take: [count]}
objectives:
  order: {type: binary, per: shown, label: {from: orders, match: shown_id, within: 6h}}
  value: {type: regression, per: shown, given: order, label: {from: orders, match: shown_id, take: value, within: 6h}}
decision:
  per: shown
  list: page
  item: shop_id
  position: place
  show: 3
  where: shops.open
  terms:
    engagement: {is: order, unit: orders}
    revenue: {is: order * value * shops.commission, unit: USD}
  weights: {engagement: 1, revenue: 0.1}
  rule: orders_count_7d_by_shop_id
"""
SENT: Mapping[str, Any] = {"user_id": "string", "shop_id": "string", "distance": "float", "weather": "category"}
ROW = {"user_id": "u1", "shop_id": "r3", "distance": 1.0, "weather": "dry"}


class StandInPredictor:
    """`order`: a tenth for the first shop, less for each dearer one, less again by distance; `value`: the price."""

    inputs = ("shops_price", "shown_distance", "shown_place")

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def for_lists(self, item: frozenset[str]) -> ForLists:
        assert item == {"shops_price", "orders_count_7d_by_shop_id", "shops.open", "shops.commission"}
        return WholeRows(self.predict)

    def predict(self, features: Table) -> NDArray[np.float64]:
        assert (features["shown_place"].values == 0).all(), "answered as for the first place"
        price = np.nan_to_num(features["shops_price"].values, nan=10.0)
        if self._kind == "value":
            return price
        far = np.nan_to_num(features["shown_distance"].values, nan=1.0)
        return 0.1 / (1 + price) / (1 + far)


def system(explore: str = "", text: str = TEXT) -> SystemSpec:
    return read_text(f"{text}  explore: {explore}\n" if explore else text)


def candidates(count: int) -> list[dict[str, Any]]:
    return [{"shop_id": f"r{i}", "distance": 1.0 + i % 3} for i in range(count)]


def request(count: int = 12, **more: Any) -> dict[str, Any]:
    return {"user_id": "u1", "weather": "dry", "candidates": candidates(count), **more}


def loaded(explore: str = "", *, models: bool = True, basis: Basis | None = None, **evidence: Any) -> Loaded:
    spec = system(explore)
    contract = Contract.of(spec, {"shown": SENT}, varies={"distance"})
    ranker = ranker_of(spec, rule_only=not models)
    assert ranker is not None
    if not models:
        contract = replace(contract, outputs=())
    plan = FeaturePlan.of(spec, "shown")
    predictors = {name: cast(Predictor, StandInPredictor(name)) for name in spec.objectives}
    scorer = Scorer(plan, contract.outputs, predictors, ranker.extra_names(), contract.item)
    return Loaded("r1", spec, contract, {"shown": scorer}, None, plan.declarations, evidence, ranker, basis)


def store(made: Loaded) -> MemoryStore:
    """With the shops, one user, and i orders of shop ri for i up to 9."""
    found = MemoryStore()
    found.declare(made.declarations)
    names = [f"r{i}" for i in range(SHOPS)]
    shops = Table(
        {
            "shop_id": Column.strings(names),
            "open": Column.numbers([None if i == 7 else float(i != 5) for i in range(SHOPS)]),
            "price": Column.numbers([float(i) for i in range(SHOPS)]),
            "commission": Column.numbers([None if i == 9 else 0.2 for i in range(SHOPS)]),
        }
    )
    since = np.full(SHOPS, NOW - 300 * DAY)
    found.observe(History("shops", "history", since, since, shops))
    once = np.full(1, NOW - 200 * DAY)
    users = Table({"user_id": Column.strings(["u1"]), "budget": Column.numbers([20.0])})
    found.observe(History("users", "table", once, once, users, np.ones(1, bool)))
    ordered = [f"r{i}" for i in range(10) for _ in range(i)]
    at = np.arange(len(ordered)) * 1_000_000 + NOW - DAY
    values = Column.numbers(np.full(len(ordered), 10.0))
    rows = Table({"shop_id": Column.strings(ordered), "value": values})
    found.observe(History("orders", "log", at, at, rows))
    return found


def answerer(
    explore: str = "",
    *,
    models: bool = True,
    basis: Basis | None = None,
    limits: Limits | None = None,
    weights: WeightsRow | None = None,
) -> Answerer:
    made = loaded(explore, models=models, basis=basis)
    return Answerer(made, store(made), ReplayClock(NOW), weights, limits, itertools.count().__next__)
