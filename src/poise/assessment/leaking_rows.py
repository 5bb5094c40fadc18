"""Leaking rows: copies, rows that are sorted by the target, and rows of one entity on both sides of a comparison."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.base import Finding
from poise.assessment.case import Case, Index
from poise.assessment.kinds import ID_NAME
from poise.assessment.percent import percent
from poise.assessment.probing import by_bin, columns_of, held_out, loss_of, matrix, ranks, truth_of
from poise.evaluation.base import Floats
from poise.evaluation.bootstrap import BlockSums, Resampled

SORTED = 0.5
"""Neighbours in the table that say so much of each other's target stand in an order made by it."""
RUNS = 50
TRIED = 3
"""Columns that look like the key of an entity and are tried as one, at most."""
FEW_ROWS, MOST_ROWS = 1.5, 200
"""Rows per value of such a column, on average: at least and at most."""
REPEATED = 0.6
ENTITIES, EVEN = 50, 1.4
"""A column that is not named as a key looks like one where so many values have about as many rows each (deviation over
mean; half of it for numbers): measurements, even rounded ones, heap in the middle."""
ENTITY_NAME = re.compile(
    r"(^|[\W_])(user|cust(omer)?|client|patient|subject|account|person|member|device|household|employee|driver)"
    r"(_?(no|nr|num|number|code))?$",
    re.I,
)
ROWS, FOLDS, SETS = 6_000, 3, 60
LOST = 0.1
"""Of what is explained so much must go when no entity stands on both sides …"""
LEAST_LOST = 0.02
"""… and so much of all that is uncertain."""
SURE_LEVEL = 0.99
FORETOLD = 0.5
"""A number of which the other columns say so much (share of the variance of its rank), even of values that they were
not learned from, is measured: a number that only stands for somebody follows from nothing."""


def leaking_rows(case: Case) -> tuple[list[Finding], list[dict[str, Any]]]:
    """Findings about rows, and for each column that looks like a key the results with its entities mixed and apart."""
    found = [*_copies(case), *_sorted(case)]
    tried = [] if case.groups is not None else [_entity(case, name) for name in keys_of(case)[:TRIED]]
    made = [one for one in tried if one is not None]
    inflated = [one for one in made if one.inflated]
    # What is called a key is one; an age or an amount may tell its rows as well as that, and would be no advice.
    worst = max(inflated, key=lambda one: (is_key(one.column), one.lost.value), default=None)
    if worst is not None:
        found.append(worst.finding(case))
    return found, [one.to_dict() for one in made]


def _copies(case: Case) -> list[Finding]:
    if case.copies is None:
        return []
    copied = case.rows - len(np.unique(case.copies))
    said = (
        f"{copied:,} of {case.rows:,} rows are copies of others. Split at random they stand on both sides and make any"
        " model look better than it is; here copies stay together. Remove them before training."
    )
    return [Finding(said, "warn")]


def _sorted(case: Case) -> list[Finding]:
    """Rows in the order of the target: a number of the row, or the order of a file, would be a perfect feature."""
    if case.timed or case.rows < 2 * RUNS:
        return []
    rows = np.arange(case.rows)
    truth, runs = truth_of(case, rows), rows * RUNS // case.rows
    folds = np.random.default_rng(0).permutation(rows % 2)
    base, near = (loss_of(case.problem, truth, by_bin(c, truth, folds)).mean() for c in (runs * 0, runs))
    if base <= 0 or 1 - near / base < SORTED:
        return []
    place = rows / case.rows
    telling = [
        name for name in columns_of(case, rows)
        if case.types[name] == "number" and _correlation(case.table[name].values, place) > 0.99
    ]  # fmt: skip
    said = f"The rows stand in the order of '{case.target_name}'"
    clocks = [case.column_of(name) for name in telling if case.columns[case.column_of(name)].kind == "time"]
    if clocks:
        return [Finding(f"{said}, which is that of '{clocks[0]}': the target has a course in time. Ask with --time.")]
    if not telling:
        return [Finding(f"{said}: a number of the row or an id given in this order would give it away.", "note")]
    named = tuple(case.column_of(name) for name in telling)
    return [Finding(f"{said}, and '{named[0]}' numbers them: it gives the answer away.", "stop", named)]


def _correlation(values: Floats, place: Floats) -> float:
    there = np.isfinite(values)
    if there.sum() < 10 or np.ptp(values[there]) == 0:
        return 0.0
    return abs(float(np.corrcoef(ranks(values)[there], place[there])[0, 1]))


def is_key(name: str) -> bool:
    """Whether a column is called what people call keys of entities."""
    return bool(ID_NAME.search(name) or ENTITY_NAME.search(name))


