"""What the rung `linear` sees while it is fitted: scaled numbers, sparse one-hot levels, TF-IDF of words.

`Design.weights` folds all of it into the arrays that answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from poise.jit import compiled
from poise.models.base import Examples, Floats
from poise.models.bins import edges_of
from poise.models.guards import least_rows
from poise.models.inputs import Inputs
from poise.models.linear_model import Weights
from poise.models.text import TextTerms
from poise.table import Table

DENSE_COLUMNS = 128
"""Up to so many columns the matrix is dense: faster, and small."""
BINS, ROWS_PER_BIN = 10, 200
"""Numbers also enter by bins: on 49,000 census rows that was worth 0.013 AUC."""
BIN_WEIGHT = 0.5
"""Bins are regularised more than slopes: to bend is to be asked for by the data."""
FAR = 10.0
"""Numbers are clipped at so many inter-quartile ranges beyond the quartiles, if the outer quantiles reach further."""
Matrix = Any
"""A dense or a CSR matrix (n, d)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where one input's columns stand in the matrix.

    A category has `table` columns from `start`, one per code, the last for missing. A number has its value at `start`
    (`number`), perhaps a column for missing after it, and `table` columns of bins at the end.
    """

    start: int
    number: bool
    gap: int
    table: int

    @property
    def size(self) -> int:
        """How many columns."""
        return (1 if self.number else 0) + (1 if self.number and self.gap >= 0 else 0) + self.table

    @property
    def first(self) -> int:
        """The first column of the table."""
        return self.start + self.size - self.table


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """How inputs become columns of a matrix. Numbers, of which infinite ones are missing: clipped to [low, high], then
    (x - mean) / scale; all (f,).

    median: what stands for a missing number. A number whose scale is 0 (constant, or never there) has no column.
    edges: per input the inner edges of its bins, which let a number's effect bend; empty for categories.
    """

    inputs: Inputs
    low: Floats
    high: Floats
    median: Floats
    mean: Floats
    scale: Floats
    edges: tuple[Floats, ...]
    blocks: tuple[Block, ...]
    texts: dict[str, TextTerms]
    text_starts: tuple[int, ...]
    columns: int

    @classmethod
    def learn(cls, examples: Examples) -> Design:
        """Levels, ranges, means and terms of `examples`."""
        floor = least_rows(examples.height)
        inputs = Inputs.learn(examples, lambda count: floor)
        X = inputs.encode(examples.features)
        edges = tuple(_edges(X[:, j]) if of is None else np.empty(0) for j, of in enumerate(inputs.levels))
        numbers = np.array([_ranges(X[:, j], len(edges[j]) > 0) for j in range(len(inputs))]).reshape(-1, 5)
        blocks: list[Block] = []
        at = 0
        for j, of in enumerate(inputs.levels):
            if of is not None:
                block = Block(at, False, at + len(of) + 1, len(of) + 2)
            elif numbers[j, 4] == 0:
                block = Block(at, False, -1, 0)
            else:
                gap = at + 1 if not np.isfinite(X[:, j]).all() else -1
                block = Block(at, True, gap, len(edges[j]) + 1 if len(edges[j]) else 0)
            blocks.append(block)
            at += block.size
        texts = {name: TextTerms.learn(examples.features[name]) for name in examples.of_type("text")}
        starts = np.cumsum([at, *(len(terms) for terms in texts.values())]).tolist()
        low, high, median, mean, scale = numbers.T.copy()
        return cls(inputs, low, high, median, mean, scale, edges, tuple(blocks), texts, tuple(starts[:-1]), starts[-1])

    def matrix(self, features: Table) -> Matrix:
        """The matrix (n, columns), dense where it has few columns and no text."""
        blocks = np.array([(b.start, b.number, b.gap, b.first, b.table) for b in self.blocks], np.int64).reshape(-1, 5)
        edge_start = np.concatenate([[0], np.cumsum([len(edges) for edges in self.edges])]).astype(np.int64)
        numbers = np.stack([self.low, self.high, self.median, self.mean, self.scale])
        edges = np.concatenate([*self.edges, np.empty(0)])
        X = self.inputs.encode(features)
        starts, columns, values = np.zeros(len(X) + 1, np.int64), np.empty(2 * X.size, np.int32), np.empty(2 * X.size)
        count = _rows(X, blocks, numbers, edge_start, edges, starts, columns, values)
        columns, values = columns[:count], values[:count]  # what is beyond was never touched, so it takes no memory
        width = self.text_starts[0] if self.texts else self.columns
        out = sparse.csr_matrix((values, columns, starts), shape=(features.height, width))
        if not self.texts:
            return out.toarray() if self.columns <= DENSE_COLUMNS else out
        parts = [out]
        for name, terms in self.texts.items():
            words = terms.rows(features[name])
            shape = (features.height, len(terms))
            parts.append(sparse.csr_matrix((words.values, words.columns, words.starts), shape=shape))
        return sparse.hstack(parts, format="csr")

    def _scaled(self, x: Any, j: int) -> Any:
        return (np.clip(x, self.low[j], self.high[j]) - self.mean[j]) / self.scale[j]

    def weights(self, coefficients: Floats, intercept: Floats) -> tuple[Weights, list[Floats]]:
        """The answering arrays for coefficients (columns, k) and intercept (k,), and each text's weights by term."""
        f, k = len(self.inputs), coefficients.shape[1]
        slope, missing = np.zeros((f, k)), np.zeros((f, k))
        tables: list[Floats] = []
        for j, block in enumerate(self.blocks):
            rows = coefficients[block.first : block.first + block.table]
            if self.inputs.levels[j] is not None:
                tables.append(rows)
                missing[j] = rows[-1]
                continue
            tables.append(rows * BIN_WEIGHT)
            if block.number:
                slope[j] = coefficients[block.start] / self.scale[j]
                missing[j] = self._scaled(self.median[j], j) * coefficients[block.start]
                missing[j] += coefficients[block.gap] if block.gap >= 0 else 0.0
        start = np.concatenate([[0], np.cumsum([len(rows) for rows in tables])[:-1]]).astype(np.int64)[:f]
        used = [edges if block.table else edges[:0] for edges, block in zip(self.edges, self.blocks, strict=True)]
        edge_start = np.concatenate([[0], np.cumsum([len(edges) for edges in used])]).astype(np.int64)
        category = np.array([of is not None for of in self.inputs.levels], np.bool_)
        table = np.concatenate([*tables, np.zeros((0, k))])
        edges = np.concatenate([*used, np.empty(0)])
        terms = [coefficients[s : s + len(t)] for s, t in zip(self.text_starts, self.texts.values(), strict=True)]
        numbers = (self.low, self.high, self.mean, slope, missing)
        return Weights(category, start, *numbers, table, edge_start, edges, intercept), terms

    def importance(self, coefficients: Floats, matrix: Matrix) -> dict[str, float]:
        """Share of each input: sum over its columns and outputs of |coefficient| times the column's spread."""
        spread = _spread(matrix)
        size = np.abs(coefficients).sum(axis=1) * spread
        ends = [(block.start, block.start + block.size) for block in self.blocks]
        ends += [(s, s + len(t)) for s, t in zip(self.text_starts, self.texts.values(), strict=True)]
        shares = [float(size[a:b].sum()) for a, b in ends]
        total = sum(shares)
        names = (*self.inputs.names, *self.texts)
        return {name: share / total for name, share in zip(names, shares, strict=True)} if total > 0 else {}


