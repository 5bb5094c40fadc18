"""What a window entry is refused for, and in which words."""

from __future__ import annotations

import pytest

from poise.errors import SpecError
from poise.features.window import Window, WindowSpec
from poise.spec.objective import Objective
from poise.spec.source import Source
from poise.spec.system import SystemSpec

SOURCES = {
    "orders": {
        "time": "at",
        "columns": {"at": "time", "shop": "string", "user": "int", "value": "float", "note": "text", "paid": "bool"},
    },
    "shops": {"key": "shop", "time": "since", "columns": {"shop": "string", "kind": "category", "since": "time"}},
    "towns": {"key": "town", "columns": {"town": "string", "size": "int"}},
    "visits": {
        "id": "visit",
        "time": "asked",
        "columns": {
            "visit": "string",
            "asked": "time",
            "shop": "string",
            "seen": "string",
            "came": "bool",
            "user": "string",
        },
        "request": ["shop", "seen", "user"],
    },
    "untimed": {"columns": {"shop": "string", "came": "bool"}, "request": "shop"},
}


def bind(per="visits", pers=("visits",), **entry):
    sources = {name: Source.model_validate({"path": f"{name}.csv", **spec}) for name, spec in SOURCES.items()}
    objectives = {
        f"of_{name}": Objective.model_validate({"type": "binary", "per": name, "label": {"take": "came"}})
        for name in pers
    }
    system = SystemSpec(format=1, system="test", purpose="Test.", sources=sources, objectives=objectives)
    spec = WindowSpec.model_validate({"from": "orders", "by": "shop", "over": "1h", "take": "count", **entry})
    return Window.bind(spec, system, per)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"from": "oders"}, "there is no such source (did you mean 'orders'?)"),
        ({"from": "towns", "by": "town"}, "this table declares no time"),
        ({"take": "mean(valeu)"}, "source 'orders' has no column 'valeu' (did you mean 'value'?)"),
        ({"take": "mean(shop)"}, "mean(shop) needs a number, and 'shop' is a string"),
        ({"take": "last(note)"}, "last(note) needs a number or a category, and 'note' is a text"),
        ({"take": "last(at)"}, "last(at) needs a number or a category, and 'at' is a time"),
        ({"by": "shpo"}, "source 'orders' has no column 'shpo' (did you mean 'shop'?)"),
        ({"by": "value"}, "'visits' has no such column"),
        ({"by": {"value": "shop"}}, "'value' is a float, and a key is one of string, category, int, bool"),
        ({"by": "user"}, "'user' is a int and 'user' of 'visits' a string: they never match"),
        ({"by": {"shop": "came"}}, "'came' of 'visits' is not known to be sent with a request"),
        ({"by": {"shop": "sene"}}, "'visits' has no such column (did you mean 'seen'?)"),
        ({"by": ["shop", "shop"]}, "by names a key twice: shop, shop"),
        ({"by": "shosp.kind"}, "there is no source 'shosp' (did you mean 'shops'?)"),
        ({"by": "shops.kin"}, "source 'shops' has no column 'kin' (did you mean 'kind'?)"),
        ({"by": "visits.shop"}, "'visits' is an event log; only tables and histories have keys"),
        ({"by": "towns.size"}, "needs the key of 'towns' in 'orders', which lacks 'town'"),
        ({"from": "visits", "take": "mean(came)"}, "declare a second source over the same file"),
        ({"from": "visits", "by": {"visit": "shop"}}, "declare a second source over the same file"),
        ({"over": ["1h", "2h"], "as": "busy"}, "as: busy names one output, and there are 2"),
        ({"as": {"orders_count_1h": "busy"}}, "there is no output 'orders_count_1h' (did you mean"),
    ],
)
def test_what_the_cross_checks_refuse(entry, said):
    with pytest.raises(SpecError) as caught:
        bind(**entry)
    assert said in str(caught.value)
    assert str(caught.value).startswith("window over '")


def test_rows_without_time_or_keys_carry_no_window_unless_no_rows_do():
    with pytest.raises(SpecError, match="rows of 'untimed' have no T to look back from"):
        bind(per="untimed", pers=("untimed",))
    assert bind(per="untimed", pers=("untimed", "visits")) is None
    assert bind(per="visits", pers=("untimed", "visits")) is not None


def test_what_a_window_needs():
    window = bind(by=["shops.kind", "shop"], take=["count", "sum(value)"], over=["1h", "7d"])
    assert window.needs.request == {"shop"}
    assert window.needs.sources == {"orders": {"shop", "value"}, "shops": {"shop", "kind"}}
    assert [lookup.name for lookup in window.needs.lookups] == ["shops.kind"]
    assert [(d.tile // 60_000_000, len(d.over)) for d in window.declarations()] == [(5, 1), (60, 1)]


def test_other_rows_of_the_own_source_offer_their_request_columns():
    assert bind(**{"from": "visits", "take": "distinct(seen)"}).outputs[0].name == "visits_distinct_seen_1h_by_shop"
    assert bind(by="visits.shop", **{"from": "visits"}).outputs[0].name == "visits_count_1h_by_shop"
    assert bind(take="last(shop)").outputs[0].type == "category"
    assert bind(take="mean(paid)").outputs[0].origin == "mean(paid) of orders over 1h by shop"
