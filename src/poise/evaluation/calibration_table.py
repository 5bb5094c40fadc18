"""The calibration table: what was predicted against what came true, bin by bin, for the plot."""

from __future__ import annotations

from typing import Any

import numpy as np

from poise.evaluation.base import Array, one_vs_rest
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import mean_interval
from poise.evaluation.calibration_error import equal_bins

BINS = 10
"""As many as a reader takes in; the calibration error has more."""


def calibration_table(target: Array, prediction: Array, blocks: Blocks, bins: int = BINS) -> list[dict[str, Any]]:
    """Per bin of about equally many rows: the mean prediction, the mean truth with its limits, and the rows.

    Shapes as for metrics; the classes of multi-class and the labels of multi-label are pooled, one against the rest.
    `low` and `high` are one-sided 95 % limits from blocks, None where a bin has rows of one block only.

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
        made = mean_interval(target[rows], blocks.take(rows)).to_dict()
        mean = round(float(prediction[rows].mean()), 12)
        out.append(
            {
                "predicted": mean,
                "realised": made["value"],
                "low": made["low"],
                "high": made["high"],
                "rows": made["rows"],
            }
        )
    return out
