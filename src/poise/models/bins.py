"""Quantile bins of a number, whose edges lie half-way between values that occur."""

from __future__ import annotations

import numpy as np

from poise.models.base import Floats


def edges_of(x: Floats, bins: int) -> Floats:
    """Inner edges, ascending, of at most `bins` bins with about equally many of the finite values in `x`, (n,).

    Bin i holds edges[i - 1] <= x < edges[i]. Values that occur often share a bin, so there may be fewer.

    >>> edges_of(np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0]), 3).tolist()
    [0.5, 1.5]
    """
    ordered = np.sort(x[np.isfinite(x)])
    if not len(ordered):
        return np.empty(0)
    starts = ordered[np.arange(1, bins) * len(ordered) // bins]
    firsts = np.unique(np.searchsorted(ordered, starts, side="left"))
    above = firsts[firsts == 0].size  # the lowest value fills a bin: the next bin starts where it ends
    ends = np.searchsorted(ordered, ordered[0], side="right") if above else 0
    firsts = np.unique(np.concatenate([firsts[firsts > 0], [ends] if 0 < ends < len(ordered) else []])).astype(np.int64)
    below, over = ordered[firsts - 1], ordered[firsts]
    with np.errstate(over="ignore"):
        middle = below + (over - below) / 2
    return np.asarray(np.where((middle > below) & (middle <= over), middle, over))
