"""Where a model is of no use: regions of one column in which it explains nothing, though it explains much elsewhere.

Each region is tested by blocks against what the model explains among all other rows, with its own mean as the measure;
all regions together by Holm's first step. Homogeneous problems have no such region: where one column says most, its
values differ in what is left to explain, but none is left with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import t as student

from poise.assessment.case import Case
from poise.assessment.learnable import BOTH_WAYS, both_ways
from poise.assessment.regions import Mask, Region, of_levels, regions_of, rounded, sided
from poise.assessment.trials import Trials
from poise.evaluation.base import Floats
from poise.evaluation.blocks import ENOUGH
from poise.evaluation.slices import LEAST_ROWS, slices_of
from poise.models.losses import losses

ALPHA = 0.01
"""A part is named where chance would name one, of all that are looked at, in at most this share of cases."""
AMONG = 0.05
"""The same among the values of a column that is known to part the rows."""
LEFT = 0.1
"""Of no use: among these rows the model explains less than a tenth of what it explains among the others …"""
ALIKE = 0.12
"""… also beyond what is known of all rows: where those of a region are mostly alike, its mean is an answer …"""
OPEN = 0.8
"""… and yes or no is there about as uncertain, after the model, as it was for all rows without one."""
LEAST_SHARE = 0.05
"""A region has at least this share of the rows, and leaves as many."""
LEAST_SKILL = 0.02
"""In the part that remains the model explains at least this."""
MOST_INPUTS = 300
SHOWN_SLICES, SHOWN_INPUTS = 60, 8
FINE = 200
"""A cut is settled among so many places."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A region in which the model is of no use: the shares that it explains there and elsewhere, and the p-value."""

    region: Region
    inside: float
    outside: float
    low: float
    chance: float


def weight(one: Found) -> float:
    """How much a region sets apart: the larger both sides and the larger their difference, the more."""
    return (one.outside - one.inside) * one.region.share * (1 - one.region.share)


