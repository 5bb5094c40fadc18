"""The memory store: the shared suite, and what is its own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from poise.clock import DAY, HOUR
from poise.errors import StateError
from poise.stores import key_slots
from poise.stores.base import JoinedKey, OnlineStore, RowDeclaration, WindowDeclaration
from poise.stores.memory import MemoryStore
from poise.stores.suite import OnlineStoreSuite
from poise.table import Column, History, Same, Table

COUNT = WindowDeclaration("orders", ("user",), HOUR, (7 * DAY,), (("count", None),))


class TestMemoryStore(OnlineStoreSuite):
    def make(self) -> OnlineStore:
        return MemoryStore()


def test_every_store_of_the_package_joins_the_suite():
    stores = {store for store in OnlineStore.__subclasses__() if store.__module__.startswith("poise.")}
    assert stores == {MemoryStore}
    assert len(OnlineStoreSuite.__subclasses__()) == len(stores)


def orders(time, users, **columns):
    time = np.array(time, np.int64)
    return History("orders", "log", time, time, Table({"user": Column.strings(users), **columns}, len(time)))


def count(store, user, time, declaration=COUNT):
    found = store.read(declaration, [Column.strings([user])], np.array([time]))
    return found["count", None, declaration.over[0]].to_list()[0]


def test_a_key_of_ten_kilobytes_and_one_of_any_letters():
    store = MemoryStore()
    store.declare([COUNT])
    keys = ["x" * 10_000, "", "naïve ☃ 鍵", "a\x00b", "\ud800"]
    store.observe(orders(range(5), keys))
    store.advance(DAY)
    assert [count(store, key, DAY) for key in keys] == [1.0] * 5
    assert count(store, "x" * 9_999, DAY) is None


def test_odd_words_survive_a_snapshot(tmp_path):
    store = MemoryStore()
    store.declare([COUNT])
    keys = ["x" * 10_000, "", "naïve ☃ 鍵", "a\x00b", "\ud800"]
    store.observe(orders(range(5), keys))
    store.advance(DAY)
    store.save(tmp_path)
    fresh = MemoryStore()
    fresh.declare([COUNT])
    fresh.load(tmp_path)
    assert [count(fresh, key, DAY) for key in keys] == [1.0] * 5


def test_tiles_that_no_window_reaches_are_given_back():
    store = MemoryStore()
    store.declare([COUNT])
    sizes = []
    for day in range(200):
        store.observe(orders(day * DAY + np.arange(0, DAY, HOUR // 2), ["u"] * 48))
        store.advance((day + 1) * DAY)
        sizes.append(len(store._windows["orders", ("user",)].tiles[COUNT].blocks.tile))
    assert max(sizes[50:]) == max(sizes[:50])
    assert count(store, "u", 200 * DAY) == 7 * 48


def test_a_key_is_known_for_ever():
    store = MemoryStore()
    store.declare([COUNT])
    store.observe(orders([0], ["u"]))
    store.advance(900 * DAY)
    assert count(store, "u", 900 * DAY) == 0.0
    assert count(store, "v", 900 * DAY) is None


def test_more_keys_than_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(key_slots, "MOST_KEYS", 60)
    store = MemoryStore()
    store.declare([COUNT])
    store.observe(orders([0] * 100, [f"u{n}" for n in range(100)]))
    with pytest.raises(StateError, match="its limit"):
        store.advance(1)


JOINED = JoinedKey("shops", "kind", ("shop",), ("shop",))
BY_KIND = WindowDeclaration("orders", (JOINED,), DAY, (30 * DAY,), (("count", None),))


def by_kind(store, kind, time):
    return store.read(BY_KIND, [Column.strings([kind])], np.array([time]))["count", None, 30 * DAY].to_list()[0]


def shop_orders(time, known, shops):
    columns = Table({"shop": Column.strings(shops)})
    return History("orders", "log", np.array(time, np.int64), np.array(known, np.int64), columns)


def changes(time, shops, kinds):
    at = np.array(time, np.int64)
    return History("shops", "history", at, at, Table({"shop": Column.strings(shops), "kind": Column.strings(kinds)}))


def test_an_event_that_comes_an_hour_late_finds_the_key_of_then():
    store = MemoryStore()
    store.declare([BY_KIND])
    store.observe(changes([0, 10 * HOUR], ["s", "s"], ["old", "new"]))
    store.advance(11 * HOUR)
    store.observe(shop_orders([9 * HOUR], [10 * HOUR], ["s"]))
    store.observe(shop_orders([9 * HOUR], [10 * HOUR + 1], ["s"]))
    assert [by_kind(store, kind, 11 * HOUR) for kind in ("old", "new")] == [1.0, 1.0]


def test_a_large_table_that_others_point_to_comes_in_before_time_has_begun():
    store = MemoryStore()
    store.declare([BY_KIND])
    n = 50
    always = np.full(n, np.iinfo(np.int64).min)
    shops = {"shop": Column.strings([f"s{i}" for i in range(n)]), "kind": Column.strings(["k"] * n)}
    for _ in range(2):  # more versions than there is room for
        store.observe(History("shops", "table", always, always, Table(shops), np.ones(n, np.bool_)))
    store.observe(shop_orders([HOUR], [HOUR], ["s49"]))
    store.advance(2 * HOUR)
    assert by_kind(store, "k", 2 * HOUR) == 1.0


def test_an_event_too_late_for_its_joined_key_is_refused_and_memory_of_versions_is_bounded():
    store = MemoryStore()
    store.declare([BY_KIND])
    for hour in range(2000):
        store.observe(changes([hour * HOUR], ["s"], [f"k{hour % 7}"]))
        store.advance(hour * HOUR + 1)
    versions = store._joined["shops", ("shop",), "kind"].versions
    assert len(versions.code) <= 128
    with pytest.raises(StateError, match="came too late"):
        store.observe(shop_orders([0], [HOUR], ["s"]))
    late = (1999 - 20) * HOUR
    store.observe(shop_orders([0], [late + 1], ["s"]))
    assert by_kind(store, f"k{(1999 - 20) % 7}", 2000 * HOUR) is not None


def test_what_waits_keeps_the_versions_that_it_will_ask_for():
    store = MemoryStore()
    store.declare([BY_KIND])
    store.observe(changes([0], ["s"], ["then"]))
    store.observe(shop_orders([90 * DAY], [HOUR], ["s"]))  # announced early: κ long before τ
    for hour in range(1, 500):
        store.observe(changes([hour * HOUR], ["s"], ["later"]))
        store.advance(hour * HOUR + 1)
    store.advance(91 * DAY)
    assert by_kind(store, "then", 91 * DAY) == 1.0


def test_a_snapshot_of_other_features_or_a_newer_format_says_so(tmp_path):
    store = MemoryStore()
    store.declare([COUNT])
    store.save(tmp_path)
    other = MemoryStore()
    other.declare([COUNT, RowDeclaration("users", ("user",), ("city",))])
    with pytest.raises(StateError, match="written for other features"):
        other.load(tmp_path)
    content = json.loads((tmp_path / "snapshot.json").read_text())
    (tmp_path / "snapshot.json").write_text(json.dumps({**content, "now": 5}))
    with pytest.raises(StateError, match=r"snapshot.json is not what was written"):
        store.load(tmp_path)


def test_a_half_written_snapshot_leaves_the_one_before(tmp_path, monkeypatch):
    store = MemoryStore()
    store.declare([COUNT])
    store.observe(orders([0], ["u"]))
    store.advance(DAY)
    store.save(tmp_path)
    store.observe(orders([DAY], ["u"]))
    store.advance(2 * DAY)
    monkeypatch.setattr(json, "dumps", lambda *a, **k: (_ for _ in ()).throw(OSError("no space left on device")))
    with pytest.raises(OSError, match="no space"):
        store.save(tmp_path)
    monkeypatch.undo()
    fresh = MemoryStore()
    fresh.declare([COUNT])
    fresh.load(tmp_path)
    assert count(fresh, "u", 2 * DAY) == 1.0


def test_one_row_is_the_row_among_others_by_keys_of_every_kind():
    """A key of one part or two, of strings, numbers or instants, known or not; columns of every kind, in any order."""
    random = np.random.default_rng(0)
    parts = {
        "word": Column.strings([f"w{i}" for i in range(40)]),
        "number": Column.numbers(np.append(random.normal(size=38), [0.0, -7.5])),
        "instant": Column.times(random.integers(0, 2**40, 40)),
    }
    held = {
        "price": Column.numbers(np.where(random.random(40) < 0.2, np.nan, random.normal(size=40))),
        "since": Column.times([None if i % 7 == 0 else i for i in range(40)]),
        "city": Column.strings([None if i % 5 == 0 else f"c{i % 3}" for i in range(40)]),
        "rank": Column.numbers(np.arange(40.0)),
    }
    time = np.arange(40, dtype=np.int64)
    for key in (("word",), ("number",), ("instant",), ("word", "number"), ("instant", "word")):
        whole = RowDeclaration("shops", key, ("city", "price", "rank", "since"))
        some = RowDeclaration("shops", key, ("since",))
        store = MemoryStore()
        store.declare([some, whole])
        asked = [[*parts[name].to_list(), None, {"word": "?", "number": 9.25, "instant": 3}[name]] for name in key]
        columns = [parts[name].take(np.arange(40)) for name in key]
        for at in (0, DAY):  # before any row has come, and after
            for row in range(len(asked[0])):
                one = [values[row] for values in asked]
                for declaration in (whole, some):
                    read = store.read(declaration, [Same.holding(value) for value in one], np.array([at]))
                    assert list(store.row(declaration, one, at)) == [read[n].only for n in declaration.columns]
            if not at:
                store.observe(
                    History("shops", "table", time, time, Table({**dict(zip(key, columns, strict=True)), **held}))
                )
                store.advance(DAY)
        found = [store.row(whole, [values[row] for values in asked], DAY) for row in range(40)]
        assert list(map(list, zip(*found, strict=True))) == [held[name].to_list() for name in whole.columns]


def test_a_key_of_another_kind_than_the_rows_is_refused_of_one_row_too():
    store = MemoryStore()
    store.declare([RowDeclaration("shops", ("shop",), ("rent",))])
    columns = {"shop": Column.strings(["s"]), "rent": Column.numbers([1.0])}
    store.observe(History("shops", "table", np.zeros(1, np.int64), np.zeros(1, np.int64), Table(columns)))
    store.advance(DAY)
    shops = RowDeclaration("shops", ("shop",), ("rent",))
    with pytest.raises(StateError, match="a request's key came as a number"):
        store.row(shops, [1.0], DAY)
    with pytest.raises(StateError, match="cannot answer as of"):
        store.row(shops, ["s"], 0)


def test_what_waits_shows_at_its_instant_however_often_time_was_asked_for():
    store = MemoryStore()
    store.declare([COUNT])
    store.observe(orders([10, 20], ["u", "u"]))
    seen = []
    for now in (5, 10, 11, 15, 20, 21, 30):
        store.advance(now)
        seen.append(count(store, "u", now))
    assert seen == [None, None, 1.0, 1.0, 1.0, 2.0, 2.0]
    store.observe(orders([25, 40], ["u", "u"]))
    store.advance(35)
    assert count(store, "u", 35) == 3.0
    store.advance(41)
    assert count(store, "u", 41) == 4.0
