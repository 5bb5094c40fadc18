"""What a metric of lists promises: one score per list for an order by scores, with ties averaged exactly.

Equal scores leave the order open. The score of a list is then its expectation over all orders of the tied rows, in
closed form (McSherry & Najork, Computing Information Retrieval Performance Measures Efficiently in the Presence of
Tied Scores, ECIR 2008). A random order is therefore the case in which all scores are equal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.lists import Floats, Lists, Ties


class ListMetric(ABC):
    """One way to score orders of lists, from 0 to 1, larger = better. `k`: how many places count; None = all."""

    name: ClassVar[str]
    """As the user writes it after the dot, before `@`: `order.ndcg@10`."""
    needs_k: ClassVar[bool] = False
    """Whether `@K` must be written: over as many places as are shown the metric would say nothing."""
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __init__(self, k: int | None = None) -> None:
        self.k = k

    def per_list(self, lists: Lists, relevance: Floats, scores: Floats) -> Floats:
        """The expected score of each list, (lists,), NaN where no row is relevant: every order is then as good.

        relevance: (n,) what each row turned out to be worth; relevant is what is above 0, negative counts as 0. Rows
        whose relevance is not finite are taken out of their lists before these are scored (condensed lists: Sakai,
        Alternatives to Bpref, SIGIR 2007). scores: (n,) larger = higher up, NaN last.
        """
        known = np.isfinite(relevance)
        codes, worth = lists.codes[known], np.maximum(relevance[known], 0.0)
        found = self.expected(Ties.of(codes, scores[known], lists.count), worth)
        relevant = np.bincount(codes, worth > 0, lists.count) > 0
        return np.where(relevant, np.clip(found, *self.bounds), np.nan)

    @abstractmethod
    def expected(self, ties: Ties, worth: Floats) -> Floats:
        """The expected score of each list that holds a relevant row, (lists,); others may get anything.

        worth: (n,) of the rows of `ties`, 0 or larger.
        """

    def order_matters(self, lists: Lists, relevance: Floats) -> NDArray[np.bool_]:
        """Whether a list's best order scores above its worst, (lists,): otherwise it cannot tell policies apart."""
        best, worst = (self.per_list(lists, relevance, sign * relevance) for sign in (1.0, -1.0))
        return np.asarray(best > worst)

    def within(self, ties: Ties) -> NDArray[np.int64]:
        """How many of the first `k` places each tie takes up, (ties,)."""
        if self.k is None:
            return ties.size
        return np.minimum(np.maximum(self.k - ties.ahead, 0), ties.size)
