"""Values as a store keeps them: keys as integers, words as their numbers, and the way back to columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.stores.words import Words
from poise.table import MISSING_TIME, Column, Kind

Ints = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]
Codes = tuple[Ints, NDArray[np.bool_]]
"""Integer codes of a key's parts, shape (parts, n), and where a part is missing, shape (n,)."""
MISSING: dict[Kind, Any] = {"number": np.nan, "time": MISSING_TIME, "string": -1}


def encoded(values: NDArray[Any]) -> Codes:
    """Values of one part of a key as integers, shape (n,), and where they are missing.

    >>> encoded(np.array([-0.0, 0.0, np.nan]))[0][:2].tolist()
    [0, 0]
    """
    if values.dtype == np.float64:
        return (values + 0.0).view(np.int64), np.isnan(values)
    if values.dtype == np.int64:
        return values, values == MISSING_TIME
    return values.astype(np.int64), values < 0


def stacked(parts: list[Codes], height: int) -> Codes:
    """Several parts as one key; of no parts, the one key that all rows share."""
    if len(parts) == 1:
        return parts[0][0].reshape(1, height), parts[0][1]
    gone = np.zeros(height, np.bool_)
    for _, missing in parts:
        gone |= missing
    return np.array([codes for codes, _ in parts], np.int64).reshape(len(parts), height), gone


def as_floats(values: NDArray[Any]) -> NDArray[np.float64]:
    """Values as floats, words as their numbers; NaN for missing."""
    if values.dtype == np.float64:
        return values
    return np.where(encoded(values)[1], np.nan, values.astype(np.float64))


def as_column(values: NDArray[Any], words: Words) -> Column:
    """Values as they are kept, as a column."""
    if values.dtype == np.int32:
        return words.column(values)
    return Column("number" if values.dtype == np.float64 else "time", values)


def absent(like: NDArray[Any], height: int) -> NDArray[Any]:
    """Missing values, kept as those of `like` are."""
    kind: Kind = "number" if like.dtype == np.float64 else "time" if like.dtype == np.int64 else "string"
    return np.full(height, MISSING[kind], like.dtype)


def prefixed(name: str, arrays: Arrays) -> Arrays:
    """The arrays with `name.` before their names."""
    return {f"{name}.{key}": array for key, array in arrays.items()}


def part_of(name: str, arrays: Arrays) -> Arrays:
    """The arrays whose names begin with `name.`, without that."""
    return {key.removeprefix(f"{name}."): array for key, array in arrays.items() if key.startswith(f"{name}.")}
