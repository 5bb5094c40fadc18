"""Gaps: what comes out for the groups of a sensitive column, and what predictions would do to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case
from poise.assessment.costs import costs_of
from poise.assessment.policies import threshold
from poise.assessment.trials import Trials
from poise.evaluation.bootstrap import Resampled, mean_sums
from poise.evaluation.slices import MISSING, Slice, slices_of
from poise.evaluation.words import number
from poise.table import Column

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
LEAST_GROUP = 30
"""Groups of fewer judged rows are counted, not compared."""
MOST_GROUPS = 6
SURE = 0.95
FOUR_FIFTHS = 0.8
"""A group selected less than four fifths as often as another is what US guidelines look at first (29 CFR 1607.4)."""
AGES = (30.0, 50.0)
"""Ages are cut at these: young, middle, older."""


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """One figure by group: of which rows the mean of `values` (n,) is taken."""

    name: str
    words: str
    values: Floats
    share: bool = True
    """Whether it is a share, so that differences are in points of a hundred."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference of one measure between two groups, with limits that hold for all pairs together."""

    measure: str
    words: str
    share: bool
    group: str
    other: str
    value: float
    low: float
    high: float
    ratio: float

    @property
    def shown(self) -> bool:
        """Whether the groups are shown to differ."""
        return self.low > 0


def groups_of(case: Case, column: str, kind: str, rows: Rows) -> list[Slice]:
    """The groups of `rows` by a column: its largest levels; ages under 30, 50 and above; other numbers by quartiles.

    Positions are places in `rows`. Empty where the column is none that models could see, or all rows are one group.
    """
    inputs = case.columns[column].inputs
    if not inputs or inputs[0] not in case.table:
        return []
    made = case.table[inputs[0]].take(rows)
    if kind == "age" and made.kind == "number" and np.nanmax(made.values, initial=0) <= 120:
        made = _bands(made)
    found = slices_of(column, made, case.blocks(rows), LEAST_GROUP).enough
    return [one for one in found if one.value != MISSING][:MOST_GROUPS] if len(found) > 1 else []


def _bands(ages: Column) -> Column:
    there = ages.values[np.isfinite(ages.values)]
    if not len(there) or len(np.unique(there)) <= 2 or there.min() < 0:
        return ages
    names = [f"under {number(AGES[0])}", f"{number(AGES[0])} to {number(AGES[1] - 1)}", f"{number(AGES[1])} and older"]
    codes = np.searchsorted(AGES, ages.values, side="right")
    return Column.coded(np.where(np.isfinite(ages.values), codes, -1), names)


def measures(case: Case, trials: Trials) -> list[Measure]:
    """What is compared between groups, by the kind of the target."""
    truth, predicted = trials.target.astype(np.float64), trials.learned
    if case.problem == "regression":
        return [
            Measure("truth", f"the mean '{case.target_name}'", truth, False),
            Measure("error", "how far predictions are too high", predicted - truth, False),
            Measure("off", "how far predictions are off", np.abs(predicted - truth), False),
        ]
    if case.problem == "multi-class":
        return [Measure("right", "the share of right answers", (predicted.argmax(axis=1) == truth).astype(np.float64))]
    yes = case.classes[1]
    said = (predicted >= cut(case, trials)).astype(np.float64)
    return [
        Measure("truth", f"the share that is '{yes}'", truth),
        Measure("selected", f"the share taken for '{yes}'", said),
        Measure("missed", f"the share of '{yes}' that is missed", np.where(truth == 1, 1 - said, np.nan)),
        Measure(
            "false_alarm", f"the share of the others wrongly taken for '{yes}'", np.where(truth == 0, said, np.nan)
        ),
        Measure("calibration", f"the share by which '{yes}' is foretold too often", predicted - truth),
    ]


def cut(case: Case, trials: Trials) -> float:
    """From where on a row is taken for yes: by declared costs, else so that as many are as are truly yes."""
    costs = costs_of(case)
    if costs is not None and costs.outcomes is not None:
        return threshold(costs.outcomes)
    return float(np.quantile(trials.learned, 1 - float(trials.target.mean())))


def gaps_of(trials: Trials, groups: list[Slice], found: list[Measure]) -> tuple[list[dict[str, Any]], list[Gap]]:
    """The table of groups by measures, and the largest gap of each measure."""
    table: list[dict[str, Any]] = [{"group": one.value, "rows": len(one.rows)} for one in groups]
    gaps: list[Gap] = []
    for measure in found:
        spreads = [_spread(trials, measure, one.rows) for one in groups]
        for row, made in zip(table, spreads, strict=True):
            row[measure.name] = _interval(made)
        gap = _largest(measure, groups, spreads)
        if gap is not None:
            gaps.append(gap)
    return table, gaps


def _spread(trials: Trials, measure: Measure, rows: Rows) -> Resampled:
    return Resampled(mean_sums(measure.values[rows], trials.blocks.take(rows)), seed=trials.seed)


def _interval(made: Resampled) -> dict[str, float | None]:
    ends: dict[str, Callable[[], float]] = {"value": lambda: made.value, "low": made.low, "high": made.high}
    out = {name: read() for name, read in ends.items()}
    return {name: value if np.isfinite(value) else None for name, value in out.items()}


def _largest(measure: Measure, groups: list[Slice], spreads: list[Resampled]) -> Gap | None:
    """The pair that differs most surely; limits by normal approximation, Bonferroni over all pairs."""
    usable = [i for i, made in enumerate(spreads) if made.blocks >= 5 and np.isfinite(made.value)]
    pairs = list(combinations(usable, 2))
    if not pairs:
        return None
    times = NormalDist().inv_cdf(1 - (1 - SURE) / len(pairs) / 2)
    made = []
    for a, b in pairs:
        high, low = (a, b) if spreads[a].value >= spreads[b].value else (b, a)
        apart = spreads[high].value - spreads[low].value
        error = float(np.hypot(max(spreads[high].error, 1e-9), max(spreads[low].error, 1e-9)))
        ratio = spreads[low].value / spreads[high].value if spreads[high].value > 0 else float("nan")
        made.append(Gap(measure.name, measure.words, measure.share, groups[high].value, groups[low].value, apart,
                        apart - times * error, apart + times * error, ratio))  # fmt: skip
    return max(made, key=lambda gap: gap.low)
