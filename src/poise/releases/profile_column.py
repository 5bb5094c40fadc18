"""What one column was like: a quantile sketch or a table of levels, and the same in few bins for each block of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.releases.profile_arrays import pack, unpack
from poise.table import Column

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POINTS = 1_200
"""Quantiles that are kept of a number: between two of them lies less than 1e-3 of the rows."""
BINS = 12
"""Bins of a number (levels of a category) of which each block's counts are kept."""
ARRAYS = ("points", "upto", "below", "edges", "blocks")
LEVELS = 1_000
"""Levels of a category that are kept by name, the most frequent."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Rows of a column, counted in m blocks of time by the bins of its profile.

    rows, missing: (m,). counts: (m, p) of what is not missing; of numbers cumulated: how many are at most the point
    (`upto`) of the sketch, with `below` (m, p) how many are less. Of categories: per level of the profile, with
    `unseen` (m,) of levels that it does not name.
    """

    rows: Ints
    missing: Ints
    counts: Ints
    below: Ints | None = None
    unseen: Ints | None = None
    tops: Ints | None = None
    """Of numbers the rows of the value that is most frequent in each block, (m,)."""

    def take(self, blocks: slice) -> Tally:
        """Some of the blocks."""
        below = None if self.below is None else self.below[blocks]
        unseen = None if self.unseen is None else self.unseen[blocks]
        tops = None if self.tops is None else self.tops[blocks]
        return Tally(self.rows[blocks], self.missing[blocks], self.counts[blocks], below, unseen, tops)


@dataclass(frozen=True, slots=True, eq=False)
class ColumnProfile:
    """One column of n rows.

    kind: `number` (also of instants, and of texts their length) or `category`. points: of a number distinct quantiles,
    ascending, (p,), with `upto` rows at most and `below` rows less than each, (p,); of a category `levels` by how
    frequent they are, with their rows in `upto`. edges: which points bound the bins of blocks, (e,).
    blocks: per block its rows, missing ones, and counts at the edges, (m, 2 + e); of categories counts of the first
    `BINS` levels, then those whose level did not occur in the first half of the blocks. plain: of numbers per block
    (m, 4): the rows of its most frequent value, and those below the least value, above the greatest and at none of the
    points of the first half of the blocks; empty of categories and where an older Poise made the profile.
    """

    kind: Literal["number", "category"]
    rows: int
    missing: int
    points: Floats
    upto: Ints
    below: Ints
    edges: Ints
    blocks: Ints
    levels: tuple[str, ...] = ()
    complete: bool = True
    """Whether all levels that occurred are named."""
    plain: Ints = field(default_factory=lambda: np.zeros((0, 4), np.int64))

    @property
    def present(self) -> int:
        """Rows in which it is not missing."""
        return self.rows - self.missing

    @classmethod
    def of(cls, column: Column, starts: Ints) -> ColumnProfile:
        """Rows in the order of T, of which block i begins at row `starts[i]`, (m,)."""
        return _levels(column, starts) if _is_category(column) else _numbers(numbers(column), starts)

    def tally(self, column: Column, starts: Ints) -> Tally:
        """Other rows of the same column, counted by these points or levels."""
        if self.kind == "category":
            return self._tally_levels(column, starts)
        values, ends = numbers(column), np.append(starts[1:], len(column))
        shape = len(starts), len(self.points)
        upto, below, present = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(len(starts), np.int64)
        tops = np.zeros(len(starts), np.int64)
        for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
            block = np.sort(values[start:end])
            present[at] = len(block) - np.count_nonzero(np.isnan(block[np.searchsorted(block, np.inf, "right") :]))
            block = block[: present[at]]
            upto[at] = np.searchsorted(block, self.points, "right")
            below[at] = np.searchsorted(block, self.points, "left")
            changes = np.flatnonzero(block[1:] != block[:-1]) + 1
            tops[at] = np.diff(changes, prepend=0, append=len(block)).max(initial=0)
        rows = ends - starts
        return Tally(rows, rows - present, upto, below, tops=tops)

    def _tally_levels(self, column: Column, starts: Ints) -> Tally:
        wide = len(self.levels)
        places = self._places(_as_category(column))
        ends = np.append(starts[1:], len(column))
        counts = np.array(
            [np.bincount(places[start:end], minlength=wide + 2) for start, end in zip(starts, ends, strict=True)]
        ).reshape(len(starts), wide + 2)
        return Tally(ends - starts, counts[:, -1], counts[:, :wide], unseen=counts[:, wide])

    def gaps(self, column: Column, starts: Ints) -> Tally:
        """What `tally` says of missing values and levels that are not named, without counting the others."""
        rows, counts = np.diff(np.append(starts, len(column))), np.zeros((len(starts), 0), np.int64)
        if self.kind != "category":
            return Tally(rows, in_blocks(np.isnan(numbers(column)), starts), counts)
        places = self._places(_as_category(column))
        missing, unseen = (in_blocks(places == len(self.levels) + at, starts) for at in (1, 0))
        return Tally(rows, missing, counts, unseen=unseen)

    def _places(self, column: Column) -> Ints:
        """Of each row the place of its level; of those that are not named the next, of missing values the one after."""
        assert column.levels is not None
        index, wide = {level: at for at, level in enumerate(self.levels)}, len(self.levels)
        lookup = np.array([*(index.get(level, wide) for level in column.levels), wide + 1], np.int64)
        places: Ints = lookup[column.values]
        return places

    def to_json(self) -> dict[str, Any]:
        """For `profile.json`."""
        out: dict[str, Any] = {"kind": self.kind, "rows": self.rows, "missing": self.missing}
        arrays = {name: pack(getattr(self, name)) for name in (*ARRAYS, "plain")}
        return out | {"levels": list(self.levels), "complete": self.complete} | arrays

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ColumnProfile:
        """What `to_json` gave."""
        arrays = {name: unpack(content[name]) for name in (*ARRAYS, "plain") if name in ARRAYS or name in content}
        kind, rows, missing = content["kind"], content["rows"], content["missing"]
        return cls(kind, rows, missing, **arrays, levels=tuple(content["levels"]), complete=content["complete"])


