"""LightGBM's native text, read into flat arrays. Anything not understood exactly is refused, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.errors import PoiseError
from poise.models.base import Floats

CATEGORY, DEFAULT_LEFT = 1, 2
"""Bits of a node's decision type; the two bits above say what counts as missing: nothing, zero or NaN."""


class NotServed(PoiseError):
    """A tree model that Poise's own kernel cannot answer exactly; LightGBM answers it instead."""

    title = "The kernel does not serve this model"


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """All trees of a model in the order in which their values are summed; output of tree t is t % width.

    Nodes of all trees stand one after the other; a child below 0 is the leaf ~child. root: (trees,) node or leaf.
    feature, kind, threshold, left, right: (nodes,); for a category node `threshold` is a row of `word_start`, whose
    bits from there to the next are the levels that go left. leaf: (leaves,).
    """

    features: int
    width: int
    root: NDArray[np.int32]
    feature: NDArray[np.int32]
    kind: NDArray[np.uint8]
    threshold: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    leaf: Floats
    word_start: NDArray[np.int32]
    words: NDArray[np.uint32]

    @property
    def bytes(self) -> int:
        """All its arrays."""
        nodes = (self.root, self.feature, self.kind, self.threshold, self.left, self.right)
        return int(sum(array.nbytes for array in (*nodes, self.leaf, self.word_start, self.words)))


def read_forest(text: str) -> Forest:
    """The forest of LightGBM's model text. Raises `NotServed` for linear leaves, averages and unknown versions."""
    head, trees = _sections(text)
    if head.get("version") not in ("v3", "v4"):
        raise NotServed(f"the model text has version {head.get('version')!r}; v3 and v4 are read")
    if "average_output" in head:
        raise NotServed("the trees are averaged (random forest)")
    width = int(head["num_tree_per_iteration"])
    parts = [_Tree(tree) for tree in trees]
    if not parts or len(parts) % width:
        raise NotServed(f"{len(parts)} trees for {width} outputs")
    return _joined(parts, int(head["max_feature_idx"]) + 1, width)


def _sections(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The header and each tree as key -> text."""
    body, end, _ = text.partition("\nend of trees")
    if not end:
        raise NotServed("the model text has no end: it was cut off, or is not LightGBM's")
    head, *trees = body.split("\nTree=")
    return dict(_pairs(head)), [dict(_pairs(tree)) for tree in trees]


def _pairs(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        key, _, value = line.partition("=")
        yield key, value


class _Tree:
    """One tree's arrays, with positions that count from its own first node, leaf and bitset."""

    def __init__(self, tree: dict[str, str]) -> None:
        if tree.get("is_linear", "0") != "0":
            raise NotServed("its leaves are linear models")
        leaves = int(tree["num_leaves"])
        self.leaf = _floats(tree["leaf_value"])
        if leaves != len(self.leaf):
            raise NotServed(f"a tree of {leaves} leaves has {len(self.leaf)} values")
        inner = leaves > 1
        self.feature = _ints(tree["split_feature"]) if inner else _ints("")
        self.kind = _ints(tree["decision_type"]) if inner else _ints("")
        self.threshold = _floats(tree["threshold"]) if inner else _floats("")
        self.left = _ints(tree["left_child"]) if inner else _ints("")
        self.right = _ints(tree["right_child"]) if inner else _ints("")
        categories = inner and int(tree.get("num_cat", "0")) > 0
        for child in (self.left, self.right):
            if ((child >= 0) & (child <= np.arange(len(child)))).any() or (child < -leaves).any():
                raise NotServed("a tree's nodes are not in the order in which they were split")
        self.word_start = _ints(tree["cat_boundaries"]) if categories else np.zeros(1, np.int64)
        self.words = _ints(tree["cat_threshold"]) if categories else _ints("")


def _floats(text: str) -> Floats:
    return np.array([float(word) for word in text.split()], np.float64)


def _ints(text: str) -> NDArray[np.int64]:
    return np.array(text.split(), np.int64)


def _joined(trees: list[_Tree], features: int, width: int) -> Forest:
    """The trees one after the other, their positions moved on."""
    nodes = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    leaves = np.cumsum([0, *(len(tree.leaf) for tree in trees)])
    sets = np.cumsum([0, *(len(tree.word_start) - 1 for tree in trees)])
    words = np.cumsum([0, *(len(tree.words) for tree in trees)])

    def child(i: int, of: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(np.where(of >= 0, of + nodes[i], of - leaves[i]))  # ~(leaf + k) is ~leaf - k

    threshold = [np.where(t.kind & CATEGORY, t.threshold + sets[i], t.threshold) for i, t in enumerate(trees)]
    starts = [tree.word_start[:-1] + words[i] for i, tree in enumerate(trees)]
    root = [nodes[i] if len(tree.feature) else ~leaves[i] for i, tree in enumerate(trees)]
    return Forest(
        features,
        width,
        np.array(root, np.int32),
        np.concatenate([tree.feature for tree in trees]).astype(np.int32),
        np.concatenate([tree.kind for tree in trees]).astype(np.uint8),
        np.concatenate(threshold).astype(np.float64),
        np.concatenate([child(i, tree.left) for i, tree in enumerate(trees)]).astype(np.int32),
        np.concatenate([child(i, tree.right) for i, tree in enumerate(trees)]).astype(np.int32),
        np.concatenate([tree.leaf for tree in trees]),
        np.concatenate([*starts, words[-1:]]).astype(np.int32),
        np.concatenate([tree.words for tree in trees]).astype(np.uint32),
    )
