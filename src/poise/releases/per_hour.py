"""How many rows come in each hour of a day: by this a capacity of an action is spread over its day."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY
from poise.decisions.period import hour_of
from poise.releases.examples import Sources
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME

DAYS = 56
"""Rows of so many days count, the newest: eight weeks, so that each weekday counts alike."""
MOST_ROWS = 200_000
"""More rows are counted evenly over those days, in part."""


def expected_rows(system: SystemSpec, sources: Sources) -> dict[str, Any]:
    """`per_hour`: the mean number of rows of the decision in each hour as clocks of the system show it, 24 numbers; no
    entry where no capacity asks for it, or rows have no times."""
    decision = system.decision
    if decision is None or not decision.capacity or decision.per not in sources.histories:
        return {}
    time = sources.histories[decision.per].time
    time = time[time != MISSING_TIME]
    return {"per_hour": _per_hour(time, system.timezone).tolist()} if len(time) > 1 else {}


def _per_hour(time: NDArray[np.int64], zone: str) -> NDArray[np.float64]:
    recent = time[time > time.max() - DAYS * DAY]
    days = max(1.0, float(recent.max() - recent.min()) / DAY)
    every = max(1, len(recent) // MOST_ROWS)
    # Clocks change at full hours or parts of one, never twice in a quarter of an hour: one look-up for each.
    quarter, counts = np.unique(recent[::every] // (15 * 60_000_000), return_counts=True)
    hours = np.array([hour_of(int(one) * 15 * 60_000_000, zone) for one in quarter], np.int64)
    return np.asarray(np.bincount(hours, counts, 24) * every / days, np.float64)
