"""What is plain of numbers whatever their season: one value for all rows, and values where there never were any.

How shares in bins change from block to block is large for a column with a strong season, and a sensor that is stuck
within its range hides in that. That one value takes most of a block, that most of a block lies outside all that was
known, or that values are none of the few that a sensor reports, does not come with any season.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import ratio
from poise.monitoring.blocks import Window
from poise.monitoring.breaks import Break
from poise.releases.profile_column import ColumnProfile, Tally

Floats = NDArray[np.float64]

STUCK = 0.3
"""So much larger the share of the most frequent value is than in the blocks before, …"""
OUTSIDE = 0.5
"""… or that of values below all, or above all, that were known, …"""
NEW = 0.3
"""… or that of values which are none of those: of a column whose values hardly ever repeat this is always so."""


def plainly(window: Window, usual: ColumnProfile, tally: Tally) -> Break | None:
    """The break in the share of the most frequent value, or of those that are out of range or new, that is least
    chance; None where there is none, or the profile does not tell. `p` pays for all of these."""
    if not len(usual.plain) or not len(usual.points) or tally.tops is None or tally.below is None:
        return None
    known, here = usual.blocks[:, 0] - usual.blocks[:, 1], tally.rows - tally.missing
    before = ratio(usual.plain, known[:, None], 0.0)
    before[: (len(before) + 1) // 2, 1:] = np.nan
    new = here - (tally.counts - tally.below).sum(axis=1)
    counts = np.column_stack([tally.tops, tally.below[:, 0], here - tally.counts[:, -1], new])
    now, found = ratio(counts, here[:, None], 0.0), []
    for at, least in enumerate((STUCK, OUTSIDE, OUTSIDE, NEW)):
        one = window.find(before[:, at : at + 1], now[:, at : at + 1], known, here)
        if one is not None and one.holds and one.change >= least:
            found.append(replace(one, p=min(1.0, one.p * counts.shape[1])))
    return min(found, key=lambda one: one.p, default=None)
