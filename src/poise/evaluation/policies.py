"""What each policy would have come to in each term, and whether predicted terms add up to what came true."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import mean_interval
from poise.evaluation.measures import DecisionMeasures

Floats = NDArray[np.float64]


def policy_values(measures: DecisionMeasures) -> list[dict[str, Any]]:
    """The mean of each term per row under each policy, with one-sided 95 % limits; nothing where it cannot be told."""
    if measures.unknown is not None:
        return []
    return [
        {"term": term, "unit": measures.units.get(term), "policy": policy}
        | mean_interval(values, measures.blocks).to_dict()
        for policy, terms in measures.terms.items()
        for term, values in terms.items()
    ]


def term_calibration(predicted: Floats, realised: Floats, blocks: Blocks) -> dict[str, Any]:
    """The mean of a term per row as predicted and as realised, and their difference with limits (n rows each).

    Terms multiply calibrated predictions, and a product of calibrated parts need not be calibrated. Rows where either
    is unknown are left out. `off` is True where the limits of the difference (one-sided 95 % each) exclude 0.

    >>> from poise.evaluation.blocks import blocks_of
    >>> rng = np.random.default_rng(0); x = rng.random(500)
    >>> made = term_calibration(x + 0.2, x + rng.normal(size=500) / 10, blocks_of(np.full(500, -(2**63))))
    >>> round(made["difference"], 1), made["off"]
    (0.2, True)
    """
    both = np.isfinite(predicted) & np.isfinite(realised)
    gap = mean_interval(np.where(both, predicted - realised, np.nan), blocks)
    made = gap.to_dict()
    return {
        "predicted": float(predicted[both].mean()) if both.any() else None,
        "realised": float(realised[both].mean()) if both.any() else None,
        "difference": made["value"],
        "low": made["low"],
        "high": made["high"],
        "rows": made["rows"],
        "off": bool(gap.low > 0 or gap.high < 0),
    }
