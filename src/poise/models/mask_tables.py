"""Mask tables of a forest: for each feature and each rank of a value, the leaves that the value leaves reachable.

QuickScorer's idea (Lucchese et al., SIGIR 2015), with its lists of nodes folded into tables: leaves are bits of words,
and the AND of one table row per feature has one bit left per tree, that of the row's leaf.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled
from poise.models.base import Floats
from poise.models.forest_text import Forest, NotServed
from poise.models.forest_walk import number_goes_left
from poise.models.mask_rows import table_rows

MOST_BYTES = 64 << 20
"""Larger tables are not built: they would leave the caches, and take longer to build than they save."""


@dataclass(frozen=True, slots=True, eq=False)
class MaskTables:
    """The tables of one forest. A tree of more leaves than a word has bits takes several words.

    columns, numbers, edges, level_rows: see `TableRows`. table: (rows, words) of bits; row 0 leaves every leaf.
    leaves: (words * (bits + 1),) values; the last of each word is 0.0, for a tree whose leaf is in another word.
    ends: (width + 1,) where the words of each output end. features: columns of the matrix.
    """

    columns: NDArray[np.int32]
    numbers: int
    edges: Floats
    level_rows: NDArray[np.int32]
    table: NDArray[Any]
    leaves: Floats
    ends: NDArray[np.int32]
    features: int

    @property
    def bytes(self) -> int:
        """All that the kernel reads."""
        arrays = (self.columns, self.edges, self.level_rows, self.table, self.leaves, self.ends)
        return int(sum(array.nbytes for array in arrays))


def mask_tables(forest: Forest, most_bytes: int = MOST_BYTES) -> MaskTables:
    """The tables of a forest. Raises `NotServed` where they would be too large, or one feature is number and category.

    >>> from poise.models.forest_text import read_forest
    >>> text = "tree\\nversion=v4\\nnum_tree_per_iteration=1\\nmax_feature_idx=0\\n\\nTree=0\\nnum_leaves=1\\n"
    >>> mask_tables(read_forest(text + "leaf_value=0.5\\n\\nend of trees")).table.shape
    (1, 1)
    """
    sizes = _leaf_counts(forest)
    bits, word = (32, np.uint32) if sizes.max() <= 32 else (64, np.uint64)
    order = np.argsort(np.arange(len(sizes)) % forest.width, kind="stable")  # trees output by output
    per_tree = -(-sizes // bits)
    first_word = np.empty(len(sizes), np.int64)
    first_word[order] = np.cumsum(np.concatenate([[0], per_tree[order][:-1]]))
    words = int(per_tree.sum())
    ends = np.concatenate([[0], np.cumsum([per_tree[c :: forest.width].sum() for c in range(forest.width)])])
    of = table_rows(forest)
    size = len(of.values) * words * word().itemsize / 2**20
    if size > most_bytes / 2**20:
        raise NotServed(f"its mask tables would take {size:,.0f} MB; {most_bytes >> 20} MB are allowed")
    table = np.zeros((len(of.values), words), word)
    leaves = np.zeros(words * (bits + 1))
    nodes = (forest.root, forest.feature, forest.kind, forest.threshold, forest.left, forest.right)
    sets = (forest.word_start, forest.words)
    _fill(*nodes, *sets, forest.leaf, _starts(sizes), first_word, bits, of.spans, of.values, of.plain, table, leaves)
    shapes = of.columns, of.numbers, of.edges, of.level_rows
    return MaskTables(*shapes, table, leaves, ends.astype(np.int32), forest.features)


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)])


def _leaf_counts(forest: Forest) -> NDArray[np.int64]:
    """Leaves per tree: a tree of one leaf has no node, others one node fewer than leaves."""
    first = np.where(forest.root < 0, -1, forest.root)
    counts = np.ones(len(first), np.int64)
    inner = np.flatnonzero(first >= 0)
    counts[inner] += np.diff(np.append(first[inner], len(forest.feature)))
    return counts


@compiled
def _fill(
    root: NDArray[np.int32],
    feature: NDArray[np.int32],
    kind: NDArray[np.uint8],
    threshold: Floats,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    word_start: NDArray[np.int32],
    sets: NDArray[np.uint32],
    leaf: Floats,
    leaf_start: NDArray[np.int64],
    first_word: NDArray[np.int64],
    bits: int,
    rows: NDArray[np.int64],
    values: Floats,
    plain: NDArray[np.bool_],
    table: NDArray[Any],
    leaves: Floats,
) -> None:
    """Every table row starts with all leaves; each node takes from each row of its feature the side that is shut."""
    most = 0
    for t in range(len(root)):
        count = leaf_start[t + 1] - leaf_start[t]
        most = max(most, count)
        for i in range(count):
            word = first_word[t] + i // bits
            leaves[word * (bits + 1) + i % bits] = leaf[leaf_start[t] + i]
            table[0, word] |= np.uint64(1) << np.uint64(i % bits)
    for row in range(1, len(table)):
        for word in range(table.shape[1]):
            table[row, word] = table[0, word]
    under = np.empty((most, 1 + most // bits), np.uint64)
    sides = np.empty((2, 1 + most // bits), np.uint64)
    for t in range(len(root)):
        nodes = leaf_start[t + 1] - leaf_start[t] - 1
        words = 1 + nodes // bits
        for node in range(root[t] + nodes - 1, root[t] - 1, -1):  # children come after their parents
            for k in range(words):
                sides[0, k] = sides[1, k] = 0
            for side in range(2):
                child = right[node] if side else left[node]
                if child < 0:
                    i = ~child - leaf_start[t]
                    sides[side, i // bits] = np.uint64(1) << np.uint64(i % bits)
                else:
                    for k in range(words):
                        sides[side, k] = under[child - root[t], k]
            for k in range(words):
                under[node - root[t], k] = sides[0, k] | sides[1, k]
            for row in range(rows[feature[node], 0], rows[feature[node], 1]):
                if kind[node] & 1:
                    level = np.int64(values[row])
                    word = word_start[np.int64(threshold[node])] + (level >> 5)
                    inside = level >= 0 and word < word_start[np.int64(threshold[node]) + 1]
                    goes_left = inside and (sets[word] >> np.uint32(level & 31)) & np.uint32(1) == np.uint32(1)
                elif plain[row]:
                    goes_left = values[row] <= threshold[node]
                else:
                    goes_left = number_goes_left(values[row], kind[node], threshold[node])
                shut = 1 if goes_left else 0
                for k in range(words):
                    table[row, first_word[t] + k] &= ~sides[shut, k]
