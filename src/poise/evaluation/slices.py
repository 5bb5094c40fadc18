"""Slices: the same score among rows that share a value, so that a good average hides nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array, Metric
from poise.evaluation.blocks import ENOUGH, Blocks
from poise.evaluation.bootstrap import Interval, interval
from poise.evaluation.spread import Spread
from poise.evaluation.words import number
from poise.table import Column

LEAST_ROWS = 100
"""A slice with fewer rows, or with rows in fewer than 20 blocks, is counted but not judged."""
MOST_LEVELS = 30
"""The values with most rows are slices; all others together are one more."""
MISSING, OTHERS = "(missing)", "(others)"


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """The rows (positions) whose value of the column `by` is `value`."""

    by: str
    value: str
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """The slices by one column with enough rows, largest first, and how many had too few."""

    enough: tuple[Slice, ...]
    too_small: int


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """One slice against a bound: its value and the limit that must clear it, both on the scale of the bound.

    `level` is the one-sided level of `limit`, which grows with the number of slices; `clears` is said at that level.
    """

    slice: Slice
    value: float
    limit: float
    level: float
    blocks: int
    clears: bool

    def limit_as(self, of_mean: Callable[[float], float]) -> float:
        """The limit on the scale of scores."""
        return of_mean(self.limit) if np.isfinite(self.limit) else self.limit


def slices_of(by: str, column: Column, blocks: Blocks, least_rows: int = LEAST_ROWS) -> Slices:
    """The slices of n rows by `column` (n,); missing is a slice of its own.

    Numbers of more than ten different values are cut at their quartiles.

    >>> from poise.evaluation.blocks import blocks_of
    >>> column = Column.strings(["a", None] * 150)
    >>> [(s.value, len(s.rows)) for s in slices_of("x", column, blocks_of(np.full(300, -(2**63)))).enough]
    [('(missing)', 150), ('a', 150)]
    """
    codes, names = _levels(column)
    sizes = np.bincount(codes, minlength=len(names))
    order = sorted(np.flatnonzero(sizes).tolist(), key=lambda j: (-sizes[j], names[j]))
    groups = [(names[j], np.array([j])) for j in order[:MOST_LEVELS]]
    if len(order) > MOST_LEVELS:
        groups.append((OTHERS, np.array(order[MOST_LEVELS:])))
    found = [Slice(by, name, np.flatnonzero(np.isin(codes, members))) for name, members in groups]
    enough = [s for s in found if len(s.rows) >= least_rows and _blocks(blocks, s) >= ENOUGH]
    return Slices(tuple(enough), len(found) - len(enough))


def scores_by_slice(
    metric: Metric, target: Array, prediction: Array, blocks: Blocks, by: str, column: Column
) -> list[dict[str, Any]]:
    """The score of each slice with its limits (one-sided 95 % each, not simultaneous), worst first: for the report."""
    made: list[tuple[Slice, Interval]] = []
    for s in slices_of(by, column, blocks).enough:
        score = interval(metric, target[s.rows], prediction[s.rows], blocks.take(s.rows))
        if np.isfinite(score.value):
            made.append((s, score))
    made.sort(key=lambda pair: pair[1].value, reverse=not metric.bigger_is_better)
    return [
        {"by": s.by, "value": s.value, "metric": metric.name, "score": score.value}
        | {k: v for k, v in score.to_dict().items() if k != "value"}
        for s, score in made
    ]


def hold(
    slices: Sequence[Slice],
    spread: Callable[[NDArray[np.int64]], Spread],
    bound: float,
    at_most: bool,
    strictly: bool = False,
    level: float = 0.95,
) -> list[Tested]:
    """Each slice against `bound`, all together at `level` (Holm, Scandinavian J. of Statistics, 1979); worst first.

    `spread` gives the value of some rows and how sure it is, on the scale of `bound`; a slice whose value is not
    defined is left out.
    The clearest one of m is asked to clear at 1 - (1 - level) / m, the next at 1 - (1 - level) / (m - 1), and so on to
    the worst, at `level`. That all clear is shown only if each does at its own level.
    """
    drawn = [(spread(s.rows), s) for s in slices]
    drawn = [(made, s) for made, s in drawn if np.isfinite(made.value)]
    chances = [made.chance_above(bound) if at_most else made.chance_below(bound) for made, _ in drawn]
    out: list[Tested] = []
    for place, i in enumerate(sorted(range(len(drawn)), key=lambda i: (chances[i], drawn[i][1].value))):
        made, s = drawn[i]
        at = 1 - (1 - level) / (len(drawn) - place)
        limit = made.high(at) if at_most else made.low(at)
        beyond = bound - limit if at_most else limit - bound
        out.append(Tested(s, made.value, limit, at, made.blocks, beyond > 0 if strictly else beyond >= 0))
    return out[::-1]


def _levels(column: Column) -> tuple[NDArray[np.int64], list[str]]:
    """The level of each row, (n,), and the levels' names."""
    gone = column.missing()
    if column.kind == "string":
        assert column.levels is not None
        names = [str(level) for level in column.levels]
        return np.where(gone, len(names), column.values).astype(np.int64), [*names, MISSING]
    values = column.values[~gone]
    different, codes = np.unique(values, return_inverse=True)
    names = [number(float(v), 6) for v in different]
    if len(different) > 10:
        edges = np.unique(np.quantile(values, [0.25, 0.5, 0.75]))
        codes = np.searchsorted(edges, values, side="left")
        ends = [number(float(e), 6) for e in edges]
        names = [f"up to {ends[0]}", *(f"above {a} up to {b}" for a, b in pairwise(ends))]
        names.append(f"above {ends[-1]}")
    out = np.full(len(column), len(names), np.int64)
    out[~gone] = codes
    return out, [*names, MISSING]


def _blocks(blocks: Blocks, s: Slice) -> int:
    return len(np.unique(blocks.codes[s.rows]))