class Parts:
    """The judged rows with what each loses by the model and by the mean of all of them."""

    def __init__(self, case: Case, trials: Trials) -> None:
        self.case, self.trials = case, trials
        self.rows = trials.judge
        self.model = trials.losses(trials.learned)
        self.constant = trials.losses(trials.prediction("constant"))
        self.codes, self.count = trials.blocks.codes, trials.blocks.count
        self.factor = BOTH_WAYS if both_ways(trials) else 1.0
        self.degrees = max(len(np.unique(self.codes)) - 1, 1)

    def inputs(self) -> list[str]:
        """The inputs that are looked at: of very many those that the model uses."""
        names = [name for name, of in self.case.types.items() if of != "text"]
        if len(names) <= MOST_INPUTS:
            return names
        used = [name for name in self.trials.model(self.trials.best).inputs if name in names]
        return used[:MOST_INPUTS]

    def found(self) -> tuple[list[Found], int]:
        """The regions in which the model is of no use, and how many were tested."""
        tested = 0
        passed: list[Found] = []
        for name in self.inputs():
            regions = [region for region in regions_of(self.case, self.rows, name) if self._large(region.rows)]
            tested += len(regions)
            passed += [one for region in regions if (one := self._tried(region)) is not None]
        at = ALPHA / max(tested, 1)
        kept = [one for one in passed if one.chance <= at]
        widened = [self._widened([one for one in kept if one.region.input == name], at)
                   for name in dict.fromkeys(one.region.input for one in kept)]  # fmt: skip
        return [replace(one, chance=min(1.0, one.chance * tested)) for one in widened], tested

    def slices(self) -> list[dict[str, Any]]:
        """What the model explains within each slice beyond the slice's own mean, for the report; worst first."""
        used = [name for name in self.trials.model(self.trials.best).inputs if name in self.case.types]
        found = [one for name in [name for name in used if self.case.types[name] != "text"][:SHOWN_INPUTS]
                 for one in slices_of(self.case.column_of(name) if name in self.case.columns else name,
                                      self.case.table[name].take(self.rows), self.trials.blocks).enough]  # fmt: skip
        quantile = float(student.ppf(1 - 0.05 / max(len(found), 1), self.degrees))
        out: list[dict[str, Any]] = []
        for one in found:
            inside = np.zeros(len(self.rows), np.bool_)
            inside[one.rows] = True
            value, parts = self._skill(inside, self._own(inside))
            error = self._error(parts)
            low, high = value - quantile * error, value + quantile * error
            says = "of use" if low > 0 else "of no use" if high < LEAST_SKILL else "unclear"
            loss = float(self.model[inside].mean())
            out.append({"by": one.by, "value": one.value, "rows": len(one.rows), "skill": value, "low": low,
                        "high": high, "loss": loss, "says": says})  # fmt: skip
        order = np.argsort([row["skill"] for row in out], kind="stable")
        return [out[i] for i in order[:SHOWN_SLICES].tolist()]

    # ---- one region

    def _large(self, inside: Mask) -> bool:
        least = max(LEAST_ROWS, LEAST_SHARE * len(inside))
        n = int(inside.sum())
        if not least <= n <= len(inside) - least:
            return False
        return min(len(np.unique(self.codes[inside])), len(np.unique(self.codes[~inside]))) >= ENOUGH

    def _own(self, inside: Mask) -> Floats:
        """What these rows lose by their own mean, (n,), 0 elsewhere."""
        target, problem = self.trials.target[inside], self.trials.problem
        if problem.type == "multi-class":
            shares = np.bincount(target.astype(np.int64), minlength=problem.width) / len(target)
            mean = np.tile(shares, (len(target), 1))
        else:
            mean = np.full(len(target), float(target.mean()))
        out = np.zeros(len(inside))
        out[inside] = losses(problem, mean, target)
        return out

    def _skill(self, inside: Mask, base: Floats) -> tuple[float, Floats]:
        """The share of `base` that the model saves among these rows, and what each block adds to it (about 0)."""
        total = float(base[inside].sum())
        if total <= 0:
            return 0.0, np.zeros(self.count)
        saved = np.where(inside, base - self.model, 0.0)
        value = float(saved.sum()) / total
        each = np.bincount(self.codes, saved - value * np.where(inside, base, 0.0), self.count)
        return value, np.asarray(each / total, np.float64)

    def _error(self, parts: Floats) -> float:
        blocks = self.degrees + 1
        return self.factor * float(np.sqrt((parts**2).sum() * blocks / max(blocks - 1, 1)))

    def _above(self, value: float, parts: Floats) -> float:
        """The p-value of "the true value is at most 0"."""
        error = self._error(parts)
        return float(student.sf(value / error, self.degrees)) if error > 0 else float(value <= 0)

    def _tried(self, region: Region) -> Found | None:
        """The region where the model seems of no use in it; None otherwise."""
        inside, outside = region.rows, ~region.rows
        there, parts = self._skill(inside, self._own(inside))
        elsewhere, other = self._skill(outside, self._own(outside))
        if elsewhere < LEAST_SKILL or there >= LEFT * elsewhere or not self._open(inside, outside):
            return None
        less = self._above(LEFT * elsewhere - there, LEFT * other - parts)
        useful = self._above(elsewhere, other)
        quantile = float(student.ppf(0.95, self.degrees))
        return Found(region, there, elsewhere, elsewhere - quantile * self._error(other), max(less, useful))

    def _open(self, inside: Mask, outside: Mask) -> bool:
        """Whether these rows stay uncertain: neither the mean of all rows nor the model answers them."""
        near, far = self._skill(inside, self.constant)[0], self._skill(outside, self.constant)[0]
        if near > ALIKE * far:
            return False
        if self.trials.problem.type == "regression":
            return True
        return float(self.model[inside].mean()) >= OPEN * float(self.constant.mean())

    # ---- from tested regions to one that can be said

    def _widened(self, found: list[Found], at: float) -> Found:
        """Of one column: all levels that are of no use, or the cut where use begins."""
        best = max(found, key=weight)
        region = best.region
        column = self.case.table[region.input].take(self.rows)
        if column.kind == "string":
            levels = self._levels_of_no_use(region.input)
            if len(levels) < 2:
                return best
            return self._if_holds(of_levels(region.input, region.column, column, levels), best, at)
        if region.flag:
            return best
        return self._if_holds(self._settled(region), best, at)

    def _levels_of_no_use(self, input: str) -> list[str]:
        """Once a column is known to part the rows, its levels are tested among themselves only."""
        regions = [one for one in regions_of(self.case, self.rows, input) if len(one.levels) == 1]
        regions = [one for one in regions if self._large(one.rows)]
        tried = [one for region in regions if (one := self._tried(region)) is not None]
        return sorted(one.region.levels[0] for one in tried if one.chance <= AMONG / len(regions))

    def _if_holds(self, region: Region, best: Found, at: float) -> Found:
        made = self._tried(region) if self._large(region.rows) else None
        return made if made is not None and made.chance <= at else best

    def _settled(self, region: Region) -> Region:
        """The region with its cut moved to where the model's use begins: where what it saves starts to add up."""
        column = self.case.table[region.input].take(self.rows)
        side = region.side
        there = np.flatnonzero(np.isfinite(column.values))
        order = there[np.argsort(column.values[there], kind="stable")]
        if side == ">=":
            order = order[::-1]
        saved = (self._own(np.ones(len(self.rows), np.bool_)) - self.model)[order]
        so_far = np.cumsum(saved)
        allowed = so_far.min() + 0.02 * max(so_far[-1] - so_far.min(), 0.0)
        last = int(np.flatnonzero(so_far <= allowed)[-1])
        values = column.values[order]
        if not 0 < last < len(values) - 1:
            return region
        low, high = sorted((float(values[last]), float(values[last + 1])))
        slack = max(1, len(values) // FINE)
        ends = sorted((float(values[max(last - slack, 0)]), float(values[min(last + slack, len(values) - 1)])))
        cut = rounded((low + high) / 2, ends[0], ends[1])
        return sided(region.input, region.column, column, cut, side)
