"""Where in its list a row is taken to stand: what is learned of places is answered as for the first one."""

from __future__ import annotations

import numpy as np

from poise.features.position import FIRST, seen_of
from poise.table import Column, Table


def at_place(columns: Table, place: str | None, value: float = FIRST) -> Table:
    """The features as if every row stood at place `value`; `place` names that feature, None where there is none."""
    if place is None or place not in columns:
        return columns
    return columns.with_columns({place: Column.numbers(seen_of(np.full(columns.height, value)))})
