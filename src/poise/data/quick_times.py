"""Times in their common spelling, parsed from many strings at once: `2025-03-01T09:30:00`, with a fraction of up to six
digits, `Z` or an offset such as `+08:00`, and a blank in place of `T`.

What is spelt otherwise is left to `poise.data.instants`, whose word is final; what is spelt so means the same to both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled, compiled_part
from poise.spec.zones import instant_of
from poise.table import MISSING_TIME

Instants = NDArray[np.int64]
RULES_END = 2_114_380_800_000_000
"""2037: later local times mean what the zone's rules of today go on to say, which not every library goes on to read."""


def instants_of(values: Sequence[str | None], zone: str) -> tuple[Instants, NDArray[np.bool_]]:
    """Microseconds since the epoch, and where the spelling is a common one, both shape (n,).

    Missing values are missing, and common. Naive times stand in `zone`; those that its clocks skip or show twice, and
    those before 1970 or from 2037 on, are not common.

    >>> times, sure = instants_of(["1970-01-01T00:00:01+00:00", "1 Jan 1970", None], "UTC")
    >>> times[:1].tolist(), sure.tolist()
    ([1000000], [True, False, True])
    """
    text = "\n".join(["" if value is None else value for value in values])
    missing = None in values
    gone = np.array([value is None for value in values]) if missing else np.zeros(len(values), np.bool_)
    if not text.isascii() or text.count("\n") != len(values) - 1:
        values = [value if value is None or (value.isascii() and "\n" not in value) else "?" for value in values]
        text = "\n".join(["" if value is None else value for value in values])
    times, kind = _parsed(np.frombuffer(text.encode(), np.uint8), len(values))
    sure = (kind > 0) | gone
    if zone != "UTC" and (kind == 2).any():
        naive = kind == 2
        local = times[naive]
        times[naive] = np.where((local >= 0) & (local < RULES_END), instant_of(zone, local), MISSING_TIME)
        sure &= ~naive | (times != MISSING_TIME)
    times[~sure | gone] = MISSING_TIME
    return times, sure


@compiled_part
def _number(text, start, digits):  # type: ignore[no-untyped-def]
    """The number that so many digits spell, or a negative one where another character stands there."""
    value = 0
    for at in range(start, start + digits):
        if text[at] < 48 or text[at] > 57:
            return -1_000_000
        value = value * 10 + text[at] - 48
    return value


@compiled_part
def _days(year, month, day):  # type: ignore[no-untyped-def]
    """Days since the epoch of a date; H. Hinnant, chrono-compatible low-level date algorithms."""
    year -= month <= 2
    era = year // 400
    of_era = year - 400 * era
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@compiled_part
def _length(year, month):  # type: ignore[no-untyped-def]
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@compiled
def _parsed(text, count):  # type: ignore[no-untyped-def]
    """The instant of each line of `text`; 1 where it has an offset, 2 where it is naive, 0 where it is not common."""
    times, kind = np.zeros(count, np.int64), np.zeros(count, np.int8)
    start = 0
    for row in range(count):
        end = start
        while end < len(text) and text[end] != 10:
            end += 1
        if end - start >= 19:
            times[row], kind[row] = _instant(text, start, end)
        start = end + 1
    return times, kind


@compiled_part
def _instant(text, at, end):  # type: ignore[no-untyped-def]
    year, month, day = _number(text, at, 4), _number(text, at + 5, 2), _number(text, at + 8, 2)
    hour, minute, second = _number(text, at + 11, 2), _number(text, at + 14, 2), _number(text, at + 17, 2)
    joined = (text[at + 10] == 84 or text[at + 10] == 32) and text[at + 4] == 45 and text[at + 7] == 45
    if not joined or text[at + 13] != 58 or text[at + 16] != 58:
        return 0, 0
    if year < 1900 or year > 2199 or month < 1 or month > 12 or day < 1 or day > _length(year, month):
        return 0, 0
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return 0, 0
    time = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    micro, at = 0, at + 19
    if at < end and text[at] == 46:
        digits, at = 0, at + 1
        while at < end and 48 <= text[at] <= 57:
            micro, digits, at = micro * 10 + text[at] - 48, digits + 1, at + 1
            if digits > 6:
                return 0, 0
        if digits == 0:
            return 0, 0
        micro *= 10 ** (6 - digits)
    if at == end:
        return time * 1_000_000 + micro, 2
    if at + 1 == end and text[at] == 90:
        return time * 1_000_000 + micro, 1
    if at + 6 != end or (text[at] != 43 and text[at] != 45) or text[at + 3] != 58:
        return 0, 0
    hours, minutes = _number(text, at + 1, 2), _number(text, at + 4, 2)
    if hours < 0 or hours > 14 or minutes < 0 or minutes > 59:
        return 0, 0
    offset = (hours * 60 + minutes) * 60
    return (time - offset if text[at] == 43 else time + offset) * 1_000_000 + micro, 1
