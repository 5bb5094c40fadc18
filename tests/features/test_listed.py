"""What is kept of items changes no answer: lists are made bit for bit as if every candidate had been asked alone."""

import numpy as np
import pytest

from poise.clock import HOUR, MINUTE
from poise.features.candidates import Candidates
from poise.features.list_plan import MOST_FORMS
from poise.features.plan import FeaturePlan
from poise.features.sides import makes
from poise.features.suite import ENTRIES, SPAN, START, world
from poise.one_row import OneRow, RowForm
from poise.stores.memory import MemoryStore
from poise.stores.suite import _chunks
from poise.table import Column, Requests, Table

ITEMS = {"dish": Column.numbers(np.arange(8.0)), "person": Column.strings([f"p{i}" for i in range(11)])}
ENTRIES_OF_LISTS = {
    **ENTRIES,
    "compute": [*ENTRIES["compute"], {"cheap": "dishes.price < 20", "young": "people.age * 2"}],
    "window": [*ENTRIES["window"], {"from": "orders", "over": "1d", "take": ["count"]}],
}
EXTRA = ("dishes.price", "dishes.cuisine", "people.town", "visits.party", "visits.city")


def asked_list(random, item, instant):
    """A request for some items, in any order; the other columns are the same for all or, sometimes, of each."""
    rows = random.permutation(len(ITEMS[item]))[: random.integers(1, len(ITEMS[item]) + 1)]
    n, once = len(rows), set()
    columns = {item: ITEMS[item].take(rows)}
    pools = {
        "person": Column.strings(["p1", "p2", "p3", None, "nobody"]),
        "host": Column.strings(["p4", "p5", None]),
        "dish": Column.numbers([1.0, 2.0, 6.0, None]),
        "city": Column.strings(["City0", "City1", "elsewhere", None]),
        "party": Column.numbers([1.0, 4.0, None]),
        "booked": Column.times([START, START + 30 * HOUR, None]),
    }
    for name, pool in pools.items():
        if name != item:
            is_once = random.random() < 0.7
            columns[name] = pool.take(np.repeat(random.integers(len(pool)), n) if is_once else random.integers(0, 3, n))
            once |= {name} if is_once else set()
    requests = Requests(Table(columns), np.full(n, instant, np.int64))
    return requests, frozenset(once), ITEMS[item].take(rows).to_list()


def as_read(requests, once):
    """The same request with the columns that are the same for all as values, as servers read it."""
    rows = requests.rows
    shared = OneRow(RowForm({name: rows[name].kind for name in once}), [rows[name].to_list()[0] for name in once])
    own = {name: rows[name] for name in rows if name not in once}
    return Requests(Candidates(own, shared, tuple(rows), rows.height), requests.time)


def lists_of(plan, item, most, extra=EXTRA):
    made = plan.lists(item, extra)
    made.most = most
    return made


@pytest.mark.parametrize("item", list(ITEMS))
@pytest.mark.parametrize("seed", range(3))
def test_lists_are_the_same_with_and_without_what_is_kept(item, seed):
    random = np.random.default_rng([seed, len(item)])
    asked = world(random, ENTRIES_OF_LISTS, rows=300)
    plan = FeaturePlan.of(asked.system, "visits", extra=EXTRA)
    store = MemoryStore()
    store.declare(plan.declarations)
    chunks = _chunks(random, asked.histories, 6)
    lists = {most: lists_of(plan, item, most) for most in (0, 3, 12)}
    instants = np.sort(START + random.integers(0, SPAN + 40 * HOUR, 70))
    instants[35:] = np.sort(instants[35] + random.integers(0, HOUR, 35))  # some that follow each other closely
    for instant in instants.tolist():
        store.advance(instant)
        while chunks and random.random() < 0.2:
            rows = chunks.pop()
            if rows.source != "orders" or instant < START + 20 * HOUR:  # later ones' joined keys may not be told
                store.observe(rows)
        requests, once, items = asked_list(random, item, instant)
        whole = plan.online(requests, store, EXTRA)
        for most, made in lists.items():
            found = made.online(as_read(requests, once) if most else requests, once, items, store)
            assert list(found) == list(whole)
            for name, column in whole.items():
                assert same(column, found[name]), (most, name, instant)
                assert same(column.take(np.array([0])), found.take(np.array([0]))[name])
            gone = {name: int(column.missing().sum()) for name, column in whole.items() if column.missing().any()}
            assert found.missing(whole) == gone


