"""Shapley values of a forest's raw score: what each column of a row adds, beside what the forest says on average.

The game is that of TreeSHAP, path dependent (Lundberg et al., Nature Machine Intelligence 2020): where a column is not
known, a split sends a row both ways, in the shares of the training rows that went there. It is played another way. A
Shapley value is the integral over t in [0, 1] of a column's marginal effect where every other column is known with
probability t (Owen, Management Science 1972). Along a path that is a product of one factor per column, so a polynomial
in t, which a few points of Gauss and Legendre integrate exactly; sums over leaves go up a tree once (as in Linear
TreeSHAP, Yu et al., NeurIPS 2022). No sum over subsets is left, and all factors are positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled, compiled_part
from poise.models.base import Floats
from poise.models.forest_text import Forest, NotServed, read_forest

ZERO = float(np.float32(1e-35))
"""LightGBM takes values this small for 0 before it looks at any tree."""
_NOWHERE = -1

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Every node of every tree but the roots, each after its parent, with the edge that leads to it.

    start: (trees + 1,). split: the forest's node above; is_left: which child this is; column: what is split on there.
    above: the edge before this one; before: the nearest edge above that splits on the same column; -1 where none.
    share: of the rows that came to each node above which splits on this column, the share that came on, multiplied.
    leaf: the forest's leaf, -1 for an inner node. points: how many points integrate a tree, (trees,).
    """

    start: Ints
    split: Ints
    is_left: NDArray[np.bool_]
    column: Ints
    above: Ints
    before: Ints
    share: Floats
    leaf: Ints
    points: Ints


class TreeShap:
    """What the columns of a row add to the raw scores of LightGBM's model text.

    base: (k,) the raw scores on average over the rows that were learned from. Raises `NotServed` where the text is not
    understood exactly (see `forest_text`), or does not say how many rows came to each node.

    >>> stump = "split_feature=0\\nthreshold=0.5\\ndecision_type=2\\nleft_child=-1\\nright_child=-2"
    >>> counts = "leaf_value=1 5\\nleaf_count=30 10\\ninternal_count=40"
    >>> head = "version=v4\\nnum_tree_per_iteration=1\\nmax_feature_idx=1"
    >>> shap = TreeShap(f"{head}\\n\\nTree=0\\nnum_leaves=2\\n{stump}\\n{counts}\\n\\nend of trees")
    >>> shap.base.tolist(), shap.contributions(np.array([[0.7, 9.0]])).tolist()
    ([2.0], [[[3.0, 0.0]]])
    """

    def __init__(self, text: str) -> None:
        self._forest = read_forest(text)
        leaf, inner = _counts(text)
        if len(leaf) != len(self._forest.leaf) or len(inner) != len(self._forest.feature):
            raise NotServed("the model text does not say how many rows came to each of its nodes")
        self._edges, self.base = _edges_of(self._forest, leaf, inner)
        most = int(self._edges.points.max(initial=1))
        self._at, self._weight = np.zeros((most + 1, most)), np.zeros((most + 1, most))
        for n in range(1, most + 1):
            at, weight = np.polynomial.legendre.leggauss(n)
            self._at[n, :n], self._weight[n, :n] = (at + 1) / 2, weight / 2

    def contributions(self, X: Floats) -> Floats:
        """What each column adds, (n, k, columns), for rows X, float64 (n, columns) in C order.

        Over the columns they add up to the raw scores less `base`.
        """
        f, e = self._forest, self._edges
        out = np.zeros((len(X), f.width, f.features))
        size = int(np.diff(e.start).max(initial=0))
        _explain(
            X, f.width, f.feature, f.kind, f.threshold, f.leaf, f.word_start, f.words,
            e.start, e.split, e.is_left, e.column, e.above, e.before, e.share, e.leaf, e.points, self._at, self._weight,
            np.zeros((size, self._at.shape[1])), np.zeros((size, self._at.shape[1])), out,
        )  # fmt: skip
        return out


def _counts(text: str) -> tuple[Floats, Floats]:
    """How many rows came to each leaf and to each inner node, all trees one after the other."""
    found: dict[str, list[str]] = {"leaf_count": [], "internal_count": []}
    inner = False
    for line in text.partition("\nend of trees")[0].splitlines():
        key, _, value = line.partition("=")
        if key == "num_leaves":
            inner = int(value) > 1
            if not inner:  # a tree of one leaf may leave its count out; it adds nothing to any column
                found["leaf_count"].append("1")
        elif key in found and inner:
            found[key] += value.split()
    return np.array(found["leaf_count"], np.float64), np.array(found["internal_count"], np.float64)


