"""Raw scores of a tree model: Poise's own kernel where it reproduces LightGBM bit for bit, else LightGBM itself.

The seam is `scorer_of`: what stands behind it may change, what it promises may not.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled
from poise.models.base import Floats
from poise.models.forest_text import Forest, NotServed, read_forest
from poise.registry import get

ZERO = float(np.float32(1e-35))
"""LightGBM takes values this small for 0 before it looks at any tree."""
PROBE_VALUES = 200_000
BLOCK = 64
"""So many rows walk one tree after the other, while its nodes are near."""


class Scorer(Protocol):
    """Raw scores of rows."""

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k) of rows X, float64 (n, features) in C order: sums of leaf values in the order of the trees."""


class KernelScorer:
    """The traversal kernel over a forest in flat arrays."""

    def __init__(self, forest: Forest) -> None:
        self.forest = forest

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k)."""
        f = self.forest
        out = np.zeros((len(X), f.width))
        nodes = (f.root, f.feature, f.kind, f.threshold, f.left, f.right, f.leaf, f.word_start, f.words)
        _walk(X, f.width, *nodes, out)
        return out


def scorer_of(text: str, probes: Floats, scores: Floats) -> tuple[Scorer, str | None]:
    """What answers for a model text, and a note where that is not the kernel.

    probes: rows (p, features); scores: LightGBM's own raw scores of them (p, k). The kernel is used only if it gives
    every bit of `scores`. Raises `MissingExtra` where it cannot, and LightGBM is not there either.
    """
    try:
        kernel = KernelScorer(read_forest(text))
        if np.array_equal(kernel.raw(probes).view(np.int64), np.ascontiguousarray(scores).view(np.int64)):
            return kernel, None
        reason = "its scores of the probe rows differ from LightGBM's"
    except NotServed as error:
        reason = error.message
    fallback: Scorer = get("scorer", "lightgbm")(text)
    return fallback, f"LightGBM answers in place of the kernel: {reason}"


def probe_rows(text: str, X: Floats, seed: int) -> Floats:
    """Rows that would show a kernel's mistakes: thresholds and 1 ulp beside them, NaN, infinities, subnormals, values
    around LightGBM's zero, unseen, negative and huge categories, mixed into rows of the training matrix `X`."""
    count = int(np.clip(PROBE_VALUES // max(X.shape[1], 1), 16, 256))
    random = np.random.default_rng(seed)
    out = np.ascontiguousarray(X[random.integers(0, len(X), count)])
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, ZERO, -ZERO, np.nextafter(ZERO, 1), 1e-20]
    odd += [-1.0, -0.5, 0.5, 1.0, 31.0, 32.0, 63.0, 1e6, 2.0**31, -(2.0**31), 2.0**40, 1e300, -1e300]
    try:
        forest = read_forest(text)
    except NotServed:
        return out
    numeric = (forest.kind & 1) == 0
    for j in range(X.shape[1]):
        at = forest.threshold[(forest.feature == j) & numeric]
        pool = np.concatenate([odd, at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf)])
        changed = random.random(count) < 0.5
        out[changed, j] = random.choice(pool, int(changed.sum()))
    return out


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
                    missing = (how >> 2) & 3
                    if how & 1:  # category: left if its bit is set; negative, huge and missing ones go right
                        goes_left = False
                        if x > -1.0 and x < 2147483648.0:
                            level = np.int64(x)
                            row = np.int64(threshold[node])
                            word = word_start[row] + (level >> 5)
                            if word < word_start[row + 1]:
                                goes_left = (words[word] >> np.uint32(level & 31)) & np.uint32(1) == np.uint32(1)
                    elif np.isnan(x):
                        # without a missing type NaN counts as 0
                        goes_left = threshold[node] >= 0.0 if missing == 0 else (how & 2) != 0
                    elif missing == 1 and x == 0.0:
                        goes_left = (how & 2) != 0
                    else:
                        goes_left = x <= threshold[node]
                    node = left[node] if goes_left else right[node]
                out[i, c] += leaf[~node]
