"""One integer code per key, comparable between two tables: how rows of different sources find each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from poise.table import Column

Codes = NDArray[np.int64]
_EXACT = 2.0**53  # whole numbers beyond this are not told apart in float64


def joint_codes(left: Sequence[Column], right: Sequence[Column]) -> tuple[Codes, Codes]:
    """Codes of the keys of two tables, shapes (n,) and (m,): two rows have one code exactly if all parts are equal.

    A key of which any part is missing gets -1. Codes are not negative otherwise and stay below `4 (n + m) + 1024`, so
    that arrays may be indexed by them. The parts of both sides stand in the same order. Raises `ValueError` where two
    parts are of different kinds; callers name the columns.

    >>> a = [Column.strings(["x", "y", None])]
    >>> b = [Column.strings(["y", "z"])]
    >>> joint_codes(a, b)[0].tolist(), joint_codes(a, b)[1].tolist()
    ([0, 1, -1], [1, 2])
    """
    if len(left) != len(right) or not left:
        raise ValueError(f"keys of {len(left)} and {len(right)} parts cannot be compared")
    height = len(left[0]) + len(right[0])
    codes, size = _part(left[0], right[0])
    for a, b in zip(left[1:], right[1:], strict=True):
        more, more_size = _part(a, b)
        if size * more_size >= 2**62:
            codes, size = _dense(codes)
        gone = (codes < 0) | (more < 0)
        codes = codes * more_size + more
        codes[gone] = -1
        size *= more_size
    if size > 4 * height + 1024:
        codes, size = _dense(codes)
    return codes[: len(left[0])], codes[len(left[0]) :]


def _part(left: Column, right: Column) -> tuple[Codes, int]:
    """Codes of one part over both tables, one after the other, and a bound of them."""
    if left.kind != right.kind:
        raise ValueError(f"a {left.kind} cannot be equal to a {right.kind}")
    if left.kind == "string":
        return _strings(left, right)
    values = np.concatenate([left.values, right.values])
    gone = np.concatenate([left.missing(), right.missing()])
    return _numbers(values, gone)


def _strings(left: Column, right: Column) -> tuple[Codes, int]:
    """Codes of the words of both dictionaries, which need not be free of repetitions."""
    number: dict[str, int] = {}
    first = _renumbered(left, number)
    second = first if right is left else _renumbered(right, number)
    return np.concatenate([first, second]), max(len(number), 1)


def _renumbered(column: Column, number: dict[str, int]) -> Codes:
    """Codes of a column under `number`, which grows by the words that it lacks."""
    levels = column.levels if column.levels is not None else ()
    table = np.empty(len(levels) + 1, np.int64)
    table[:-1] = [number.setdefault(word, len(number)) for word in levels]
    table[-1] = -1  # where the code of a missing value, -1, points
    codes: Codes = table[column.values]
    return codes


def _numbers(values: NDArray[np.float64] | Codes, gone: NDArray[np.bool_]) -> tuple[Codes, int]:
    """Whole numbers of a small range are shifted to 0; others are ranked."""
    here = values[~gone]
    if not len(here):
        return np.full(len(values), -1, np.int64), 1
    low, high = here.min(), here.max()
    span = float(high) - float(low)
    if span < 2**31 and max(abs(float(low)), abs(float(high))) < _EXACT and bool((here == np.floor(here)).all()):
        codes = np.full(len(values), -1, np.int64)
        codes[~gone] = (here - low).astype(np.int64)
        return codes, int(span) + 1
    codes = np.full(len(values), -1, np.int64)
    levels, codes[~gone] = np.unique(here, return_inverse=True)
    return codes, len(levels)


def _dense(codes: Codes) -> tuple[Codes, int]:
    """The same codes renumbered without gaps; -1 stays."""
    levels, dense = np.unique(codes, return_inverse=True)
    shift = 1 if len(levels) and levels[0] < 0 else 0
    return dense.astype(np.int64, copy=False) - shift, max(len(levels) - shift, 1)
