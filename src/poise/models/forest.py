"""Raw scores of a tree model: Poise's own kernel where it reproduces LightGBM bit for bit, else LightGBM itself.

The seam is `scorer_of`: what stands behind it may change, what it promises may not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from poise.models.base import Floats
from poise.models.forest_text import Forest, NotServed, read_forest
from poise.models.forest_walk import ZERO, WalkScorer
from poise.models.lightgbm_library import LibraryScorer
from poise.models.mask_scorer import MaskScorer
from poise.models.mask_split import MaskSplit
from poise.models.mask_tables import mask_tables
from poise.models.proof import Proof

PROBE_VALUES = 200_000


class Scorer(Protocol):
    """Raw scores of rows. engine: what gives them: `masks`, `walk` (Poise's own kernels) or `LightGBM`. bytes: what it
    reads."""

    engine: str
    bytes: int

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k) of rows X, float64 (n, features) in C order: sums of leaf values in the order of the trees."""

    def sides(self, request: Sequence[int], item: Sequence[int]) -> MaskSplit:
        """The same scores from columns known in stages: of the request, of an item, and the others, mixed.

        Raises `NotServed`, with the reason, where only whole rows are scored.
        """


def scorer_of(text: str, probes: Floats, scores: Floats) -> tuple[Scorer, str | None]:
    """What answers for a model text, and a note where that is not the mask tables.

    probes: rows (p, features); scores: LightGBM's own raw scores of them (p, k). A kernel is used only if it gives
    every bit of `scores`. Raises `MissingExtra` where none does, and LightGBM is not there either.
    """
    proof = Proof(probes, scores)
    reasons: list[str] = []
    try:
        forest = read_forest(text)
    except NotServed as error:
        reasons.append(error.message)
    else:
        for kernel in (_by_masks, _by_walking):
            try:
                found = kernel(forest, proof)
            except NotServed as error:
                reasons.append(error.message)
                continue
            if proof.holds(found.raw):
                return found, f"its trees are walked one by one: {reasons[0]}" if reasons else None
            reasons.append(f"its scores of the probe rows by {found.engine} differ from LightGBM's")
    fallback = LibraryScorer(text)
    if not proof.holds(fallback.raw):
        reasons.append("the installed LightGBM scores the probe rows otherwise than the one that learned the model")
    return fallback, f"LightGBM answers in place of the kernel: {'; '.join(reasons)}"


def _by_masks(forest: Forest, proof: Proof) -> Scorer:
    return MaskScorer(mask_tables(forest), proof)


def _by_walking(forest: Forest, proof: Proof) -> Scorer:
    return WalkScorer(forest)


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
        with np.errstate(over="ignore"):  # a threshold may be infinite, or the largest number
            pool = np.concatenate([odd, at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf)])
        changed = random.random(count) < 0.5
        out[changed, j] = random.choice(pool, int(changed.sum()))
    return out
