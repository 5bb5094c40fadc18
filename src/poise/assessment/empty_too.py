"""Empty too: which columns lack a value in the rows whose target is not known. They may be known no earlier than it."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.assessment.kinds import without_missing

LEAST_ROWS = 20
"""Fewer rows without a target tell nothing."""
EMPTY_ROW = 0.5
"""A row that lacks more of its columns is empty itself, which says nothing about any of them."""


def empty_too(frame: pl.DataFrame) -> dict[str, float]:
    """Column -> the share of these rows, whose target is not known, that lacks its value too; none of too few rows.

    >>> empty_too(pl.DataFrame({"landed": [None] * 20, "from": ["JFK"] * 20, "to": ["BOS"] * 20}))
    {'landed': 1.0, 'from': 0.0, 'to': 0.0}
    """
    if frame.height < LEAST_ROWS or not frame.width:
        return {}
    lacking = np.stack([_lacking(column) for column in frame], axis=1)
    told = lacking[lacking.mean(axis=1) <= EMPTY_ROW]
    return {} if len(told) < LEAST_ROWS else dict(zip(frame.columns, told.mean(axis=0).tolist(), strict=True))


def _lacking(column: pl.Series) -> NDArray[np.bool_]:
    if column.dtype == pl.String:
        column = without_missing(column)
    gone = column.is_null()
    return (gone | column.is_nan().fill_null(True) if column.dtype.is_float() else gone).to_numpy()
