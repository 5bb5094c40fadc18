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
from poise.table import Column, History, Table

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
