"""A list that its rule can sort starts without a log: event logs may be absent or empty, and nothing else may."""

from __future__ import annotations

from typing import Any

import pytest

from poise.errors import DataError
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec

TEXT = """
format: 1
system: shop
purpose: Show what people will order.
sources:
  offers: {path: offers.csv, key: offer, columns: {offer: string, price: float}}
  shown:
    path: shown/*.csv
    id: id
    time: at
    columns: {id: string, page: string, offer: string, at: time, size: {type: int, min: 0}, new: bool}
    derive: {late: at + 1h}
  orders: {path: orders.csv, id: id, time: at, columns: {id: string, at: time, value: float}}
objectives:
  order: {type: binary, per: shown, label: {from: orders, match: id, within: 1h}}
decision: {per: shown, list: page, item: offer, terms: {orders: order}, rule: -offers.price}
"""
SHOWN = "id,page,offer,at,size,new\ns1,p1,a,2025-01-01T00:00:00Z,3,true\n"


def system(text: str = TEXT) -> SystemSpec:
    return read_text(text)


def test_absent_and_empty_logs_are_empty_tables(bench: Any) -> None:
    bench.write("offers.csv", "offer,price\na,1\n")
    bench.write("orders.csv", "id,at,value\n")
    report = bench.take(system())
    assert [one.counts.rows_in for one in report.sources] == [1, 0, 0]
    assert "no file matches shown/*.csv" in report["shown"].warnings[0]
    assert report["shown"].warnings[0].endswith("taken as empty until there is one")
    assert report["orders"].warnings == ["orders.csv has no rows yet"]
    assert bench.lake.versions() == {"offers": 0, "orders": 0, "shown": 0}
    history = bench.lake.history(system(), "shown")
    assert history.height == 0 and set(history.rows) == {"id", "page", "offer", "at", "size", "new", "late"}
    assert {history.rows[name].kind for name in ("at", "late")} == {"time"}
    assert bench.lake.watermark(system(), "shown") is None
    again = bench.take(system())
    assert again.versions == report.versions, "taking in nothing again changes nothing"


def test_rows_that_come_later_fit_the_empty_table(bench: Any) -> None:
    bench.write("offers.csv", "offer,price\na,1\n")
    bench.take(system())
    bench.write("shown/1.csv", SHOWN)
    report = bench.take(system())
    assert (report["shown"].counts.accepted, report["shown"].version) == (1, 1)
    assert not report["shown"].warnings
    frame = bench.lake.read("shown")
    assert frame["size"].to_list() == [3] and frame["new"].to_list() == [True]


def test_a_log_that_had_rows_may_not_vanish(bench: Any) -> None:
    bench.write("offers.csv", "offer,price\na,1\n")
    file = bench.write("shown/1.csv", SHOWN)
    bench.take(system())
    file.unlink()
    with pytest.raises(DataError, match=r"no file matches shown/\*\.csv"):
        bench.take(system())


def test_tables_and_systems_that_need_data_may_not_be_absent(bench: Any) -> None:
    bench.write("shown/1.csv", SHOWN)
    with pytest.raises(DataError, match=r"there is no file offers\.csv"):
        bench.take(system())
    bench.write("offers.csv", "offer,price\na,1\n")
    with pytest.raises(DataError, match=r"there is no file orders\.csv"):
        bench.take(system(TEXT.replace(", rule: -offers.price", "")))
