"""One plain sentence for the person who was decided about: what was decided, what counted most, what was near."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from poise.models.reference import Levels, Numbers
from poise.serving.explain_change import Change
from poise.table import Table

_WINDOW = re.compile(r"(\w+)(?:\((\w+)\))? of (\w+) over (\w+) by (.+)")
_COLUMN = re.compile(r"(\w+)\.(\w+)")
_CLOCK = re.compile(r"\w+ in \S+")
MOST_NAMED = 3
"""So many inputs are named in a sentence."""
LEAST_SHARE = 0.1
"""An input that contributes less than this share of the largest one is not named."""


def reasons(
    contributions: Mapping[str, float],
    row: Table,
    observed: Mapping[str, Numbers | Levels],
    called: Mapping[str, str],
    *,
    up: bool = True,
) -> str:
    """The inputs that moved a number most in one direction, with their values: `distance is 0.3 (usually 2.1)`.

    contributions: input -> what it adds; row: the features, one row; called: what people call an input. Empty
    where nothing moved it that way.
    """
    sign = 1.0 if up else -1.0
    moved = sorted(((sign * value, name) for name, value in contributions.items() if sign * value > 0), reverse=True)
    named = [name for value, name in moved[:MOST_NAMED] if value >= LEAST_SHARE * moved[0][0]]
    return listed([_with_value(name, row, observed, called) for name in named])


def _with_value(name: str, row: Table, observed: Mapping[str, Numbers | Levels], called: Mapping[str, str]) -> str:
    if name not in row:
        return f"{plain(name)} together" if " + " in name else plain(name)
    spoken = called.get(name, plain(name))
    column = row[name]
    (value,) = column.to_list()
    if value is None:
        return f"{spoken} is not known"
    usual = observed.get(name)
    if column.kind != "number" or not isinstance(usual, Numbers):
        return f"{spoken} is {number(value)}"
    return f"{spoken} is {number(value)} (usually {number(usual.middle)})"


def changed(change: Change, called: Mapping[str, str]) -> str:
    """A change as the condition of a sentence: `if distance had been 2.1 instead of 0.3`."""
    came = "missing" if change.came is None else number(change.came)
    return f"if {called.get(change.input, plain(change.input))} had been {number(change.becomes)} instead of {came}"


def spoken(name: str, origin: str, per: str) -> str:
    """What people call a feature of the rows of `per`, by where it comes from.

    >>> spoken("orders_mean_value_7d_by_shop", "mean(value) of orders over 7d by shop, users_city", "shown")
    'mean value of orders over 7d by shop and users city'
    >>> spoken("users_city", "users.city", "shown"), spoken("shown_x", "shown.x", "shown")
    ('city of users', 'x')
    >>> spoken("clock_hour", "hour in Asia/Singapore", "shown"), spoken("gap", "= a - b", "shown")
    ('hour', 'gap')
    """
    if window := _WINDOW.fullmatch(origin):
        what, of, source, over, by = window.groups()
        keys = listed([plain(key) for key in by.split(", ")])
        return plain(f"{what} {of} of {source}" if of else f"{what} of {source}") + f" over {over} by {keys}"
    if column := _COLUMN.fullmatch(origin):
        return plain(column[2] if column[1] == per else f"{column[2]} of {column[1]}")
    return origin.partition(" in ")[0] if _CLOCK.fullmatch(origin) else plain(name)


def listed(parts: list[str]) -> str:
    """Parts as one enumeration.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def plain(name: str) -> str:
    """A name of the file as words.

    >>> plain("orders_count_7d_by_shop")
    'orders count 7d by shop'
    """
    return name.replace("_", " ").replace(" + ", " and ")


def number(value: Any) -> str:
    """A value for readers: about three digits of a number, at most 60 characters of a text.

    >>> number(0.123456), number(1234567.0), number(999.7), number(3.0), number("a")
    ('0.123', '1,234,567', '1,000', '3', 'a')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value)
        return text if len(text) <= 60 else f"{text[:59]}…"
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 999.5 or value == int(value):  # from there on three digits would be 1e+03
        return f"{round(value):,}"
    return f"{value:.3g}"


def sentence(*parts: str) -> str:
    """Parts that are not empty, as sentences."""
    said = [part[0].upper() + part[1:] for part in parts if part]
    return " ".join(part if part.endswith(".") else f"{part}." for part in said)
