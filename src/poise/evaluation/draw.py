"""Drawing whole entities into parts at random, so that each part has its share of rows (and of each class)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def draw(
    groups: NDArray[np.int64], strata: NDArray[np.int64], fractions: NDArray[np.float64], seed: int
) -> NDArray[np.int64]:
    """The part of each row, shape (n,): entities in random order, each into the part that lacks most rows.

    `groups` and `strata` are (n,); an entity counts for the stratum of its first row; `fractions` sum to 1.

    >>> parts = draw(np.arange(10), np.zeros(10, np.int64), np.array([0.8, 0.2]), seed=0)
    >>> np.bincount(parts).tolist()
    [8, 2]
    """
    _, first, entity, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(first))
    order = order[np.argsort(strata[first][order], kind="stable")]
    if (sizes == 1).all():
        part_of_entity: NDArray[np.int64] = np.empty(len(first), np.int64)
        part_of_entity[order] = _evenly(len(order), fractions)
        return np.asarray(part_of_entity[entity])
    return np.asarray(_greedily(order, sizes, fractions)[entity])


def _evenly(count: int, fractions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Parts of `count` single rows in a row such that each run of them has about its share of each part.

    The j-th row of a part with share s is due at place (j + 0.5) / s; rows go out in the order in which they are due.
    """
    due = np.concatenate([(np.arange(round(share * count)) + 0.5) / max(share, 1e-12) for share in fractions])
    part = np.repeat(np.arange(len(fractions)), [round(share * count) for share in fractions])
    found = part[np.argsort(due, kind="stable")]
    missing = count - len(found)
    largest = int(np.argmax(fractions))
    return np.asarray(np.r_[found, np.full(max(missing, 0), largest)][:count], np.int64)


def _greedily(order: NDArray[np.int64], sizes: NDArray[np.int64], fractions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Entities in `order`, each into the part that lacks most of its share of rows."""
    lacking = (fractions * sizes.sum()).tolist()
    part = np.zeros(len(order), np.int64)
    for entity, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        best = max(range(len(lacking)), key=lacking.__getitem__)
        part[entity] = best
        lacking[best] -= size
    return part
