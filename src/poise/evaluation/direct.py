"""The direct method: what a model expects of what the other policy would show."""

from __future__ import annotations

import numpy as np

from poise.evaluation.off_policy import Floats, LoggedRows, OffPolicyEstimator


class Direct(OffPolicyEstimator):
    """The mean of the model's expectation (Beygelzimer & Langford, The Offset Tree, KDD 2009, section on regression):
    no noise of weights, and wrong by whatever the model is wrong by.

    >>> from poise.evaluation.blocks import blocks_of
    >>> from poise.evaluation.off_policy import Model
    >>> rows = LoggedRows(np.arange(2), np.full(2, 0.5), np.ones(2), np.array([3.0, 9.0]), np.ones(2),
    ...                   blocks_of(np.full(2, -(2**63))), Model(np.array([3.0, 8.0]), np.array([4.0, 6.0])))
    >>> Direct().value(rows)
    5.0
    """

    name = "direct"
    needs_model = True

    def parts(self, rows: LoggedRows) -> tuple[Floats, Floats]:
        """Expectations, and 1 per decision."""
        assert rows.model is not None
        return rows.model.target, np.ones(rows.count)
