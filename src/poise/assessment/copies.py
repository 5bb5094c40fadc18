"""Copies: rows that stand in a table more than once. Learned from and judged on, they would pass for foresight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.releases.twins import row_hashes
from poise.table import Table

SHARE = 0.01
"""Fewer copies than this share of the rows move no figure."""
TELLING = 0.9
"""A column tells rows apart where it has so many different values per different row. Rows without such a column repeat
by chance: they are what often happens, not copies."""
NEARLY, RARER, TRIED = 0.05, 4.0, 10
"""Where no single column tells rows apart, columns together may: rows that repeat by chance nearly repeat much more
often, alike in all columns but one. Copies do where so few do, and so many times fewer than repeat whole; tried for the
columns of the most different values, which tell the most."""


def copies_of(inputs: Table, target: NDArray[Any]) -> tuple[NDArray[np.int64] | None, str | None]:
    """A number that copies of one row share, (n,), and a sentence; None where rows are not copied.

    Rows are copies where every input is the same although some column hardly ever repeats otherwise, or hardly any
    rows are alike in all columns but one.
    """
    n = inputs.height
    if not n or not len(inputs):
        return None, None
    hashes = row_hashes(inputs)
    rows, first, codes = np.unique(hashes, return_index=True, return_inverse=True)
    if n - len(rows) < max(SHARE * n, 2):
        return None, None
    numbers = [column.values for column in inputs.values() if column.kind == "number"]
    telling = [values for values in numbers if _different(values[first]) >= TELLING * len(rows)]
    if telling:
        nothing = ~np.any([np.isfinite(values) for values in telling], axis=0)
        codes = np.where(nothing, len(rows) + np.arange(n), codes)  # rows are not alike for what they all lack
    elif nearly_alike(inputs.take(first)) > min(NEARLY, (1 - len(rows) / n) / RARER):
        return None, None
    copied = n - len(np.unique(codes))
    if copied < max(SHARE * n, 2):
        return None, None
    said = f"{copied:,} of {n:,} rows are copies of others; copies are kept on one side of every comparison"
    return codes.astype(np.int64), said


def nearly_alike(rows: Table) -> float:
    """The share of different `rows` that are alike in all columns but one, for the column for which it is largest."""
    if len(rows) < 2:
        return 1.0
    columns = sorted(rows, key=lambda name: -len(np.unique(rows[name].values)))
    left = ([other for other in columns if other != name] for name in columns[:TRIED])
    return max(1 - len(np.unique(row_hashes(rows.select(others)))) / rows.height for others in left)


def _different(values: NDArray[Any]) -> int:
    return len(np.unique(values[np.isfinite(values)]))
