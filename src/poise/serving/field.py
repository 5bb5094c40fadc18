"""One field of a request's rows: its type and what is allowed in it, and the check of a whole column at once."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from poise.errors import SpecError
from poise.releases.contract import Input
from poise.serving.body import described
from poise.serving.limits import Limits
from poise.table import MISSING_TIME, Column

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = sys.float_info.max
_NUMBER: frozenset[type] = frozenset({int, float})
_NUMBERS: frozenset[type] = frozenset({int, float, type(None)})
_BOOLS: frozenset[type] = frozenset({bool, type(None)})
_STRINGS: frozenset[type] = frozenset({str, type(None)})


class Unfit(Exception):
    """One value does not fit; `row` is its position, and the field's `allowed` text says what would."""

    def __init__(self, row: int, came: str) -> None:
        self.row = row
        self.came = came
        super().__init__(came)


class Field:
    """One input of the contract. `column` makes a typed column of raw JSON values, or raises `Unfit` for the first bad.

    >>> age = Field(Input("age", "int", min=0.0))
    >>> age.column([30, None], Limits()).to_list(), age.allowed
    ([30.0, None], 'a whole number, at least 0, or null')
    """

    def __init__(self, spec: Input) -> None:
        self.name = spec.name
        self.spec = spec
        self.nullable = spec.nullable or not spec.required  # what may be left out may as well be null
        try:
            self._pattern = None if spec.pattern is None else re.compile(spec.pattern)
        except re.error as error:
            reason = f"the pattern {spec.pattern!r} is not a regular expression: {error}"
            raise SpecError(reason, where=f"{spec.per}.{spec.name}") from None
        self.any_string = spec.values is None and self._pattern is None and spec.type in ("string", "category", "text")
        """Whether all strings are allowed that are not too long."""
        least, most = -math.inf if spec.min is None else spec.min, math.inf if spec.max is None else spec.max
        self._range = (least, most) if spec.type in ("int", "float") and spec.values is None else None
        """Between what all numbers are allowed that are small enough."""
        any_float = spec.type == "float" and self._range == (-math.inf, math.inf)
        self.plain: type | None = float if any_float else str if self.any_string else None
        """Whose values are the column's, as they come; of strings, those that are not too long."""

    @property
    def allowed(self) -> str:
        """What may be sent, in words."""
        spec = self.spec
        kinds = {"int": "a whole number", "float": "a number", "bool": "true or false", "time": "an ISO 8601 time"}
        parts = [kinds.get(spec.type, "a string")]
        parts += [f"at least {spec.min:g}"] if spec.min is not None else []
        parts += [f"at most {spec.max:g}"] if spec.max is not None else []
        if spec.values is not None:
            parts.append(f"one of {', '.join(str(v) for v in spec.values[:20])}{', …' * (len(spec.values) > 20)}")
        parts += [f"matching {spec.pattern}"] if spec.pattern is not None else []
        return ", ".join(parts) + (", or null" if self.nullable else "") + ("" if spec.required else ", or left out")

    def column(self, raw: list[Any], limits: Limits) -> Column:
        """The typed column of `raw` JSON values (None is missing)."""
        if not self.nullable and None in raw:
            raise Unfit(raw.index(None), "null")
        if self.spec.type in ("int", "float", "bool"):
            return self._numbers(raw, limits)
        _of_types(raw, _STRINGS)
        if max(map(len, filter(None, raw)), default=0) > limits.string:
            row = next(i for i, value in enumerate(raw) if value is not None and len(value) > limits.string)
            raise Unfit(row, f"a string of {len(raw[row]):,} characters (at most {limits.string:,})")
        return self._times(raw) if self.spec.type == "time" else self._strings(raw)

    def value(self, value: Any, limits: Limits) -> float | int | str | None:
        """The same of a single value: a float, microseconds or a string, None where it is missing.

        >>> Field(Input("age", "int", min=0.0)).value(30, Limits())
        30.0
        """
        kind = type(value)
        if kind is self.plain and (kind is float or len(value) <= limits.string):
            return value  # type: ignore[no-any-return]
        if kind in _NUMBER and self._range is not None and -limits.digits <= value <= limits.digits:
            least, most = self._range
            if least <= value <= most and (self.spec.type == "float" or value == int(value)):
                return float(value)
        found: float | int | str | None = self.column([value], limits).only
        return found

    def _numbers(self, raw: list[Any], limits: Limits) -> Column:
        _of_types(raw, _BOOLS if self.spec.type == "bool" else _NUMBERS)
        try:
            values = np.array(raw, np.float64)
        except OverflowError:
            row = next(i for i, v in enumerate(raw) if isinstance(v, int) and abs(v) > _LARGEST)
            raise Unfit(row, "a number larger than a 64-bit float can hold") from None
        bad = np.zeros(len(raw), np.bool_)
        if self.spec.min is not None:
            bad |= values < self.spec.min
        if self.spec.max is not None:
            bad |= values > self.spec.max
        if self.spec.type == "int":
            bad |= (np.abs(values) > limits.digits) | ((values != np.floor(values)) & ~np.isnan(values))
        if self.spec.values is not None:
            bad |= ~np.isin(values, np.array(self.spec.values, np.float64)) & ~np.isnan(values)
        if bad.any():
            row = int(bad.argmax())
            raise Unfit(row, described(raw[row]))
        return Column.numbers(values)

    def _strings(self, raw: list[Any]) -> Column:
        column = Column.strings(raw)
        assert column.levels is not None
        if self.spec.values is None and self._pattern is None:
            return column
        for value in column.levels:
            if self.spec.values is not None and value not in self.spec.values:
                raise Unfit(raw.index(value), described(value))
            if self._pattern is not None and self._pattern.fullmatch(value) is None:
                raise Unfit(raw.index(value), described(value))
        return column

    def _times(self, raw: list[Any]) -> Column:
        out = np.full(len(raw), MISSING_TIME, np.int64)
        for row, value in enumerate(raw):
            if value is not None:
                try:
                    out[row] = instant_of(value, self.spec.timezone or "UTC")
                except ValueError as error:
                    raise Unfit(row, f"{described(value)}{error}") from None
        return Column.times(out)


def instant_of(text: str, zone: str) -> int:
    """Microseconds since the epoch of an ISO 8601 time; without an offset it is local time in `zone`.

    Raises `ValueError`, whose text is empty or says why, for what is no time and for local times that do not exist or
    exist twice.

    >>> instant_of("2013-03-01T23:53:20-05:00", "UTC")
    1362200000000000
    >>> instant_of("2013-11-03T01:30", "America/New_York")
    Traceback (most recent call last):
    ValueError:  (exists twice in America/New_York: add the offset)
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("") from None
    if when.tzinfo is None:
        when = _localised(when, zone)
    return (when - _EPOCH) // _MICROSECOND


def _localised(when: datetime, zone: str) -> datetime:
    local = when.replace(tzinfo=ZoneInfo(zone))
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        exists = local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == when
        raise ValueError(f" ({'exists twice' if exists else 'does not exist'} in {zone}: add the offset)")
    return local


def _of_types(raw: Sequence[Any], types: frozenset[type]) -> None:
    if not types.issuperset(map(type, raw)):
        row = next(i for i, value in enumerate(raw) if type(value) not in types)
        raise Unfit(row, described(raw[row]))
