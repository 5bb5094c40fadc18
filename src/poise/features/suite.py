"""What every kind of feature must do, as a suite that ships: one definition answers alike in batch and online.

A kind joins in a few lines: write entries over the sources of `world` and assert that `disagreements` finds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from poise import registry
from poise.clock import HOUR
from poise.features.plan import FeaturePlan
from poise.spec.objective import Objective
from poise.spec.source import Source
from poise.spec.system import FeatureEntry, SystemSpec
from poise.stores.base import OnlineStore
from poise.table import Column, History, Kind, Requests, Table

START = 1_700_000_000_000_000  # when the log of `world` starts, microseconds
SPAN = 200 * HOUR

ENTRIES: dict[str, list[Any]] = {
    "columns": [
        {"from": "visits", "take": ["city", "party"]},
        {"from": "people", "take": ["age", "town", "member"]},
        {"from": "people", "take": ["age"], "by": "host"},
        {"from": "dishes", "take": ["price", "cuisine"]},
        {"from": "towns", "take": "size", "by": "people.town"},
    ],
    "window": [
        {"from": "orders", "by": "dish", "over": ["1h", "1d", "7d"], "take": ["count", "sum(paid)", "mean(paid)"]},
        {"from": "orders", "by": "person", "over": ["6h", "3d"], "take": ["min(paid)", "max(paid)", "since_last"]},
        {"from": "orders", "by": ["person", "dish"], "over": "30d", "take": ["count", "last(paid)", "distinct(city)"]},
        {"from": "orders", "by": "dishes.cuisine", "over": "1d", "take": ["count", "mean(paid)"]},
    ],
    "clock": [["hour", "weekday", "day", "month", "year", "minute_of_day", "is_weekend"]],
    "compute": [
        {"gap": "dishes.price - people.age / 10", "big": "party > 3 and not missing(people.age)"},
        {"tripled": "gap * 3", "word": "if(people.member, coalesce(city, 'none'), 'guest')", "late": "hour(booked)"},
    ],
    "function": [
        {"call": "numpy:hypot", "take": ["party", "people.age"], "gives": "length"},
        {"call": "poise.features.suite:initial", "take": ["city"], "gives": {"letter": "category"}},
    ],
}
"""Entries of every built-in kind, over the sources of `world`."""


def initial(words: NDArray[Any]) -> NDArray[Any]:
    """A function of the user's, for the suite: the first letter of each string."""
    return np.array([word[:1] if word else None for word in words], object)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A system, its histories and requests."""

    system: SystemSpec
    histories: Mapping[str, History]
    requests: Requests


def world(random: Generator, entries: Mapping[str, Iterable[Any]], requests: int = 60, rows: int = 200) -> World:
    """A random restaurant: who comes (`people`, a table), what is served (`dishes`, a history, `towns`, a table), what
    was ordered (`orders`, a log) and the tables booked (`visits`, predicted for). Some values are missing, some rows
    became known late, many instants are equal, and some requests stand exactly at them."""
    system = SystemSpec(
        format=1,
        system="suite",
        purpose="Show that both forms of a feature agree.",
        timezone="Europe/Berlin",
        sources=_SOURCES,
        features=tuple(_entry(kind, raw) for kind, many in entries.items() for raw in many),
        objectives={"come": Objective.model_validate({"type": "binary", "per": "visits", "label": {"take": "came"}})},
    )
    histories = {
        "people": _table("people", _people(random, 12), random),
        "towns": _table("towns", _towns(random, 4), random),
        "dishes": _changes("dishes", "history", _dishes(random, 40), random),
        "orders": _changes("orders", "log", _orders(random, rows), random),
    }
    return World(system, histories, _requests(random, requests, histories["orders"]))


def replayed(plan: FeaturePlan, asked: World, store: OnlineStore, extra: Iterable[str] = ()) -> Table:
    """What the online form answers when requests come in the order of their T."""
    store.declare(plan.declarations)
    for history in asked.histories.values():
        store.observe(history)
    order = np.argsort(asked.requests.time, kind="stable")
    instants, starts = np.unique(asked.requests.time[order], return_index=True)
    answers: list[Table] = []
    for instant, rows in zip(instants.tolist(), np.split(order, starts[1:]), strict=True):
        store.advance(instant)
        answers.append(plan.online(asked.requests.take(rows), store, extra))
    lists = {name: [v for answer in answers for v in answer[name].to_list()] for name in answers[0]}
    back = np.argsort(order, kind="stable")
    return Table({name: _column(answers[0][name].kind, values).take(back) for name, values in lists.items()})


def disagreements(batch: Table, online: Table, requests: Requests, scale: float = 1e-9) -> list[str]:
    """One sentence per value in which the two forms differ by more than `scale` of its size (strings: at all)."""
    found = [f"{name} is answered by one form only" for name in sorted(set(batch) ^ set(online))]
    for name in batch:
        if name not in online:
            continue
        for row, (a, b) in enumerate(zip(batch[name].to_list(), online[name].to_list(), strict=True)):
            same = a == b or (isinstance(a, float) and isinstance(b, float) and abs(a - b) <= scale * max(1.0, abs(a)))
            if not same:
                found.append(f"{name} in request {row} at {requests.time[row]}: batch {a!r}, online {b!r}")
    return found


_SOURCES = {
    name: Source.model_validate({"path": f"{name}.parquet", **spec})
    for name, spec in {
        "people": {
            "key": "person",
            "columns": {"person": "string", "town": "category", "age": "float", "member": "bool"},
        },
        "towns": {"key": "town", "columns": {"town": "category", "size": "int"}},
        "dishes": {
            "key": "dish",
            "time": "changed",
            "columns": {"dish": "int", "changed": "time", "price": "float", "cuisine": "category"},
        },
        "orders": {
            "id": "order",
            "time": "ordered",
            "known": "heard",
            "columns": {
                "order": "string",
                "ordered": "time",
                "heard": "time",
                "person": "string",
                "dish": "int",
                "city": "category",
                "paid": "float",
            },
        },
        "visits": {
            "id": "visit",
            "time": "asked",
            "columns": {
                "visit": "string",
                "asked": "time",
                "person": "string",
                "host": "string",
                "dish": "int",
                "city": "category",
                "party": "int",
                "booked": "time",
                "came": "bool",
            },
            "request": ["person", "host", "dish", "city", "party", "booked"],
        },
    }.items()
}


def _column(kind: Kind, values: list[Any]) -> Column:
    if kind == "string":
        return Column.strings(values)
    return Column.numbers(values) if kind == "number" else Column.times(values)


def _entry(kind: str, raw: Any) -> FeatureEntry:
    return FeatureEntry(kind=kind, spec=registry.get("feature", kind).Spec.model_validate(raw))


def _words(random: Generator, prefix: str, many: int, size: int, gone: float = 0.1) -> Column:
    """Strings of a few levels, some of them missing."""
    codes = random.integers(0, many, size)
    codes[random.random(size) < gone] = -1
    return Column.coded(codes, [f"{prefix}{i}" for i in range(many)])


def _numbers(random: Generator, low: int, high: int, size: int, gone: float = 0.1) -> Column:
    values = random.integers(low, high, size).astype(np.float64)
    values[random.random(size) < gone] = np.nan
    return Column.numbers(values)


def _people(random: Generator, size: int) -> dict[str, Column]:
    return {
        "person": _words(random, "p", 8, size, 0),
        "town": _words(random, "t", 5, size),
        "age": _numbers(random, 18, 90, size),
        "member": _numbers(random, 0, 2, size),
    }


def _towns(random: Generator, size: int) -> dict[str, Column]:
    return {"town": _words(random, "t", 5, size, 0), "size": _numbers(random, 1, 9, size)}


def _dishes(random: Generator, size: int) -> dict[str, Column]:
    return {
        "dish": _numbers(random, 0, 6, size, 0),
        "price": _numbers(random, 5, 40, size),
        "cuisine": _words(random, "c", 3, size),
    }


def _orders(random: Generator, size: int) -> dict[str, Column]:
    return {
        "person": _words(random, "p", 9, size),
        "dish": _numbers(random, 0, 6, size, 0),
        "city": _words(random, "City", 4, size),
        "paid": Column.numbers(random.normal(20, 8, size)),
    }


def _times(random: Generator, size: int) -> NDArray[np.int64]:
    """Instants, half of them on full hours, so that many are equal."""
    time = START + random.integers(0, SPAN, size)
    full = random.random(size) < 0.5
    time[full] -= time[full] % HOUR
    return np.sort(time)


def _table(name: str, columns: dict[str, Column], random: Generator) -> History:
    """Versions of a table's rows, in the order in which they were accepted."""
    rows = Table(columns)
    time = _times(random, rows.height)
    key = next(iter(columns.values())).to_list()
    first = np.array([value not in key[:place] for place, value in enumerate(key)], np.bool_)
    return History(name, "table", time, time, rows, first)


def _changes(name: str, kind: Any, columns: dict[str, Column], random: Generator) -> History:
    """Rows with a time, some of which became known late."""
    rows = Table(columns)
    time = _times(random, rows.height)
    late = random.random(rows.height) < 0.2
    known = time + late * random.integers(0, 40 * HOUR, rows.height)
    if name == "dishes":
        known = time
    return History(name, kind, time, known, rows)


def _requests(random: Generator, size: int, orders: History) -> Requests:
    """Requests at any time, a third of them exactly at the time of an order."""
    time = _times(random, size)
    equal = random.random(size) < 0.33
    time[equal] = random.choice(orders.time, int(equal.sum()))
    columns = {
        "person": _words(random, "p", 10, size),
        "host": _words(random, "p", 10, size),
        "dish": _numbers(random, 0, 7, size),
        "city": _words(random, "City", 5, size),
        "party": _numbers(random, 1, 8, size),
        "booked": Column.times(START + random.integers(0, SPAN, size)),
    }
    return Requests(Table(columns), time)