def keys_of(case: Case) -> list[str]:
    """Columns that look like the key of something that has several rows, the likeliest first: inputs, and ids."""
    ids = {name: "category" for name, column in case.columns.items() if column.kind == "id" and name in case.table}
    found = []
    for name, of in {**case.types, **ids}.items():
        if of == "text":
            continue
        column = case.table[name]
        values = column.values[~column.missing()]
        if len(values) < 0.9 * case.rows or not len(values):
            continue
        _, counts = np.unique(values, return_counts=True)
        each = len(values) / len(counts)
        if not FEW_ROWS <= each <= min(MOST_ROWS, len(values) / 20) or counts[counts > 1].sum() < REPEATED * len(
            values
        ):
            continue
        named = is_key(case.column_of(name))
        even = float(counts.std() / counts.mean())
        if named or (len(counts) >= ENTITIES and even < (EVEN if of == "category" else EVEN / 2)):
            found.append((not named, of != "category", even, name))
    return [name for *_, name in sorted(found)]


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """What is explained with the rows of an entity on both sides (`mixed`) and on one (`apart`), as shares."""

    column: str
    entities: int
    mixed: float
    apart: float
    lost: Resampled

    @property
    def inflated(self) -> bool:
        """Whether results are better than they will be for entities that are new."""
        worth = max(LEAST_LOST, LOST * max(self.mixed, 0.0))
        return self.lost.value >= worth and self.lost.low(SURE_LEVEL) > 0

    def finding(self, case: Case) -> Finding:
        """It in words."""
        said = (
            f"Rows of one '{self.column}' know each other: {percent(self.mixed)} of what is uncertain is explained"
            f" where they stand on both sides, {percent(max(self.apart, 0))} for a '{self.column}' that is new. If new"
            f" rows are of others, judge with --key {self.column}."
        )
        return Finding(said, "warn", (self.column,))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "column": self.column, "entities": self.entities, "mixed": self.mixed, "apart": self.apart,
            "lost": self.lost.value, "lost_low": self.lost.low(), "lost_high": self.lost.high(),
        }  # fmt: skip


def _entity(case: Case, name: str) -> Entity | None:
    """The same quick model twice: rows parted at random, and by entity.

    The column itself is seen only where it is named as an id: what a shop or a city is like is an honest reason.
    """
    column = case.table[name]
    _, codes = np.unique(column.values, return_inverse=True)
    rows = _whole(codes, ROWS)
    codes = np.unique(codes[rows], return_inverse=True)[1]
    if codes.max() < 10:
        return None
    own = case.column_of(name)
    hidden = () if is_key(own) else (name,)
    X, truth = matrix(case, columns_of(case, rows, hidden), rows), truth_of(case, rows)
    rng = np.random.default_rng(0)
    mixed = rng.permutation(np.arange(len(rows)) % FOLDS)
    apart = rng.permutation(np.arange(codes.max() + 1) % FOLDS)[codes]
    if hidden and column.kind != "string" and _foretold(case, name, rows, apart) >= FORETOLD:
        return None
    many = case.problem == "multi-class"
    y = truth.argmax(axis=1) if many else truth[:, 0]
    losses = []
    for folds in (mixed, apart):
        made = held_out(case.problem, X, y, folds, len(case.classes) if many else 1)
        losses.append(loss_of(case.problem, truth, made if many else made[:, None]))
    base = loss_of(case.problem, truth, np.tile(truth.mean(axis=0), (len(rows), 1)))
    sets = rng.permutation(np.arange(codes.max() + 1) % SETS)[codes]
    lost, of = (np.asarray(np.bincount(sets, one, SETS), np.float64) for one in (losses[1] - losses[0], base))
    both, one_side = (1 - float(loss.mean() / base.mean()) for loss in losses)
    return Entity(own, int(codes.max()) + 1, both, one_side, Resampled(BlockSums(lost, of)))


def _foretold(case: Case, name: str, rows: Index, apart: NDArray[np.int64]) -> float:
    """How much of a number the other columns say, of values that were not learned from.

    Where few values of a measurement were drawn, models learn which they are, and that is of no use for others.
    """
    place = ranks(case.table[name].values[rows].astype(np.float64))
    there = np.isfinite(place)
    X = matrix(case, columns_of(case, rows, (name,)), rows)[there]
    made = held_out("regression", X, place[there], apart[there])
    return 1 - float(((place[there] - made) ** 2).mean()) / max(float(place[there].var()), 1e-12)


def _whole(codes: NDArray[np.int64], most: int) -> Index:
    """About so many rows, of whole entities."""
    if len(codes) <= most:
        return np.arange(len(codes))
    order = np.random.default_rng(0).permutation(int(codes.max()) + 1)
    sizes = np.bincount(codes)[order]
    kept = np.zeros(len(order), np.bool_)
    kept[order[: int(np.searchsorted(np.cumsum(sizes), most)) + 1]] = True
    return np.flatnonzero(kept[codes])
