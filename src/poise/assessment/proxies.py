"""Proxies: which other columns tell a sensitive one, so that leaving it out hides nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case
from poise.assessment.trials import Trials
from poise.errors import NotEnoughData
from poise.evaluation.auc import Auc
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import Interval, interval
from poise.evaluation.slices import Slice
from poise.table import Column

Floats = NDArray[np.float64]
MOST_ROWS = 6_000
MOST_INPUTS = 200
BINS = 10
PROXY, STRONG = 0.65, 0.8
"""From such an AUC on (its lower limit) a column is called a proxy, and a strong one."""
LEVEL = 0.999
"""Many columns are tried."""
SMOOTHING = 5.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """A column that tells the group `group` from the others: AUC with its limits."""

    column: str
    group: str
    auc: Interval

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"column": self.column, "group": self.group, "auc": self.auc.to_dict()}


def proxies_of(case: Case, column: str, groups: list[Slice], rows: NDArray[np.int64]) -> list[Proxy]:
    """The inputs of other columns that tell a group of `column`, strongest first.

    Each is cut into ten ranges (or its levels); how often they hold the group is counted in one half of the rows and
    judged on the other, both ways.
    """
    inputs = [name for name in case.types if case.column_of(name) != column and case.types[name] != "text"]
    member = {group.value: np.isin(np.arange(len(rows)), group.rows) for group in groups[:4]}
    if len(member) == 2:
        member.popitem()
    some = np.arange(len(rows))[:: max(1, len(rows) // MOST_ROWS)]
    blocks = case.blocks(rows[some])
    found = []
    for name in inputs[:MOST_INPUTS]:
        codes = _codes(case.table[name].take(rows[some]))
        tried = [(group, _auc(codes, truth[some], blocks)) for group, truth in member.items()]
        group, auc = max(tried, key=lambda pair: -1.0 if np.isnan(pair[1].value) else pair[1].value)
        if auc.low >= PROXY:
            found.append(Proxy(case.column_of(name), group, auc))
    found.sort(key=lambda proxy: -proxy.auc.value)
    strongest: dict[str, Proxy] = {}
    for proxy in found:
        strongest.setdefault(proxy.column, proxy)
    return list(strongest.values())


def together(case: Case, column: str, group: Slice, rows: NDArray[np.int64], threads: int = 1) -> Interval | None:
    """How well all other columns together (`linear`) tell a group from the others; None where that cannot be told."""
    some = np.arange(len(rows))[:: max(1, len(rows) // (MOST_ROWS // 2))]
    truth = np.isin(some, group.rows).astype(np.float64)
    if min(truth.sum(), len(truth) - truth.sum()) < 20:
        return None
    own = {name for name in case.types if case.column_of(name) == column}
    twin = replace(case.take(rows[some]), problem="binary", target=truth, classes=("others", group.value))
    try:
        trials = Trials(twin.without(*own), threads)
        return interval(Auc(), trials.target, trials.raw("linear"), trials.blocks)
    except NotEnoughData:
        return None


def _codes(column: Column) -> NDArray[np.int64]:
    if column.kind == "string":
        return column.values.astype(np.int64) + 1
    edges = np.unique(np.nanquantile(column.values, np.linspace(0, 1, BINS + 1)[1:-1])) if len(column) else np.empty(0)
    codes = np.searchsorted(edges, column.values, side="right") + 1
    return np.where(np.isfinite(column.values), codes, 0).astype(np.int64)


def _auc(codes: NDArray[np.int64], truth: NDArray[np.bool_], blocks: Blocks) -> Interval:
    half = np.arange(len(codes)) % 2 == 0
    score = np.empty(len(codes))
    size = int(codes.max()) + 1
    for learn in (half, ~half):
        rows = np.bincount(codes[learn], minlength=size)
        hits = np.bincount(codes[learn], truth[learn], size)
        base = truth[learn].mean()
        score[~learn] = ((hits + SMOOTHING * base) / (rows + SMOOTHING) - base)[codes[~learn]]
    return interval(Auc(), truth.astype(np.float64), score, blocks, LEVEL)
