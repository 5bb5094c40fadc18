"""The position of a list's rows: a feature of its own accord, as logged in batch, the first place online."""

import numpy as np
import pytest

from poise.errors import DataError, SpecError
from poise.features.plan import FeaturePlan
from poise.features.requests import requests_of
from poise.features.scope import Scope
from poise.spec.reading import read_text
from poise.stores.memory import MemoryStore
from poise.table import Column, History, Requests, Table

SHELF = """\
format: 1
system: shelf
purpose: Sort a shelf.
sources:
  seen:
    path: seen.csv
    time: at
    columns: {visit: int, at: time, sku: category, place: int, bought: bool}
  skus: {path: skus.csv, key: sku, columns: {sku: category, price: float, stock: int, margin: float}}
features:
  - columns: {from: skus, take: [price]}
objectives:
  sale: {type: binary, per: seen, label: {take: bought}}
  few: {type: binary, per: seen, features: [skus_price], label: {take: bought}}
decision:
  per: seen
  list: visit
  item: sku
  position: place
  where: skus.stock > 0
  terms: {sales: sale * skus.margin}
  rule: skus_price
"""
TIME = np.array([5, 6, 7], np.int64)
SEEN = Table(
    {
        "visit": Column.numbers([1, 1, 2]),
        "sku": Column.strings(["a", "b", "a"]),
        "place": Column.numbers([1, 2, None]),
        "bought": Column.numbers([1, 0, 0]),
    }
)
SKUS = Table(
    {
        "sku": Column.strings(["a", "b"]),
        "price": Column.numbers([3, 4]),
        "stock": Column.numbers([1, 0]),
        "margin": Column.numbers([0.5, 0.25]),
    }
)


def plan(text: str = SHELF) -> FeaturePlan:
    return FeaturePlan.of(read_text(text), "seen")


def histories(seen: Table = SEEN) -> dict[str, History]:
    early = np.zeros(2, np.int64)
    return {
        "seen": History("seen", "log", TIME, TIME, seen),
        "skus": History("skus", "table", early, early, SKUS, np.array([True, True])),
    }


def test_it_is_a_feature_in_every_selection_and_never_sent():
    whole = plan()
    assert [output.name for output in whole.outputs] == ["skus_price", "seen_place"]
    assert whole.outputs[1].type == "number"
    assert [output.name for output in whole.select(["skus_price"]).outputs] == ["skus_price", "seen_place"]
    assert [output.name for output in whole.select(["seen_place"]).outputs] == ["seen_place"]
    assert whole.request == {"sku": "category"}
    assert whole.reads["seen"] == {"place"}  # which is how training reads it
    bare = SHELF.replace("  - columns: {from: skus, take: [price]}", "  []").replace("features: [skus_price], ", "")
    none = plan(bare.replace("  rule: skus_price\n", ""))
    assert [output.name for output in none.outputs] == ["seen_place"]
    without = plan(SHELF.replace("  position: place\n", ""))
    assert [output.name for output in without.outputs] == ["skus_price"]


def test_past_rows_have_the_logarithm_of_the_logged_place():
    system = read_text(SHELF)
    found = FeaturePlan.of(system, "seen").batch(requests_of(system, "sale", histories()["seen"]), histories())
    assert found["seen_place"].to_list() == [0, 1, None]


def test_places_before_the_first_are_refused():
    system = read_text(SHELF)
    wrong = histories(SEEN.with_columns({"place": Column.numbers([0, 1, 2])}))
    with pytest.raises(DataError, match=r"'place' of 'seen' is 0 in 1 rows, and places are counted from 1") as caught:
        FeaturePlan.of(system, "seen").batch(requests_of(system, "sale", wrong["seen"]), wrong)
    assert "declare min: 1" in str(caught.value) and "derive place: place + 1" in str(caught.value)


def asked(**more: Column) -> Table:
    whole = plan()
    store = MemoryStore()
    store.declare(whole.declarations)
    rows = Table({"sku": Column.strings(["a", "b"]), **more})
    return whole.online(Requests(rows, np.array([9, 9], np.int64)), store)


def test_requests_stand_first_or_where_they_are_put():
    assert asked()["seen_place"].to_list() == [0, 0]
    assert asked(place=Column.numbers([1, 8]))["seen_place"].to_list() == [0, 3]
    assert asked(place=SEEN["place"].take(np.array([0, 2])))["seen_place"].to_list() == [0, None]  # as in batch


def test_what_the_decision_looks_up_is_declared():
    kept = {declaration.source: declaration.columns for declaration in plan().declarations}
    assert kept == {"skus": ("margin", "price", "stock")}


@pytest.mark.parametrize("name", ["place", "seen.place", "seen_place", "visit", "at"])
def test_no_name_leads_to_it(name):
    with pytest.raises(SpecError):
        Scope(read_text(SHELF), "seen").resolve(name)
