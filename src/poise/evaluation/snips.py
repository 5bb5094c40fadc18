"""SNIPS: inverse propensity scoring, normalised by the weights themselves."""

from __future__ import annotations

from poise.evaluation.off_policy import Floats, LoggedRows, OffPolicyEstimator


class Snips(OffPolicyEstimator):
    """The sum of weight x reward over the sum of weights (Swaminathan & Joachims, The Self-Normalized Estimator for
    Counterfactual Learning, NeurIPS 2015): slightly biased, and steadier where weights happen to be large.

    Of lists, the mean over rows times the rows per decision.

    >>> import numpy as np
    >>> from poise.evaluation.blocks import blocks_of
    >>> rows = LoggedRows(np.arange(2), np.full(2, 0.5), np.array([1.0, 0.5]), np.array([3.0, 9.0]), np.ones(2),
    ...                   blocks_of(np.full(2, -(2**63))))
    >>> Snips().value(rows)
    5.0
    """

    name = "snips"

    def parts(self, rows: LoggedRows) -> tuple[Floats, Floats]:
        """Weighted rewards, and weights in units of decisions."""
        return rows.sums(rows.weight * rows.reward), rows.sums(rows.weight) / max(rows.per_decision, 1e-300)
