"""SNIPS: inverse propensity scoring, normalised by the weights themselves."""

from __future__ import annotations

import numpy as np

from poise.evaluation.base import ratio
from poise.evaluation.off_policy import Floats, LoggedRows, OffPolicyEstimator


class Snips(OffPolicyEstimator):
    """The sum of weight x reward over the sum of weights (Swaminathan & Joachims, The Self-Normalized Estimator for
    Counterfactual Learning, NeurIPS 2015): slightly biased, and steadier where weights happen to be large.

    Of lists each place by itself, and then added up: what is worth most stands on top, and so do not all weights.

    >>> from poise.evaluation.blocks import blocks_of
    >>> rows = LoggedRows(np.arange(2), np.full(2, 0.5), np.array([1.0, 0.5]), np.array([3.0, 9.0]), np.ones(2),
    ...                   blocks_of(np.full(2, -(2**63))))
    >>> Snips().value(rows)
    5.0
    """

    name = "snips"

    def parts(self, rows: LoggedRows) -> tuple[Floats, Floats]:
        """Each row's share in the ratio of its place, linearised about that ratio, and 1 per decision."""
        place, weight, count = rows.place, rows.weight, int(rows.place.max(initial=0)) + 1
        shown, weights = (np.bincount(place, of, count) for of in (np.ones(len(place)), weight))
        mean = ratio(np.bincount(place, weight * rows.reward, count), weights, 0.0)
        off = weight * (rows.reward - mean[place]) * ratio(shown, weights, 0.0)[place]
        return rows.sums(mean[place] + off), np.ones(rows.count)
