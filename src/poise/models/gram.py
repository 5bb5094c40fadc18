"""Ridge regression from X'X: one pass over the rows, then each strength costs one Cholesky solution of d columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from poise.jit import compiled
from poise.models.base import Floats

MOST_COLUMNS = 2_000
"""X'X of so many columns takes 32 MB and its solution little time; with more, iterations are cheaper."""
MOST_PER_ROW = 200
"""X'X costs the square of a row's entries (330,000 rows of 66: a second); rows of long texts would make it slow."""


@dataclass(frozen=True, slots=True, eq=False)
class Gram:
    """Sums over weighted, centred rows: `square` (d, d) of x x', `cross` (d,) of x y; and the means of both.

    >>> gram = Gram.of(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]), np.ones(3))
    >>> coefficients, intercept = gram.solve(0.0)
    >>> coefficients.round(6).tolist(), round(intercept, 6)
    ([2.0], 1.0)
    """

    square: Floats
    cross: Floats
    mean: Floats
    target: float

    @classmethod
    def fits(cls, matrix: Any) -> bool:
        """Whether X'X of this matrix is small and cheap."""
        entries = getattr(matrix, "nnz", matrix.size)
        return bool(matrix.shape[1] <= MOST_COLUMNS and entries <= MOST_PER_ROW * max(matrix.shape[0], 1))

    @classmethod
    def of(cls, matrix: Any, target: Floats, weight: Floats) -> Gram:
        """The sums for a dense or CSR matrix (n, d), target (n,) and weight (n,)."""
        total = weight.sum()
        centre = float(weight @ target / total)
        aside = weight * (target - centre)
        if sparse.issparse(matrix):
            square = np.zeros((matrix.shape[1], matrix.shape[1]))
            _square(matrix.indptr, matrix.indices, matrix.data, weight, square)
        else:
            square = matrix.T @ (matrix * weight[:, None])
        mean, cross = np.asarray(matrix.T @ weight) / total, np.asarray(matrix.T @ aside)
        square -= total * np.outer(mean, mean)
        return cls(square, cross, mean, centre)

    def solve(self, penalty: float) -> tuple[Floats, float]:
        """Coefficients (d,) and intercept that minimise the squared error + penalty |coefficients|².

        Raises `scipy.linalg.LinAlgError` where that has no single answer, or none in float64.
        """
        damped = self.square.copy()
        damped[np.diag_indices_from(damped)] += penalty
        try:
            with threadpool_limits(1):  # small: several threads would mostly wait for each other
                coefficients = linalg.cho_solve(linalg.cho_factor(damped, overwrite_a=True), self.cross)
        except ValueError as error:  # infinite sums
            raise linalg.LinAlgError(str(error)) from error
        return coefficients, self.target - float(self.mean @ coefficients)


@compiled
def _square(
    starts: NDArray[np.integer[Any]], columns: NDArray[np.integer[Any]], values: Floats, weight: Floats, out: Floats
) -> None:
    """Add w x x' over CSR rows to `out`, (d, d): one triangle, then mirrored."""
    for i in range(len(weight)):
        for a in range(starts[i], starts[i + 1]):
            row, x = out[columns[a]], weight[i] * values[a]
            for b in range(a, starts[i + 1]):
                row[columns[b]] += x * values[b]
    for a in range(len(out)):  # columns of a row need not ascend
        for b in range(a):
            total = out[a, b] + out[b, a]
            out[a, b] = total
            out[b, a] = total
