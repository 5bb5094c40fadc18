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


def copies_of(inputs: Table, target: NDArray[Any]) -> tuple[NDArray[np.int64] | None, str | None]:
    """A number that copies of one row share, (n,), and a sentence; None where rows are not copied.

    Rows are copies where every input is the same although some column hardly ever repeats otherwise.
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
    if not telling:
        return None, None
    nothing = ~np.any([np.isfinite(values) for values in telling], axis=0)
    codes = np.where(nothing, len(rows) + np.arange(n), codes)  # rows are not alike for what they all lack
    copied = n - len(np.unique(codes))
    if copied < max(SHARE * n, 2):
        return None, None
    said = f"{copied:,} of {n:,} rows are copies of others; copies are kept on one side of every comparison"
    return codes.astype(np.int64), said


def _different(values: NDArray[Any]) -> int:
    return len(np.unique(values[np.isfinite(values)]))
