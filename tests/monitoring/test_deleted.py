"""Which values `keep` explains: those that deleting old rows leaves behind, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poise.clock import DAY, HOUR
from poise.features.plan import FeaturePlan
from poise.interfaces.system import System
from poise.monitoring.deleted import Deleted
from poise.table import Column, History, Requests, Table

SYSTEM = """
format: 1
system: kept
purpose: Keep what is seen for a while only.
sources:
  seen:
    path: seen.csv
    id: seen_id
    time: at
    keep: 7d
    columns: {seen_id: string, dish: string, price: float, paid: {type: float, min: 0}, at: time}
    request: [dish, price, paid]
  dishes: {path: dishes.csv, key: dish, time: at, keep: 7d, columns: {dish: string, kind: category, at: time}}
  likes: {path: likes.csv, id: id, time: at, columns: {id: string, seen_id: string, at: time}}
features:
  - columns: {from: dishes, take: [kind]}
  - window: {from: seen, by: dish, over: [1d, 9d], take: [count, sum(paid), min(price), last(price)]}
  - window: {from: seen, by: dish, over: 8d, take: [sum(price), sum(paid)]}
  - compute: {known: "coalesce(dishes.kind, 'none')", twice: seen_count_9d_by_dish * 2}
objectives:
  liked: {type: binary, per: seen, label: {from: likes, match: seen_id, within: 1h}}
"""
T, SINCE = 100 * DAY, 94 * DAY
DISHES = ("soup", "rice")
"""Of soup rows are left; of rice none is."""


@pytest.fixture
def plan(tmp_path: Path) -> FeaturePlan:
    (tmp_path / "poise.yaml").write_text(SYSTEM, encoding="utf-8")
    return FeaturePlan.of(System.read(tmp_path / "poise.yaml").spec, "seen")


def explained(plan: FeaturePlan, name: str, *served: Any, **others: list[Any]) -> list[bool]:
    """Whether this, served of soup and of rice, fits; the lake has two rows of soup in the last day, of 3 each."""
    at, price = np.array([T - 2 * HOUR, T - HOUR]), Column.numbers([3, 3])
    seen = Table({"dish": Column.strings(["soup", "soup"]), "price": price, "paid": price})
    dishes = Table({"dish": Column.strings(["soup"]), "kind": Column.strings([None])})
    histories = {
        "seen": History("seen", "log", at, at, seen),
        "dishes": History("dishes", "history", at[:1], at[:1], dishes),
    }
    requests = Requests(Table({"dish": Column.strings(DISHES)}), np.array([T, T]))
    since = {"seen": SINCE, "dishes": SINCE}
    logged = {name: list(served), **others}
    plan = plan.select([one for one in logged if one in plan.features])
    return Deleted(plan, requests, histories, logged, since).explains(name).tolist()


@pytest.mark.parametrize(
    ("name", "served", "fits"),
    [
        ("seen_count_9d_by_dish", (3.0, 1.0), [True, True]),
        ("seen_count_9d_by_dish", (1.0, None), [False, False]),
        ("seen_count_1d_by_dish", (3.0, 0.0), [False, True]),
        ("seen_sum_paid_8d_by_dish", (7.0, 1.0), [True, True]),
        ("seen_sum_paid_8d_by_dish", (5.0, None), [False, False]),
        ("seen_sum_price_8d_by_dish", (5.0, -1.0), [True, True]),
        ("seen_min_price_9d_by_dish", (1.0, 5.0), [True, True]),
        ("seen_min_price_9d_by_dish", (4.0, None), [False, False]),
        ("seen_last_price_9d_by_dish", (4.0, 4.0), [False, True]),
        ("seen_last_price_1d_by_dish", (None, 0.0), [False, False]),
        ("dishes_kind", ("warm", "warm"), [False, True]),
        ("dishes.kind", ("warm", "warm"), [False, True]),
        ("known", ("warm", "warm"), [False, True]),
    ],
)
def test_values(plan: FeaturePlan, name: str, served: tuple[Any, ...], fits: list[bool]) -> None:
    """The lake's row of soup has no kind: that is a row all the same."""
    assert explained(plan, name, *served) == fits


def test_sums_differ_only_where_the_count_does(plan: FeaturePlan) -> None:
    assert explained(plan, "seen_sum_paid_9d_by_dish", 9.0, 9.0, seen_count_9d_by_dish=[2.0, 1.0]) == [False, True]


def test_what_is_computed_differs_only_where_its_input_does(plan: FeaturePlan) -> None:
    assert explained(plan, "twice", 6.0, 6.0, seen_count_9d_by_dish=[2.0, 3.0]) == [False, True]
    assert explained(plan, "twice", 6.0, 6.0) == [True, True], "the log does not say what it was computed from"
