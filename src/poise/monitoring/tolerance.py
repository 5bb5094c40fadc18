"""How far a feature that was served may be from what the lake says: not at all, but where numbers were added up.

Counts, values of tables, the last, least and greatest value, seconds since, and estimates of how many differ are exact.
Sums and means add the same numbers in another order: they may differ by 1e-9 of the sum (mean) of magnitudes, and what
is computed by 1e-9 of what it was computed from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poise.features.base import Feature
from poise.features.clock import ClockParts
from poise.features.columns import Columns
from poise.features.plan import FeaturePlan
from poise.features.position import Position
from poise.features.window import Window
from poise.table import Column, History, Requests

SHARE = 1e-9
"""Of the magnitudes that were added up."""
ADDED = ("sum", "mean")

Floats = NDArray[np.float64]


def allowed(
    plan: FeaturePlan, name: str, requests: Requests, histories: Mapping[str, History], value: Floats
) -> Floats:
    """By how much feature `name`, which is `value` by the lake, may have been served otherwise, shape (n,)."""
    feature = plan.features.get(name)
    if feature is None or isinstance(feature, Columns | ClockParts | Position):
        return np.zeros(len(value))
    if isinstance(feature, Window) and _aggregate(feature, name) not in ADDED:
        return np.zeros(len(value))
    size = np.zeros(len(value)) if isinstance(feature, Window) else np.maximum(1.0, np.abs(value))
    sums = [one for one in _read_by(plan, name) if _added(plan, one)]
    if sums:
        magnitudes = plan.select(sums).batch(requests, _magnitudes(plan, sums, histories))
        for one in sums:
            size = np.fmax(size, magnitudes[one].values)
    found: Floats = SHARE * np.nan_to_num(size)
    return found


def _aggregate(feature: Window, name: str) -> str:
    """Which aggregate an output of a window is: outputs stand in the order of `take`, then `over`."""
    place = [output.name for output in feature.outputs].index(name)
    return feature.take[place // len(feature.over)][0]


def _added(plan: FeaturePlan, name: str) -> bool:
    feature = plan.features[name]
    return isinstance(feature, Window) and _aggregate(feature, name) in ADDED


def _read_by(plan: FeaturePlan, name: str) -> list[str]:
    """This feature and all that it is computed from."""
    found: dict[str, Feature] = {}
    pending = [name]
    while pending:
        one = pending.pop()
        if one not in found:
            found[one] = plan.features[one]
            pending += found[one].needs.features
    return list(found)


def _magnitudes(plan: FeaturePlan, sums: Iterable[str], histories: Mapping[str, History]) -> dict[str, History]:
    """The histories with the magnitudes of what is added up in place of it."""
    found = dict(histories)
    for name in sums:
        window = plan.features[name]
        assert isinstance(window, Window)
        history = found[window.source]
        columns = {column for aggregate, column in window.take if aggregate in ADDED and column is not None}
        sizes = {column: Column.numbers(np.abs(history.rows[column].values)) for column in columns}
        found[window.source] = replace(history, rows=history.rows.with_columns(sizes))
    return found
