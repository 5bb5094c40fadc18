"""Strings in arrays: each function works on the distinct values of a dictionary-encoded column, then gathers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.table import Column

_SPELLED = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*", re.ASCII)
_WHOLE = 1e15  # from here on floats are written with an exponent, so that no digit is invented


def over_levels(column: Column, function: Callable[[str], Any], dtype: Any, fill: Any) -> NDArray[Any]:
    """`function` of each string, shape (n,); `fill` where it is missing. Strings that no row has are not asked
    where the dictionary is longer than the column (one request, and all airports)."""
    codes, levels = column.values, column.levels
    assert levels is not None
    if len(levels) > len(codes):
        used = np.unique(codes[codes >= 0])
        levels, codes = levels[used], np.where(codes >= 0, np.searchsorted(used, codes), -1)
    found: NDArray[Any] = np.empty(len(levels) + 1, dtype)
    found[-1] = fill  # what the code -1 gathers
    for place, level in enumerate(levels):
        found[place] = function(level)
    return np.asarray(found[codes])


def _coded(column: Column, function: Callable[[str], str]) -> Column:
    seen: dict[str, int] = {}
    codes = over_levels(column, lambda level: seen.setdefault(function(level), len(seen)), np.int32, -1)
    return Column.coded(codes, list(seen))


def distinct(column: Column) -> Column:
    """The same strings under a dictionary without doubles."""
    return _coded(column, str)


def lower(column: Column) -> Column:
    """In lower case."""
    return _coded(column, str.lower)


def length(column: Column) -> NDArray[np.float64]:
    """Characters."""
    return over_levels(column, len, np.float64, np.nan)


def contains(column: Column, part: str) -> NDArray[np.bool_]:
    """Whether `part` is in it; false for missing."""
    return over_levels(column, lambda level: part in level, np.bool_, False)


def starts_with(column: Column, part: str) -> NDArray[np.bool_]:
    """Whether it begins with `part`; false for missing."""
    return over_levels(column, lambda level: level.startswith(part), np.bool_, False)


def is_in(column: Column, options: frozenset[str]) -> NDArray[np.bool_]:
    """Whether it is one of `options`; false for missing."""
    return over_levels(column, options.__contains__, np.bool_, False)


def equal(left: Column, right: Column) -> NDArray[np.bool_]:
    """Whether two columns hold the same string; false where either is missing."""
    seen: dict[str, int] = {}
    ids = [over_levels(c, lambda level: seen.setdefault(level, len(seen)), np.int64, -1) for c in (left, right)]
    return np.asarray((ids[0] == ids[1]) & (ids[0] >= 0), np.bool_)


def choose(condition: NDArray[np.bool_], left: Column, right: Column) -> Column:
    """`left` where the condition is true, else `right`; its dictionary may hold doubles."""
    assert left.levels is not None and right.levels is not None
    shifted = np.where(right.values >= 0, right.values + len(left.levels), -1)
    return Column.coded(
        np.atleast_1d(np.where(condition, left.values, shifted)), np.concatenate([left.levels, right.levels])
    )


def spelled_number(text: str) -> float:
    """The number that `text` spells in decimal notation; NaN if none, or beyond all floats.

    >>> spelled_number(" 1e3 "), spelled_number("1,000")
    (1000.0, nan)
    """
    match = _SPELLED.fullmatch(text)
    value = float(match[1]) if match else np.nan
    return value if abs(value) != np.inf else np.nan


def number(column: Column) -> NDArray[np.float64]:
    """The numbers that strings spell; missing where they spell none."""
    return over_levels(column, spelled_number, np.float64, np.nan)


def number_text(value: float) -> str:
    """A number as people write it: whole ones without a point.

    >>> number_text(12.0), number_text(0.5), number_text(1e300)
    ('12', '0.5', '1e+300')
    """
    return str(int(value)) if value == int(value) and abs(value) < _WHOLE else repr(float(value))


def text(values: NDArray[np.float64], spell: Callable[[float], str] = number_text) -> Column:
    """Strings of numbers; missing stays missing."""
    values = np.atleast_1d(values)
    known = ~np.isnan(values)
    unique, index = np.unique(values[known], return_inverse=True)
    codes = np.full(len(values), -1, np.int32)
    codes[known] = index
    return Column.coded(codes, [spell(float(value)) for value in unique])


def truth_text(values: NDArray[np.float64]) -> Column:
    """`true` and `false`; missing stays missing."""
    return text(values, lambda value: "true" if value else "false")
