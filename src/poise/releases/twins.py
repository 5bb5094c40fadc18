"""Judged rows that learners have seen: without time, a copy of a row may fall into another part than the row itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.releases.examples import ObjectiveData
from poise.table import Table

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: neighbouring values land far apart
SHARE = 0.05
AGREE = 0.99
"""Rows that happen to have the same features differ in what came of them now and then; copies never do."""


def copies(data: ObjectiveData) -> str | None:
    """A warning where many judged rows are copies of rows that were learned from; None where they are not.

    With time, parts follow one another and equal rows are what repeats; then there is nothing to warn of.
    """
    if data.split.kind == "time" or not data.outputs:
        return None
    features = row_hashes(data.columns.select([output.name for output in data.outputs]))
    whole = row_hashes_with(features, data.target)
    judge, learning = data.split.judge, data.split.learning
    alike = np.isin(features[judge], features[learning])
    seen, outcomes = np.unique(features[learning][np.unique(whole[learning], return_index=True)[1]], return_counts=True)
    alone = np.isin(features[judge], seen[outcomes == 1])  # what came of such features never differed
    same = alone & np.isin(whole[judge], whole[learning])
    if same.mean() < SHARE or same.sum() < AGREE * alike.sum():
        return None
    return (
        f"{same.mean():.0%} of the judged rows have the features and the truth of a row that was learned from. If they "
        f"are copies, scores are too good: give '{data.spec.per}' an id: (or entity:) that copies share."
    )


def row_hashes(table: Table) -> NDArray[np.uint64]:
    """A number per row, shape (n,): equal for rows of equal values, and else different but for chance (2^-64)."""
    out = np.zeros(table.height, np.uint64)
    for name in table:
        out = row_hashes_with(out, table[name].values)
    return out


def row_hashes_with(hashes: NDArray[np.uint64], values: NDArray[Any]) -> NDArray[np.uint64]:
    """The hashes with one more column, or several (n, k), mixed in; all NaN are one value, and so are 0 and -0."""
    for one in values.reshape(len(values), -1).T:
        numbers = np.where(np.isnan(one), np.nan, one + 0.0) if one.dtype.kind == "f" else one.astype(np.int64)
        hashes = (hashes ^ np.ascontiguousarray(numbers).view(np.uint64)) * _MIX
        hashes ^= hashes >> np.uint64(29)
    return hashes
