"""Rows on which whatever answers in LightGBM's place shows that it gives the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poise.models.base import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """Probe rows (p, features), and LightGBM's own raw scores of them (p, k).

    >>> proof = Proof(np.array([[1.0], [2.0]]), np.array([[0.5], [1.0]]))
    >>> proof.holds(lambda X: X / 2), proof.holds(lambda X: X * 0.5000000001)
    (True, False)
    """

    rows: Floats
    scores: Floats

    def holds(self, raw: Callable[[Floats], Floats]) -> bool:
        """Whether `raw` gives every bit: of all rows at once, of single rows, and of numbers that fill no block."""
        every = len(self.rows)
        counts = {every, every // 4 * 4 - 1, 2, 1}
        return all(same_bits(raw(self.rows[:n]), self.scores[:n]) for n in counts if 0 < n <= every)


def same_bits(found: Floats, known: Floats) -> bool:
    """Whether two arrays of float64 are the same in shape and in every bit.

    >>> same_bits(np.array([0.0]), np.array([-0.0]))
    False
    """
    one, other = np.ascontiguousarray(found), np.ascontiguousarray(known)
    return one.shape == other.shape and bool(np.array_equal(one.view(np.int64), other.view(np.int64)))
