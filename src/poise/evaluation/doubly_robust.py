"""Doubly robust: the model's expectation, corrected by what came of what was shown."""

from __future__ import annotations

import numpy as np

from poise.evaluation.off_policy import Floats, LoggedRows, OffPolicyEstimator


class DoublyRobust(OffPolicyEstimator):
    """The direct method plus weight x (reward - expected): right where either the propensities or the model are
    (Dudík, Langford & Li, Doubly Robust Policy Evaluation and Learning, ICML 2011). Of lists by item and place, as IPS.

    >>> from poise.evaluation.blocks import blocks_of
    >>> from poise.evaluation.off_policy import Model
    >>> rows = LoggedRows(np.arange(2), np.full(2, 0.5), np.full(2, 0.5), np.array([3.0, 9.0]), np.ones(2),
    ...                   blocks_of(np.full(2, -(2**63))), Model(np.array([3.0, 8.0]), np.array([4.0, 6.0])))
    >>> DoublyRobust().value(rows)
    5.5
    """

    name = "doubly-robust"
    needs_model = True

    def parts(self, rows: LoggedRows) -> tuple[Floats, Floats]:
        """Expectations with their corrections, and 1 per decision."""
        assert rows.model is not None
        return rows.model.target + rows.sums(rows.weight * (rows.reward - rows.model.shown)), np.ones(rows.count)
