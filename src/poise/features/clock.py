"""`clock`: what a calendar and a clock on the wall say at a request's T, in the system's time zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from poise.clock import DAY, HOUR, MINUTE, SECOND
from poise.errors import SpecError, did_you_mean
from poise.features.base import Feature, Needs, Output
from poise.features.naming import renamed
from poise.features.rows import NotCarried, carried, is_timed
from poise.spec.record import Record
from poise.spec.source import Names
from poise.spec.system import SystemSpec
from poise.spec.zones import is_zone, offsets, zone_names
from poise.stores.base import OnlineStore
from poise.table import MISSING_TIME, Column, History, Requests, Same

Local = NDArray[np.int64]


def _units(local: Local, unit: str) -> NDArray[np.int64]:
    """Whole units since the epoch."""
    return local.astype("M8[us]").astype(f"M8[{unit}]").astype(np.int64)


def _day_in(local: Local, unit: str) -> NDArray[np.int64]:
    """The day within its month (M) or year (Y), from 1."""
    first = local.astype("M8[us]").astype(f"M8[{unit}]").astype("M8[D]").astype(np.int64)
    return _units(local, "D") - first + 1


def _weekday(local: Local) -> NDArray[np.int64]:
    """0 for Monday; the epoch was a Thursday."""
    return (local // DAY + 3) % 7


PARTS: dict[str, Callable[[Local], NDArray[Any]]] = {
    "hour": lambda local: local % DAY // HOUR,
    "minute_of_day": lambda local: local % DAY // MINUTE,
    "weekday": _weekday,
    "is_weekend": lambda local: _weekday(local) >= 5,
    "day": lambda local: _day_in(local, "M"),
    "day_of_year": lambda local: _day_in(local, "Y"),
    "month": lambda local: _units(local, "M") % 12 + 1,
    "year": lambda local: _units(local, "Y") + 1970,
}
"""Each part of a naive local time (microseconds): hour 0-23, minute_of_day 0-1439, weekday 0 (Monday) to 6,
is_weekend 0 or 1 (Saturday and Sunday), day 1-31, day_of_year 1-366, month 1-12, year."""


class ClockSpec(Record):
    """`clock: [hour, weekday]`, or `clock: {take: [hour], timezone: Asia/Singapore, as: {hour: hour_there}}`."""

    take: Names
    """Of hour, minute_of_day, weekday, is_weekend, day, day_of_year, month, year."""
    timezone: str | None = None
    """An IANA zone; default the system's."""
    as_: str | dict[str, str] | None = Field(None, alias="as")
    """Names: one for a single part, else {part: name}; default `clock_hour`."""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """`[hour, weekday]` as people write it."""
        return {"take": value} if isinstance(value, str | list | tuple) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Both ways to write it."""
        parts = {"enum": list(PARTS)}
        return {"anyOf": [parts, {"type": "array", "items": parts}, handler(schema)]}


class ClockParts(Feature):
    """Parts of T on a wall clock, as numbers."""

    Spec = ClockSpec

    def __init__(self, names: Mapping[str, str], zone: str) -> None:
        self._parts = {name: PARTS[part] for part, name in names.items()}
        self._taken = tuple(names)
        self._zone = zone
        self.outputs = tuple(Output(name, "number", f"{part} in {zone}") for part, name in names.items())
        self.needs = Needs()

    @classmethod
    def bind(cls, spec: ClockSpec, system: SystemSpec, per: str) -> Self | None:
        """Raises `SpecError` for an unknown part or zone; rows without a T cannot carry it."""
        for part in spec.take:
            if part not in PARTS:
                raise SpecError(f"a clock has no '{part}'", hint=did_you_mean(part, PARTS))
        zone = spec.timezone or system.timezone
        if not is_zone(zone):
            raise SpecError(f"there is no time zone '{zone}'", hint=did_you_mean(zone, zone_names()))
        names = renamed({part: f"clock_{part}" for part in spec.take}, spec.as_)
        return carried(lambda name: cls._in(names, zone, system, name), system, per)

    @classmethod
    def _in(cls, names: Mapping[str, str], zone: str, system: SystemSpec, per: str) -> Self:
        if not is_timed(system, per):
            raise NotCarried(f"the rows of '{per}' have no time; declare time: in the source or at: in the objective")
        return cls(names, zone)

    def batch(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> dict[str, Column]:
        """The parts of each T."""
        return self._of(requests.time)

    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """The parts of T, which requests that are answered together share."""
        time = requests.time
        if len(time) == 1 or (len(time) > 1 and bool((time == time[0]).all())):
            found = _at(self._zone, self._taken, _second(int(time[0])))
            return {name: Same("number", value, len(time)) for name, value in zip(self._parts, found, strict=True)}
        return self._of(time)

    def _of(self, time: NDArray[np.int64]) -> dict[str, Column]:
        local = time + offsets(self._zone, time)
        return {name: Column("number", part(local).astype(np.float64)) for name, part in self._parts.items()}


def _second(instant: int) -> int:
    """The whole second at or before an instant: zones change their offsets, and so all parts, at whole seconds only."""
    return instant if instant == MISSING_TIME else instant - instant % SECOND


@lru_cache(maxsize=256)
def _at(zone: str, parts: tuple[str, ...], instant: int) -> tuple[float, ...]:
    """The parts of one instant. Requests come many to the second."""
    time = np.array([instant], np.int64)
    local = time + offsets(zone, time)
    return tuple(float(PARTS[part](local)[0]) for part in parts)
