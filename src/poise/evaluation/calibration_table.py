"""The calibration table: what was predicted against what came true, bin by bin, for the plot."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from poise.evaluation.base import Array, one_vs_rest
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import mean_interval
from poise.evaluation.calibration_error import equal_bins

BINS = 10
"""As many as a reader takes in; the calibration error has more."""
Z = 1.6449  # the normal quantile of 95 %


def calibration_table(target: Array, prediction: Array, blocks: Blocks, bins: int = BINS) -> list[dict[str, Any]]:
    """Per bin of about equally many rows: the mean prediction, the mean truth with its limits, and the rows.

    Shapes as for metrics; the classes of multi-class and the labels of multi-label are pooled, one against the rest.
    `low` and `high` are one-sided 95 % limits, None where a bin has rows of one block only: score limits for as many
    independent rows as the spread between blocks says the bin is worth.

    >>> from poise.evaluation.blocks import blocks_of
    >>> p = np.repeat([0.2, 0.7], 100); y = np.tile([0.0, 1.0], 100)
    >>> [(b["predicted"], b["realised"], b["rows"]) for b in calibration_table(y, p, blocks_of(np.full(200, -(2**63))))]
    [(0.2, 0.5, 100), (0.7, 0.5, 100)]
    """
    if prediction.ndim > 1:
        truth, p = one_vs_rest(target, prediction)
        codes = np.repeat(blocks.codes, p.shape[1])
        target, prediction = truth.ravel().astype(np.float64), p.ravel()
        blocks = Blocks(codes, blocks.unit, blocks.count)
    has = np.isfinite(prediction) & np.isfinite(np.asarray(target, np.float64))
    if not has.any():
        return []
    target, prediction, blocks = np.asarray(target, np.float64)[has], prediction[has], blocks.take(has)
    code = equal_bins(prediction, min(bins, len(prediction)))
    out = []
    for bin_ in range(int(code.max()) + 1):
        rows = code == bin_
        within = blocks.take(rows)
        made = mean_interval(target[rows], within).to_dict()
        low, high = made["low"], made["high"]
        if low is not None and high is not None:
            independent = _independent(made["value"], high - low, made["rows"], len(np.unique(within.codes)))
            low, high = share_limits(made["value"], independent)
        mean = round(float(prediction[rows].mean()), 12)
        out.append(
            {
                "predicted": mean,
                "realised": made["value"],
                "low": low,
                "high": high,
                "rows": made["rows"],
            }
        )
    return out


def share_limits(share: float, rows: float) -> tuple[float, float]:
    """One-sided 95 % score limits of a share among so many independent rows; between 0 and 1, and apart at both ends.

    Wilson, "Probable inference, the law of succession, and statistical inference" (JASA, 1927).

    >>> [round(limit, 3) for limit in share_limits(0.0, 22)], [round(limit, 3) for limit in share_limits(0.5, 100)]
    ([0.0, 0.11], [0.419, 0.581])
    """
    scale = 1 + Z * Z / rows
    middle = (share + Z * Z / (2 * rows)) / scale
    half = Z * sqrt(share * (1 - share) / rows + Z * Z / (4 * rows * rows)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def _independent(share: float, width: float, rows: int, blocks: int) -> float:
    """How many independent rows say as much as these, whose block limits lie `width` apart: at most all of them.

    A bin in which every truth is the same has no spread to tell by: its blocks are counted.
    """
    spread = share * (1 - share)
    if spread == 0 or width == 0:
        return blocks
    return min(float(rows), max(1.0, spread * (2 * Z / width) ** 2))
