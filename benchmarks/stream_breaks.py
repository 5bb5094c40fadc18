"""What goes wrong in streams, done to the rows of one week, and by what it may be found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

Week = dict[str, pl.DataFrame]
Spoil = Callable[[Week, int], Week]
"""The rows of a week by source, and how many weeks it has been so -> what comes in instead."""


@dataclass(frozen=True)
class Break:
    """What is done to each week from the break on."""

    name: str
    spoil: Spoil


def column(source: str, name: str, made: Callable[[pl.Expr], pl.Expr]) -> Spoil:
    """One column is another."""
    return lambda week, _: {**week, source: week[source].with_columns(made(pl.col(name)).alias(name))}


def scaled(source: str, name: str, factor: float, shift: float = 0.0) -> Spoil:
    """Another unit."""
    return column(source, name, lambda one: one * factor + shift)


def renamed(source: str, name: str, old: str, new: str) -> Spoil:
    """A category goes by another name."""
    return column(source, name, lambda one: pl.when(one == old).then(pl.lit(new)).otherwise(one))


def nulls(source: str, name: str, share: float) -> Spoil:
    """A share of the values is missing."""

    def spoil(week: Week, at: int) -> Week:
        gone = pl.Series(np.random.default_rng(at).random(week[source].height) < share)
        return {**week, source: week[source].with_columns(pl.when(gone).then(None).otherwise(pl.col(name)).alias(name))}

    return spoil


def stuck(source: str, name: str, value: float) -> Spoil:
    """A sensor that says the same whatever happens."""
    return column(source, name, lambda one: pl.lit(value, pl.Float64))


def stopped(source: str) -> Spoil:
    """Nothing comes of a source."""
    return lambda week, _: {**week, source: week[source].clear()}


def late(source: str, by: int) -> Spoil:
    """What comes of a source comes so many weeks later: within them, nothing."""
    return lambda week, at: {**week, source: week[source].clear()} if at < by else week


def shifted(source: str, hours: int) -> Spoil:
    """Times are of another zone."""
    return lambda week, _: {**week, source: week[source].with_columns(pl.col("at") + pl.duration(hours=hours))}


def doubled(source: str) -> Spoil:
    """Every row comes twice, under another id."""

    def spoil(week: Week, _: int) -> Week:
        again = week[source].with_columns(pl.concat_str(pl.col("id"), pl.lit("-again")).alias("id"))
        return {**week, source: pl.concat([week[source], again])}

    return spoil


def swapped(source: str, one: str, other: str) -> Spoil:
    """Two columns are exchanged."""
    change = [pl.col(one).alias(other), pl.col(other).alias(one)]
    return lambda week, _: {**week, source: week[source].with_columns(change)}


BREAKS: Mapping[str, tuple[Break, ...]] = {
    "weather": (
        Break("humid stuck at 60", stuck("asked", "humid", 60.0)),
        Break("temp: Fahrenheit to Celsius", scaled("asked", "temp", 5 / 9, -160 / 9)),
        Break("wind_speed: mph to knots", scaled("asked", "wind_speed", 0.868976)),
        Break("pressure stuck at 1017", stuck("asked", "pressure", 1017.0)),
        Break("humid: 10 % missing", nulls("asked", "humid", 0.1)),
        Break("temp and dewp swapped", swapped("asked", "temp", "dewp")),
        Break("gauge stops", stopped("gauge")),
        Break("asked an hour off", shifted("asked", 1)),
        Break("every row twice", doubled("asked")),
        Break("precip always 0", column("gauge", "precip", lambda one: one * 0)),
    ),
    "bikes": (
        Break("temp: 0..1 to percent", scaled("weather", "temp", 100)),
        Break("windspeed in another unit (x 1.6)", scaled("weather", "windspeed", 1.609344)),
        Break("weathersit: 'clear' is 'fair'", renamed("weather", "weathersit", "clear", "fair")),
        Break("hum: 20 % missing", nulls("weather", "hum", 0.2)),
        Break("hum stuck at 0.62", stuck("weather", "hum", 0.62)),
        Break("weather stops", stopped("weather")),
        Break("rents come 3 weeks late", late("rents", 3)),
        Break("asked an hour off", shifted("asked", 1)),
        Break("every row twice", doubled("asked")),
        Break("temp and windspeed swapped", swapped("weather", "temp", "windspeed")),
        Break("the place is 'dc': nothing is joined", column("weather", "place", lambda _: pl.lit("dc"))),
        Break("rents in tens", scaled("rents", "bikers", 0.1)),
    ),
    "electricity": (
        Break("temperature: Celsius to Fahrenheit", scaled("asked", "temperature", 1.8, 32)),
        Break("temperature: 10 % missing", nulls("asked", "temperature", 0.1)),
        Break("temperature stuck at 12", stuck("asked", "temperature", 12.0)),
        Break("workday always false", column("asked", "workday", lambda _: pl.lit(False))),
        Break("meter stops", stopped("meter")),
        Break("meter comes 3 weeks late", late("meter", 3)),
        Break("asked an hour off", shifted("asked", 1)),
        Break("demand in MW", scaled("meter", "demand", 1000)),
        Break("every row twice", doubled("asked")),
    ),
    "stops": (
        Break("race: 'White' is 'Caucasian'", renamed("asked", "race", "White", "Caucasian")),
        Break("neighborhood: 'Downtown West' is 'DW'", renamed("asked", "neighborhood", "Downtown West", "DW")),
        Break("gender: 5 % missing", nulls("asked", "gender", 0.05)),
        Break("lat stuck", stuck("asked", "lat", 44.98)),
        Break("reports stop", stopped("reports")),
        Break("reports come 3 weeks late", late("reports", 3)),
        Break("asked an hour off", shifted("asked", 1)),
        Break("lat and long swapped", swapped("asked", "lat", "long")),
        Break("race and gender swapped", swapped("asked", "race", "gender")),
        Break("every row twice", doubled("asked")),
        Break(
            "precinct 1 comes no more",
            lambda week, _: {**week, "asked": week["asked"].filter(pl.col("precinct") != "1")},
        ),
    ),
    "flights": (
        Break("distance: miles to kilometres", scaled("asked", "distance", 1.609344)),
        Break("origin: 'ORD' is 'CHI'", renamed("asked", "origin", "ORD", "CHI")),
        Break("distance: 3 % missing", nulls("asked", "distance", 0.03)),
        Break("distance stuck at 733", stuck("asked", "distance", 733.0)),
        Break("landed stops", stopped("landed")),
        Break("landed comes 3 weeks late", late("landed", 3)),
        Break("asked an hour off", shifted("asked", 1)),
        Break("origin and destination swapped", swapped("asked", "origin", "destination")),
        Break("every row twice", doubled("asked")),
        Break(
            "origin in small letters: nothing is joined", column("asked", "origin", lambda one: one.str.to_lowercase())
        ),
        Break("delay in seconds", scaled("landed", "delay", 60)),
    ),
}
