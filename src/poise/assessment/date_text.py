"""Dates written as text, and what models see of an instant."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.clock import DAY, HOUR
from poise.data.instants import UTC, instants
from poise.table import MISSING_TIME, Column

FORMATS = (
    None,  # ISO 8601
    "%Y-%m-%d %H:%M:%S%.f",
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y",
    "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%B %d, %Y", "%d %B %Y",
    "%m/%d/%y", "%d/%m/%y", "%d.%m.%y",
)  # fmt: skip
SAMPLE = 200
MOST = 0.98
"""A column is dates where so many of its values are."""


def spelt_dates(text: pl.Series) -> tuple[pl.Series, str | None, str | None] | None:
    """The instants of a column of text (UTC microseconds), their format (None: ISO 8601) and what may be doubted;
    None where they are not dates.

    >>> spelt_dates(pl.Series(["31/12/2020", "01/02/2021"]))[1]
    '%d/%m/%Y'
    """
    there = text.drop_nulls()
    some = there.head(SAMPLE)
    if not len(some) or not some.str.contains(r"\d.*[-/.:, ].*\d").all():
        return None
    fitting = [format for format in FORMATS if _read(some, format).count() >= MOST * len(some)]
    found = {format: _read(text, format) for format in fitting}
    fitting = [format for format in fitting if found[format].count() >= MOST * len(there)]
    if not fitting:
        return None
    best = max(fitting, key=lambda one: (found[one].count(), -FORMATS.index(one)))
    others = [f for f in fitting if f != best and f and best and f[:2] != best[:2] and found[f].count() == len(there)]
    doubt = f"read as {best}; it could as well be {others[0]}" if others else None
    return found[best], best, doubt


def _read(text: pl.Series, format: str | None) -> pl.Series:
    value, _ = instants(pl.col("x"), pl.String(), format, "UTC")
    assert value is not None
    return pl.DataFrame({"x": text}).select(value.alias("x"))["x"].cast(UTC)


def parts_of(name: str, instant: NDArray[np.int64], asked: NDArray[np.int64] | None) -> dict[str, Column]:
    """What models see of an instant, (n,) microseconds: its month, weekday and hour where they differ, and its age.

    asked: the time of each row; then the age is the days between both, else the days since 1970.
    """
    gone = instant == MISSING_TIME
    usable = np.where(gone, 0, instant)
    days = usable // DAY
    months = usable.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    found = {"month": months, "weekday": (days + 3) % 7 + 1, "hour": (usable % DAY) // HOUR}
    if asked is None:
        found["days since 1970"] = usable / DAY
    else:
        gone_age = asked == MISSING_TIME
        found["days before"] = np.where(gone_age, np.nan, (np.where(gone_age, 0, asked) - usable) / DAY)
    out = {}
    for part, values in found.items():
        number = np.where(gone, np.nan, values.astype(np.float64))
        there = number[np.isfinite(number)]
        if len(there) and there.min() != there.max():
            out[f"{name}: {part}"] = Column.numbers(number)
    return out
