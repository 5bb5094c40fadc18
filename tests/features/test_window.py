"""Windows: batch, online replay and the rules read row by row agree on whatever logs hypothesis finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from poise.clock import DAY, HOUR, MINUTE
from poise.features.plan import FeaturePlan
from poise.features.suite import World, replayed
from poise.features.window import Window, WindowSpec
from poise.spec.objective import Objective
from poise.spec.source import Source
from poise.spec.system import FeatureEntry, SystemSpec
from poise.stores.memory import MemoryStore
from poise.stores.suite import expected
from poise.table import Column, History, Requests, Table

STEP = 150_000_000  # half of the smallest tile, so that many rows lie on its edges
ALL = ["count", "sum(value)", "mean(value)", "min(value)", "max(value)", "last(value)", "last(user)", "distinct(user)"]
ENTRIES = [
    {"from": "orders", "by": "shop", "over": ["10min", "30min", "1d"], "take": [*ALL, "distinct(value)", "since_last"]},
    {"from": "orders", "by": ["user", "shops.kind"], "over": ["30min", "15d"], "take": ["count", "sum(value)"]},
    {"from": "orders", "by": {"shop": "seen"}, "over": ["20min"], "take": ["count", "last(value)"]},
    {"from": "orders", "over": ["10min"], "take": ["count", "distinct(shop)"]},
]
SOURCES = {
    "orders": {
        "time": "at",
        "known": "heard",
        "columns": {
            "at": "time",
            "heard": "time",
            "shop": "string",
            "user": "category",
            "value": "float",
        },
    },
    "shops": {
        "key": "shop",
        "time": "since",
        "known": "told",
        "columns": {"shop": "string", "kind": "category", "since": "time", "told": "time"},
    },
    "visits": {
        "id": "visit",
        "time": "asked",
        "columns": {
            "visit": "string",
            "asked": "time",
            "shop": "string",
            "seen": "string",
            "user": "category",
            "came": "bool",
        },
        "request": ["shop", "seen", "user"],
    },
}


def system(entries=ENTRIES, **changes):
    sources = {
        name: Source.model_validate({"path": f"{name}.csv", **spec, **changes.get(name, {})})
        for name, spec in SOURCES.items()
    }
    features = tuple(FeatureEntry(kind="window", spec=WindowSpec.model_validate(entry)) for entry in entries)
    come = Objective.model_validate({"type": "binary", "per": "visits", "label": {"take": "came"}})
    return SystemSpec(
        format=1, system="test", purpose="Test.", sources=sources, features=features, objectives={"come": come}
    )


steps = st.integers(0, 24).map(lambda n: n * STEP)
waits = st.sampled_from([0, 0, 0, 1, STEP, 5 * STEP])
words = st.sampled_from(["a", "b", None])
values = st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1e-300, 1e300, 0.1]))
orders = st.lists(st.tuples(steps, waits, words, words, values), max_size=25)
shops = st.lists(st.tuples(steps, waits, words, words), max_size=8)
visits = st.lists(st.tuples(steps, st.sampled_from([0, 1, 7]), words, words, words), min_size=1, max_size=8)


def history(source, kind, rows, names):
    rows = sorted(rows, key=lambda row: (row[0], row[0] + row[1]))
    time = np.array([row[0] for row in rows], np.int64)
    known = time + np.array([row[1] for row in rows], np.int64)
    columns = {
        name: (Column.numbers if name == "value" else Column.strings)([row[place] for row in rows])
        for place, name in enumerate(names, start=2)
    }
    return History(source, kind, time, known, Table(columns, len(rows)))


def asked(orders, shops, visits, entries=ENTRIES, **changes):
    rows = Table({name: Column.strings([v[n] for v in visits]) for n, name in enumerate(("shop", "seen", "user"), 2)})
    histories = {
        "orders": history("orders", "log", orders, ("shop", "user", "value")),
        "shops": history("shops", "history", shops, ("shop", "kind")),
    }
    time = np.array([v[0] + v[1] for v in visits], np.int64)
    return World(system(entries, **changes), histories, Requests(rows, time))


def key_of(declaration, request, world, T):
    """The request's side of a key, row by row."""
    key = []
    for part in declaration.by:
        name = {"orders": {"seen": "shop"}}.get(part, part)
        if isinstance(part, str):
            key.append(request[name])
        else:
            shops, found = world.histories["shops"], None
            for row in range(shops.height):
                if (
                    shops.rows["shop"].to_list()[row] == request["shop"] is not None
                    and max(shops.time[row], shops.known[row]) < T
                ):
                    found = shops.rows["kind"].to_list()[row]
            key.append(found)
    return key


@settings(max_examples=150, deadline=None)
@given(orders=orders, shops=shops, visits=visits)
@example(  # the shop's kind changes between the τ and the κ of an order: the kind at κ counts
    orders=[(0, 5 * STEP, "a", "a", 1.0)],
    shops=[(-STEP, 0, "a", "a"), (2 * STEP, 0, "a", "b"), (5 * STEP, 0, "a", "a")],
    visits=[(5 * STEP, 1, "a", "a", "a"), (5 * STEP, 0, "a", "a", "a"), (4 * STEP, 0, "a", "a", "a")],
)
def test_batch_and_online_and_the_rules_agree(orders, shops, visits):
    world = asked(orders, shops, visits)
    plan = FeaturePlan.of(world.system, "visits")
    batch = plan.batch(world.requests, world.histories)
    online = replayed(plan, world, MemoryStore())
    magnitude = math.fsum(abs(row[4]) for row in orders if row[4] is not None)
    for number, entry in enumerate(world.system.features):
        window = Window.bind(entry.spec, world.system, "visits")
        names = iter(output.name for output in window.outputs)
        of = {(name, column, w): next(names) for name, column in window.take for w in window.over}
        for row, T in enumerate(world.requests.time.tolist()):
            request = {name: column.to_list()[row] for name, column in world.requests.rows.items()}
            if number == 2:
                request["shop"] = request["seen"]
            for declaration in window.declarations():
                key = key_of(declaration, request, world, T)
                for what, wanted in expected(declaration, world.histories, key, T).items():
                    for found in (batch, online):
                        answer = found[of[what]].to_list()[row]
                        if what[0] in ("sum", "mean") and None not in (answer, wanted):
                            assert math.isclose(answer, wanted, rel_tol=0, abs_tol=1e-9 * magnitude), (
                                what,
                                answer,
                                wanted,
                            )
                        else:
                            assert answer == wanted, (what, key, T, answer, wanted, found is batch)