def same(a, b):
    """Bit for bit; of a source of which nothing has come a store cannot say what kind of values is missing."""
    if a.kind != b.kind:
        return a.gone() == b.gone() == len(a) == len(b)
    return a.to_list() == b.to_list() if a.kind != "number" else a.values.tobytes() == b.values.tobytes()


def reading(store):
    """How many keys were read of a store, by source."""
    count, read = [], store.read

    def counted(declaration, keys, time):
        count.append((declaration.source, len(time)))
        return read(declaration, keys, time)

    store.read = counted
    return count


def test_only_what_changed_is_read_again():
    random = np.random.default_rng(5)
    asked = world(random, {"columns": ENTRIES["columns"][1:], "window": ENTRIES["window"][:1]})
    plan = FeaturePlan.of(asked.system, "visits")
    store = MemoryStore()
    store.declare(plan.declarations)
    for history in asked.histories.values():
        store.observe(history)
    lists, start = lists_of(plan, "dish", 100, ()), START + SPAN + 100 * HOUR
    start -= start % HOUR
    dishes = ITEMS["dish"].take(np.arange(6))  # all that were ever ordered

    def ask(instant):
        store.advance(instant)
        columns = {"dish": dishes, "person": Column.strings(["p1"] * 6), "host": Column.strings(["p2"] * 6)}
        requests = Requests(Table(columns), np.full(6, instant, np.int64))
        count.clear()
        lists.online(requests, frozenset({"person", "host"}), dishes.to_list(), store)
        return [read for read in count if read[0] in ("dishes", "orders")]

    count = reading(store)
    windows = {("orders", 6)}
    assert set(ask(start + 1)) == {("dishes", 6)} | windows
    assert ask(start + 2) == []
    assert set(ask(start + 5 * MINUTE)) == windows  # the far edge of the window of an hour
    assert ask(start + 5 * MINUTE + 1) == []
    order = asked.histories["orders"]
    row = order.rows.take(np.flatnonzero(order.rows["dish"].values == 3.0)[:1])
    at = np.array([start + 6 * MINUTE], np.int64)
    store.observe(type(order)("orders", "log", at, at, row))
    assert set(ask(start + 7 * MINUTE)) == {("orders", 1)}  # the dish that was ordered
    assert ask(start + 7 * MINUTE + 1) == []


def test_only_so_many_forms_of_requests_are_settled():
    asked = world(np.random.default_rng(1), {"columns": ENTRIES["columns"]})
    plan = FeaturePlan.of(asked.system, "visits")
    lists = lists_of(plan, "dish", 10, ())
    columns, others = frozenset({"person", "host", "dish", "city", "party"}), ["person", "host", "city", "party"]
    forms = [frozenset(others[:n]) for n in range(1, 5)] + [frozenset(others[n:]) for n in range(1, 4)]
    settled = [lists.form(columns, once).sides for once in forms]
    assert len(set(settled)) == MOST_FORMS + 1
    assert settled[-1] is settled[-2] is lists.form(columns, frozenset()).sides
    assert lists.item == {"dishes_price", "dishes_cuisine"}
    sides = settled[1]
    assert {name for step in sides.item for name in makes(step)} == {
        "dishes.price",
        "dishes.cuisine",
        "dishes_price",
        "dishes_cuisine",
    }
    assert sides.of["people_age"] == sides.of["towns.size by people.town"] == "request"
    assert sides.of["visits_city"] == "both"
