"""Times in words, and which columns of a table look like times."""

from __future__ import annotations

import re

import numpy as np

from poise.assessment.case import Case
from poise.clock import DAY, HOUR

TIME_NAME = re.compile(
    r"(^|[\W_])(date|time|day|month|year|week|timestamp|ts|at|when)($|[\W_])|(date|time|year)$", re.I
)
_UNITS = (("year", 365.25 * DAY), ("month", 365.25 / 12 * DAY), ("week", 7 * DAY), ("day", DAY), ("hour", HOUR))


def day_of(instant: int) -> str:
    """The day of an instant, microseconds since 1970.

    >>> day_of(0)
    '1970-01-01'
    """
    return str(np.datetime64(instant, "us").astype("datetime64[D]"))


def span(duration: float) -> str:
    """A duration in microseconds as people would say it.

    >>> span(92 * DAY), span(15 * DAY), span(400 * DAY), span(3 * HOUR)
    ('3 months', '15 days', '13 months', '3 hours')
    """
    for name, size in _UNITS:
        count = round(duration / size)
        if (count >= 2 and not (name == "week" and count < 4)) or name == _UNITS[-1][0]:
            return f"{count} {name}" + ("" if count == 1 else "s")
    return ""


def like_times(case: Case) -> list[str]:
    """Columns that could be the time of a row, the likeliest first: instants, and numbers like years or dates.

    A name alone is not enough: the values must be such.
    """
    instants = [name for name, column in case.columns.items() if column.kind == "time" and name != case.time_name]
    numbers = [name for name, column in case.columns.items() if column.kind == "number" and _dated(case, name)]
    return [*sorted(instants, key=lambda name: not TIME_NAME.search(name)), *numbers]


def _dated(case: Case, name: str) -> bool:
    if name not in case.types or not TIME_NAME.search(name):
        return False
    values = case.table[name].values
    values = values[np.isfinite(values)]
    if len(values) < 2 or (values != np.floor(values)).any():
        return False
    low, high = float(values.min()), float(values.max())
    years, dates, seconds = (1900, 2100), (19_000_101, 21_001_231), (3e8, 4e9)
    spans = [years, dates, seconds, (3e11, 4e12), (3e14, 4e15)]
    return any(from_ <= low and high <= to for from_, to in spans) and low < high