def _edges(x: Floats) -> Floats:
    """Edges of a number's bins; none for few rows, or for a number of two values, which a slope says already."""
    bins = min(BINS, len(x) // ROWS_PER_BIN)
    if bins < 3:
        return np.empty(0)
    finite = x[np.isfinite(x)]
    if not len(finite) or np.all((finite == finite.min()) | (finite == finite.max())):
        return np.empty(0)
    return edges_of(finite, bins)


def _ranges(x: Floats, binned: bool) -> tuple[float, float, float, float, float]:
    """low, high, median, mean, scale of a number; codes of categories pass through unused.

    Beside bins a slope ends where the data end: within them each can undo the other, beyond them only the slope goes on
    (months after the last one learned made delays of flights worse than the constant).
    """
    x = x[np.isfinite(x)]
    if not len(x):
        return 0.0, 0.0, 0.0, 0.0, 0.0
    inner_low, lower, upper, inner_high = np.quantile(x, (0.001, 0.25, 0.75, 0.999))
    with np.errstate(over="ignore"):
        slack = 0.0 if binned else 0.5 * (inner_high - inner_low)
        # absurd values are clipped, a trend may go on a little; a rare flag keeps its range
        low, high = (inner_low - slack, inner_high + slack) if inner_high > inner_low else (x.min(), x.max())
        if upper > lower:  # of few rows the outer quantiles are the absurd values themselves
            low, high = max(low, lower - FAR * (upper - lower)), min(high, upper + FAR * (upper - lower))
        inside = np.clip(x, low, high)
        mean, scale = float(inside.mean()), float(inside.std())
    if not np.isfinite(scale) or scale <= 1e-12 * max(abs(mean), 1e-300):
        scale = 0.0
    return float(low), float(high), float(np.median(inside)), mean, scale


@compiled
def _rows(
    X: Floats,
    blocks: NDArray[np.int64],
    numbers: Floats,
    edge_start: NDArray[np.int64],
    edges: Floats,
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: Floats,
) -> int:
    """CSR arrays of encoded inputs X (n, f), put into row starts, columns, values; how many values there are.

    blocks: (f, 5) start, number, gap, first, table of each `Block`; numbers: (5, f) low, high, median, mean, scale.
    """
    n, f = X.shape
    at = 0
    for i in range(n):
        for j in range(f):
            start, number, gap, first, table = blocks[j, 0], blocks[j, 1], blocks[j, 2], blocks[j, 3], blocks[j, 4]
            x = X[i, j]
            there = np.isfinite(x)
            if number == 0:
                if table > 0:  # a category: one column per code
                    columns[at], values[at] = first + (np.int64(x) if there else table - 1), 1.0
                    at += 1
                continue
            inside = min(max(x if there else numbers[2, j], numbers[0, j]), numbers[1, j])
            columns[at], values[at] = start, (inside - numbers[3, j]) / numbers[4, j]
            at += 1
            if not there and gap >= 0:
                columns[at], values[at] = gap, 1.0
                at += 1
            elif there and table > 0:
                place = first
                for e in range(edge_start[j], edge_start[j + 1]):
                    if x >= edges[e]:
                        place += 1
                columns[at], values[at] = place, BIN_WEIGHT
                at += 1
        starts[i + 1] = at
    return at


def _spread(matrix: Matrix) -> Floats:
    """Standard deviation of each column, (d,)."""
    if not sparse.issparse(matrix):
        return np.asarray(matrix.std(axis=0))
    n, d = matrix.shape
    sums = np.zeros((2, d))
    _sums(matrix.indices, matrix.data, sums)
    sums /= n
    return np.asarray(np.sqrt(np.maximum(sums[1] - sums[0] * sums[0], 0.0)))


@compiled
def _sums(columns: NDArray[np.integer[Any]], values: Floats, out: Floats) -> None:
    """Add a sparse matrix's values and their squares by column to `out`, (2, d), without copies of the values."""
    for at in range(len(columns)):
        out[0, columns[at]] += values[at]
        out[1, columns[at]] += values[at] * values[at]
