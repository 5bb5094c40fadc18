"""Recall: the share of a list's relevant items that stands in the first places."""

from __future__ import annotations

from poise.evaluation.base import ratio
from poise.evaluation.list_metric import ListMetric
from poise.evaluation.lists import Floats, Ties


class Recall(ListMetric):
    """Of the relevant rows of a list, the share within the first `k` places. With fewer than `k` rows it is 1.

    A list with more relevant rows than places cannot reach 1.

    >>> import numpy as np
    >>> from poise.evaluation.lists import Lists
    >>> worth, scores = np.array([0.0, 1.0, 0.0, 2.0]), np.array([0.9, 0.5, 0.5, 0.5])
    >>> Recall(2).per_list(Lists.of(np.zeros(4, np.int64)), worth, scores).round(4).tolist()
    [0.3333]
    """

    name = "recall"
    needs_k = True

    def expected(self, ties: Ties, worth: Floats) -> Floats:
        """Of a tie's relevant rows, the share of its rows that find a place."""
        relevant = ties.sums(worth > 0)
        return ratio(ties.per_list(relevant * self.within(ties) / ties.size), ties.per_list(relevant))
