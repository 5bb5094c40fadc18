"""The walking kernel: each tree from its root to a leaf, by LightGBM's own rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled, compiled_part
from poise.models.base import Floats
from poise.models.forest_text import Forest, NotServed

ZERO = float(np.float32(1e-35))
"""LightGBM takes values this small for 0 before it looks at any tree."""
BLOCK = 64
"""So many rows walk one tree after the other, while its nodes are near."""


class WalkScorer:
    """Scores by walking. Serves every forest that `read_forest` reads, whatever its size."""

    engine = "walk"

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self.bytes = forest.bytes

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k) of rows X, float64 (n, features) in C order."""
        f = self.forest
        out = np.zeros((len(X), f.width))
        nodes = (f.root, f.feature, f.kind, f.threshold, f.left, f.right, f.leaf, f.word_start, f.words)
        _walk(X, f.width, *nodes, out)
        return out

    def sides(self, request: Sequence[int], item: Sequence[int]) -> NoReturn:
        """Raises `NotServed`: a walk needs whole rows."""
        raise NotServed("its trees are walked one by one, which needs whole rows")


@compiled_part
def number_goes_left(x: float, how: int, threshold: float) -> bool:
    """LightGBM's decision at a node over a number, in which what is within `ZERO` of 0 is 0; how: its decision type."""
    missing = (how >> 2) & 3
    if np.isnan(x):  # without a missing type NaN counts as 0
        return threshold >= 0.0 if missing == 0 else (how & 2) != 0
    if missing == 1 and x == 0.0:
        return (how & 2) != 0
    return x <= threshold


@compiled
def _walk(
    X: Floats,
    width: int,
    root: NDArray[np.int32],
    feature: NDArray[np.int32],
    kind: NDArray[np.uint8],
    threshold: Floats,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    leaf: Floats,
    word_start: NDArray[np.int32],
    words: NDArray[np.uint32],
    out: Floats,
) -> None:
    n = X.shape[0]
    for first in range(0, n, BLOCK):
        last = min(n, first + BLOCK)
        for t in range(len(root)):
            c = t % width
            for i in range(first, last):
                node = root[t]
                while node >= 0:
                    x = X[i, feature[node]]
                    if abs(x) <= ZERO:
                        x = 0.0
                    how = kind[node]
                    if how & 1:  # category: left if its bit is set; negative, huge and missing ones go right
                        goes_left = False
                        if x > -1.0 and x < 2147483648.0:
                            level = np.int64(x)
                            row = np.int64(threshold[node])
                            word = word_start[row] + (level >> 5)
                            if word < word_start[row + 1]:
                                goes_left = (words[word] >> np.uint32(level & 31)) & np.uint32(1) == np.uint32(1)
                    else:
                        goes_left = number_goes_left(x, how, threshold[node])
                    node = left[node] if goes_left else right[node]
                out[i, c] += leaf[~node]