def test_sums_keep_their_precision_on_long_histories_and_beside_absurd_values():
    random = np.random.default_rng(0)
    size = 50_000
    tau = np.sort(random.integers(0, 300 * DAY, size))
    value = random.normal(size=size)
    value[:100] = 1e30
    rows = Table(
        {
            "shop": Column.coded(np.zeros(size, np.int32), ["a"]),
            "user": Column.absent("string", size),
            "value": Column.numbers(value),
        }
    )
    world = asked(
        [], [], [(0, 0, "a", "a", "a")], [{"from": "orders", "by": "shop", "over": ["1h", "1d"], "take": "sum(value)"}]
    )
    T = np.sort(random.integers(100 * DAY, 300 * DAY, 200))
    requests = Requests(world.requests.rows.take(np.zeros(200, int)), T)
    histories = {**world.histories, "orders": History("orders", "log", tau, tau, rows)}
    plan = FeaturePlan.of(world.system, "visits")
    batch = plan.batch(requests, histories)
    online = replayed(plan, World(world.system, histories, requests), MemoryStore())
    for name, w, tile in (("1h", HOUR, 5 * MINUTE), ("1d", DAY, HOUR)):
        for row, at in enumerate(T.tolist()):
            inside = value[(tau >= (at - w) // tile * tile) & (tau < at)]
            for found in (batch, online):
                got = found[f"orders_sum_value_{name}_by_shop"].values[row]
                assert abs(got - math.fsum(inside)) <= 1e-12 * np.abs(inside).sum()


def test_rows_at_the_very_time_of_a_request_or_later_are_not_seen():
    entry = {"from": "orders", "by": "shop", "over": "30min", "take": ["count", "since_last"]}
    world = asked([(STEP, 0, "a", "a", 1.0), (4 * STEP, 0, "a", "a", 1.0)], [], [(4 * STEP, 0, "a", "a", "a")], [entry])
    batch = FeaturePlan.of(world.system, "visits").batch(world.requests, world.histories)
    assert batch["orders_count_30min_by_shop"].to_list() == [1.0]
    assert batch["orders_since_last_30min_by_shop"].to_list() == [450.0]


def test_a_known_key_without_rows_in_the_window_is_not_an_unknown_one():
    entry = {
        "from": "orders",
        "by": "shop",
        "over": "10min",
        "take": ["count", "sum(value)", "mean(value)", "distinct(user)"],
    }
    world = asked([(0, 0, "a", "a", 1.0)], [], [(20 * STEP, 0, key, None, None) for key in ("a", "b", None)], [entry])
    batch = FeaturePlan.of(world.system, "visits").batch(world.requests, world.histories)
    assert [column.to_list() for column in batch.values()] == [
        [0.0, None, None],
        [0.0, None, None],
        [None, None, None],
        [0.0, None, None],
    ]


def test_names_and_as():
    def names(**entry):
        spec = WindowSpec.model_validate({"from": "orders", "over": "1h", "take": "count", **entry})
        return [output.name for output in Window.bind(spec, system(), "visits").outputs]

    assert names(by="shop") == ["orders_count_1h_by_shop"]
    assert names(by=["user", "shops.kind"], take="mean(value)", over=["24h", "7d"]) == [
        "orders_mean_value_1d_by_user_shops_kind",
        "orders_mean_value_7d_by_user_shops_kind",
    ]
    assert names(by={"shop": "seen"}) == ["orders_count_1h_by_shop_is_seen"]
    assert names() == ["orders_count_1h"]
    assert names(**{"as": "busy"}) == ["busy"]
    assert names(by="shop", over=["1h", "2h"], **{"as": {"orders_count_1h_by_shop": "busy"}}) == [
        "busy",
        "orders_count_2h_by_shop",
    ]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"over": "0h"}, "a window lasts longer than 0"),
        ({"over": "6y"}, "too long to keep"),
        ({"over": ["24h", "1d"]}, "listed twice"),
        ({"over": []}, "at least 1 item"),
        ({"take": ["count", "count"]}, "listed twice"),
        ({"take": "avg(value)"}, "there is no aggregate 'avg'"),
        ({"take": "cuont"}, "did you mean 'count'?"),
        ({"take": "mean"}, "mean of what?"),
        ({"take": "count(value)"}, "takes no column"),
        ({"take": "mean(value) + 1"}, "is not an aggregate"),
        ({"form": "orders"}, "form"),
    ],
)
def test_what_the_record_refuses(entry, said):
    with pytest.raises(ValueError, match=said.replace("?", r"\?").replace("(", r"\(")):
        WindowSpec.model_validate({"from": "orders", "over": "1h", "take": "count", **entry})
