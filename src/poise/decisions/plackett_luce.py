"""Plackett-Luce orders: drawing them, and the exact probability that an item stands at a place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.decisions.terms import Floats
from poise.models.jit import compiled

SAME = 1e-12
LEAST = 1e-12


def weights(scores: Floats, temperature: float) -> Floats:
    """thin"""
    known = np.where(np.isnan(scores), np.nanmin(scores, initial=np.inf), scores)
    known = np.where(np.isfinite(known), known, 0.0)
    spread = known.std()
    if np.ptp(known) <= SAME * np.abs(known).max():
        return np.ones(len(scores))
    return np.asarray(np.maximum(np.exp((known - known.max()) / (temperature * spread)), LEAST))


def order(weights: Floats, random: Floats) -> NDArray[np.int64]:
    """thin"""
    return np.asarray(np.argsort(-np.log(random) / weights, kind="stable"), np.int64)


def shown(weights: Floats, order: NDArray[np.int64]) -> Floats:
    """thin"""
    return marginals(weights, len(order))[order, np.arange(len(order))]


def marginals(weights: Floats, places: int) -> Floats:
    """thin"""
    return np.asarray(_marginals(weights, places, -40.0, 45.0, 0.1))


@compiled
def _marginals(w: Floats, k: int, low: float, high: float, step: float) -> Floats:
    n = len(w)
    out = np.zeros((n, k))
    before, after = np.zeros((n + 1, k)), np.zeros((n + 1, k))
    before[0, 0] = 1.0
    after[n, 0] = 1.0
    for node in range(int((high - low) / step)):
        t = np.exp(low + node * step)
        for i in range(n):
            q = -np.expm1(-w[i] * t)
            before[i + 1, 0] = before[i, 0] * (1 - q)
            for a in range(1, k):
                before[i + 1, a] = before[i, a] * (1 - q) + before[i, a - 1] * q
        for i in range(n - 1, -1, -1):
            q = -np.expm1(-w[i] * t)
            after[i, 0] = after[i + 1, 0] * (1 - q)
            for a in range(1, k):
                after[i, a] = after[i + 1, a] * (1 - q) + after[i + 1, a - 1] * q
        for i in range(n):
            density = step * t * w[i] * np.exp(-w[i] * t)
            for a in range(k):
                for b in range(k - a):
                    out[i, a + b] += density * before[i, a] * after[i + 1, b]
    return out
