"""MRR: how far up the first relevant item stands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.list_metric import ListMetric
from poise.evaluation.lists import Floats, Ties


class Mrr(ListMetric):
    """The mean of 1 / the place of the first relevant row; 0 for a list with none in its first `k` places.

    >>> from poise.evaluation.lists import Lists
    >>> worth, scores = np.array([0.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.5])
    >>> Mrr().per_list(Lists.of(np.zeros(3, np.int64)), worth, scores).round(4).tolist()
    [0.4167]
    """

    name = "mrr"

    def expected(self, ties: Ties, worth: Floats) -> Floats:
        """Only the first tie with a relevant row counts. Of m rows in random order, r of them relevant, the j-th is the
        first relevant one with probability C(m - j, r - 1) / C(m, r)."""
        relevant = ties.sums(worth > 0).astype(np.int64)
        hit = np.flatnonzero(relevant)
        first = hit[np.unique(ties.codes[hit], return_index=True)[1]]
        m, r, ahead = ties.size[first], relevant[first], ties.ahead[first]
        tries = np.minimum(m - r + 1, self.within(ties)[first])
        tie = np.repeat(np.arange(len(first)), tries)
        j = np.arange(len(tie)) - np.repeat(np.cumsum(tries) - tries, tries) + 1
        m, r, ahead = m[tie], r[tie], ahead[tie]
        logs = _log_factorials(int(m.max(initial=0)))
        chance = np.exp(logs[m - j] - logs[r - 1] - logs[m - j - r + 1] - logs[m] + logs[r] + logs[m - r])
        return np.bincount(ties.codes[first][tie], chance / (ahead + j), ties.lists).astype(np.float64, copy=False)


def _log_factorials(largest: int) -> NDArray[np.float64]:
    """The logarithm of n! for n from 0 to `largest`."""
    return np.append(0.0, np.cumsum(np.log(np.arange(1, largest + 1))))
