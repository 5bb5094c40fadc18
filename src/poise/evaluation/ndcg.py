"""NDCG: how much worth stands how far up, against the best order of the same list."""

from __future__ import annotations

import numpy as np

from poise.evaluation.base import ratio
from poise.evaluation.list_metric import ListMetric
from poise.evaluation.lists import Floats, Ties


class Ndcg(ListMetric):
    """Normalised discounted cumulative gain (Järvelin & Kekäläinen, TOIS 2002).

    The gain of each of the first `k` places p, discounted by 1 / log2(p + 1), summed and divided by the same sum for
    the best order. Gains are linear: an item worth twice as much counts twice, as utilities and amounts of money do.
    Grades of relevance that should count more than in proportion take a subclass with its own `gain`.

    >>> from poise.evaluation.lists import Lists
    >>> worth, scores = np.array([0.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.1])
    >>> Ndcg().per_list(Lists.of(np.zeros(3, np.int64)), worth, scores).round(4).tolist()
    [0.6309]
    """

    name = "ndcg"

    def gain(self, worth: Floats) -> Floats:
        """What rows of this worth count for, (n,), 0 or larger."""
        return worth

    def expected(self, ties: Ties, worth: Floats) -> Floats:
        """Each row of a tie is as likely in each of its places: the tie's mean gain at all of its discounts."""
        gain = self.gain(worth)
        best = Ties.of(ties.codes[ties.of_row], gain, ties.lists)
        return ratio(self._discounted(ties, gain), self._discounted(best, gain))

    def _discounted(self, ties: Ties, gain: Floats) -> Floats:
        longest = int((ties.ahead + ties.size).max(initial=0))
        discounts = np.append(0.0, np.cumsum(1.0 / np.log2(np.arange(2, longest + 2))))
        mean = ties.sums(gain) / ties.size
        return ties.per_list(mean * (discounts[ties.ahead + self.within(ties)] - discounts[ties.ahead]))
