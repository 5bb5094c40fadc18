"""IPS: inverse propensity scoring."""

from __future__ import annotations

import numpy as np

from poise.evaluation.off_policy import Floats, LoggedRows, OffPolicyEstimator


class Ips(OffPolicyEstimator):
    """The mean of weight x reward: unbiased where propensities are right and everything could be shown.

    For one action per decision: Horvitz & Thompson (JASA 47, 1952); Precup, Sutton & Singh (ICML 2000). For lists the
    rows' own probabilities by place are used, which makes it the item-position estimator: what comes of an item may
    depend on its place, not on its neighbours (Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay & Wen, Offline
    Evaluation of Ranking Policies with Click Models, KDD 2018).

    >>> from poise.evaluation.blocks import blocks_of
    >>> rows = LoggedRows(np.arange(2), np.full(2, 0.5), np.array([1.0, 0.0]), np.array([3.0, 9.0]), np.ones(2),
    ...                   blocks_of(np.full(2, -(2**63))))
    >>> Ips().value(rows)
    3.0
    """

    name = "ips"

    def parts(self, rows: LoggedRows) -> tuple[Floats, Floats]:
        """Weighted rewards, and 1 per decision."""
        return rows.sums(rows.weight * rows.reward), np.ones(rows.count)