def _edges_of(forest: Forest, leaf: Floats, inner: Floats) -> tuple[_Edges, Floats]:
    """The edges of all trees, and the mean raw scores (k,)."""
    made: list[tuple[int, bool, int, int, int, float, int]] = []
    start, points, base = [0], [], np.zeros(forest.width)

    def count(node: int) -> float:
        return float(inner[node] if node >= 0 else leaf[~node])

    for tree, root in enumerate(forest.root.tolist()):
        first, most, mean = len(made), 0, 0.0
        # (node, the edge to it, the edge before by column, probability of coming here)
        waiting: list[tuple[int, int, dict[int, int], float]] = [(root, _NOWHERE, {}, 1.0)]
        while waiting:
            node, edge, last, chance = waiting.pop()
            most = max(most, len(last))
            if node < 0:
                mean += chance * float(forest.leaf[~node])
                continue
            column, rows = int(forest.feature[node]), count(node)
            for child, is_left in ((int(forest.right[node]), False), (int(forest.left[node]), True)):
                share = count(child) / rows if rows > 0 else 0.5  # nobody came here: any two shares do
                at, before = len(made) - first, last.get(column, _NOWHERE)
                so_far = share * (made[first + before][5] if before >= 0 else 1.0)
                made.append((node, is_left, column, edge, before, so_far, ~child if child < 0 else -1))
                waiting.append((child, at, {**last, column: at}, chance * share))
        start.append(len(made))
        points.append(max(1, (most + 1) // 2))
        base[tree % forest.width] += mean
    parts: list[list[float]] = [list(part) for part in zip(*made, strict=True)] or [[]] * 7
    splits, lefts, columns, aboves, befores, shares, leaves = parts
    edges = _Edges(
        np.array(start, np.int32),
        np.array(splits, np.int32),
        np.array(lefts, np.bool_),
        np.array(columns, np.int32),
        np.array(aboves, np.int32),
        np.array(befores, np.int32),
        np.array(shares, np.float64),
        np.array(leaves, np.int32),
        np.array(points, np.int32),
    )
    return edges, base


@compiled_part
def _goes_left(
    x: float, node: int, kind: NDArray[np.uint8], threshold: Floats, word_start: Ints, words: NDArray[np.uint32]
) -> bool:
    if abs(x) <= ZERO:
        x = 0.0
    how = kind[node]
    missing = (how >> 2) & 3
    if how & 1:  # category: left if its bit is set; negative, huge and missing ones go right
        if not (x > -1.0 and x < 2147483648.0):
            return False
        level = np.int64(x)
        row = np.int64(threshold[node])
        word = word_start[row] + (level >> 5)
        if word >= word_start[row + 1]:
            return False
        return bool((words[word] >> np.uint32(level & 31)) & np.uint32(1) == np.uint32(1))
    if np.isnan(x):  # without a missing type NaN counts as 0
        return bool(threshold[node] >= 0.0 if missing == 0 else (how & 2) != 0)
    if missing == 1 and x == 0.0:
        return bool((how & 2) != 0)
    return bool(x <= threshold[node])


@compiled
def _explain(
    X: Floats,
    width: int,
    feature: Ints,
    kind: NDArray[np.uint8],
    threshold: Floats,
    leaf_value: Floats,
    word_start: Ints,
    words: NDArray[np.uint32],
    start: Ints,
    split: Ints,
    is_left: NDArray[np.bool_],
    column: Ints,
    above: Ints,
    before: Ints,
    share: Floats,
    leaf: Ints,
    points: Ints,
    at: Floats,
    weight: Floats,
    down: Floats,
    up: Floats,
    out: Floats,
) -> None:
    hot = np.zeros(down.shape[0], np.bool_)  # the row itself goes this way, at every split on this column so far
    dead = np.zeros(down.shape[0], np.bool_)  # neither the row nor any training row comes here
    for i in range(X.shape[0]):
        for t in range(len(points)):
            first, n = start[t], points[t]
            for e in range(start[t + 1] - first):
                node, over, last = split[first + e], above[first + e], before[first + e]
                left = _goes_left(X[i, feature[node]], node, kind, threshold, word_start, words)
                hot[e] = left == is_left[first + e] and (last < 0 or hot[last])
                z = share[first + e]
                dead[e] = (over >= 0 and dead[over]) or (z == 0.0 and not hot[e])
                for q in range(n):
                    up[e, q] = 0.0
                if dead[e]:
                    continue
                for q in range(n):
                    p = at[n, q]
                    factor = z * (1.0 - p) + (p if hot[e] else 0.0)
                    if last >= 0:
                        factor /= share[first + last] * (1.0 - p) + (p if hot[last] else 0.0)
                    down[e, q] = factor * (down[over, q] if over >= 0 else 1.0)
            for e in range(start[t + 1] - first - 1, -1, -1):
                if dead[e]:
                    continue
                over, last, z = above[first + e], before[first + e], share[first + e]
                o, total = 1.0 if hot[e] else 0.0, 0.0
                if leaf[first + e] >= 0:
                    for q in range(n):
                        up[e, q] = leaf_value[leaf[first + e]] * down[e, q]
                for q in range(n):
                    p = at[n, q]
                    if over >= 0:
                        up[over, q] += up[e, q]
                    effect = (o - z) / (z * (1.0 - p) + o * p)
                    if last >= 0:  # what was counted for the split before on the same column holds no further
                        o_last, z_last = 1.0 if hot[last] else 0.0, share[first + last]
                        effect -= (o_last - z_last) / (z_last * (1.0 - p) + o_last * p)
                    total += weight[n, q] * up[e, q] * effect
                out[i, t % width, column[first + e]] += total