def numbers(column: Column) -> Floats:
    """The values as numbers, NaN where missing: instants in microseconds, of texts how many characters they have."""
    if column.kind == "number":
        return np.asarray(column.values, np.float64)
    if column.kind == "time":
        return np.where(column.missing(), np.nan, column.values.astype(np.float64))
    assert column.levels is not None
    lengths = np.array([len(level) for level in column.levels] or [0], np.float64)
    return np.where(column.values >= 0, lengths[np.maximum(column.values, 0)], np.nan)


def in_blocks(flags: NDArray[np.bool_], starts: Ints) -> Ints:
    """How many of the rows of each block are flagged.

    >>> in_blocks(np.array([True, False, True]), np.array([0, 0, 1])).tolist()
    [0, 1, 1]
    """
    counts = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(counts[np.append(starts[1:], len(flags))] - counts[starts], np.int64)


def _is_category(column: Column) -> bool:
    return column.kind == "string"


def _as_category(column: Column) -> Column:
    """A column that came as something else than it was trained on holds no level that is known."""
    if column.kind == "string":
        return column
    return Column.coded(np.where(column.missing(), -1, 0), [f"not a text ({column.kind})"])


def _numbers(values: Floats, starts: Ints) -> ColumnProfile:
    ordered = np.sort(values)
    ordered = ordered[: np.searchsorted(ordered, np.inf, "right")]
    here = len(ordered)
    points = _points(ordered)
    upto, below = np.searchsorted(ordered, points, "right"), np.searchsorted(ordered, points, "left")
    wanted = np.unique(np.searchsorted(upto, here * np.arange(1, BINS) / BINS)) if here else np.zeros(0, np.int64)
    edges = np.minimum(wanted, max(len(points) - 1, 0))
    draft = ColumnProfile("number", len(values), len(values) - here, points, upto, below, edges, np.zeros((0, 2), int))
    tally = draft.tally(Column.numbers(values), starts)
    assert tally.tops is not None
    blocks = np.column_stack([tally.rows, tally.missing, tally.counts[:, edges]])
    plain = np.column_stack([tally.tops, *_unknown(values, starts)])
    return ColumnProfile("number", len(values), len(values) - here, points, upto, below, edges, blocks, plain=plain)


def _points(ordered: Floats) -> Floats:
    """Distinct quantiles of values, ascending."""
    here = len(ordered)
    at = np.round(np.linspace(0, here - 1, min(POINTS, here))).astype(np.int64) if here else np.zeros(0, np.int64)
    return np.unique(ordered[at])


def _unknown(values: Floats, starts: Ints) -> tuple[Ints, Ints, Ints]:
    """Per block the rows below all, above all, and at none of the points of the first half of the blocks."""
    half = values[: starts[(len(starts) + 1) // 2] if len(starts) > 1 else len(values)]
    points = _points(np.sort(half[~np.isnan(half)]))
    if not len(points):
        return (np.zeros(len(starts), np.int64),) * 3
    at = np.minimum(np.searchsorted(points, values), len(points) - 1)
    new = (points[at] != values) & ~np.isnan(values)
    return in_blocks(values < points[0], starts), in_blocks(values > points[-1], starts), in_blocks(new, starts)


def _levels(column: Column, starts: Ints) -> ColumnProfile:
    assert column.levels is not None
    there = column.values >= 0
    counts = np.bincount(column.values[there], minlength=len(column.levels))
    order = np.argsort(-counts, kind="stable")[:LEVELS]
    order = order[counts[order] > 0]
    named = tuple(str(column.levels[at]) for at in order)
    nothing = np.zeros(0)
    upto, edges = counts[order].astype(np.int64), np.arange(min(BINS, len(order)))
    complete = bool((counts > 0).sum() <= LEVELS)
    missing = int((~there).sum())
    empty = np.zeros((0, 2), np.int64)
    draft = ColumnProfile("category", len(column), missing, nothing, upto, upto[:0], edges, empty, named, complete)
    tally = draft.tally(column, starts)
    late = _late(column, starts)
    blocks = np.column_stack([tally.rows, tally.missing, tally.counts[:, edges], late])
    return ColumnProfile("category", len(column), missing, nothing, upto, upto[:0], edges, blocks, named, complete)


def _late(column: Column, starts: Ints) -> Ints:
    """Per block the rows whose level did not occur in the first half of the blocks: how fast new levels come."""
    assert column.levels is not None
    ends = np.append(starts[1:], len(column))
    half = int(ends[(len(starts) + 1) // 2 - 1]) if len(starts) else 0
    known = np.zeros(len(column.levels) + 1, np.bool_)
    known[column.values[:half]] = True
    new = ~known[column.values] & (column.values >= 0)
    block = np.repeat(np.arange(len(starts)), ends - starts)
    return np.bincount(block[new], minlength=len(starts)).astype(np.int64)
