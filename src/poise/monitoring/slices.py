"""PM14: does it serve all alike? Slices that fell behind, and gaps between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poise.evaluation.base import Metric
from poise.evaluation.bootstrap import Interval, interval
from poise.evaluation.slices import slices_of
from poise.evaluation.words import number, plain
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level
from poise.monitoring.mature import Mature
from poise.releases.extras import slice_names
from poise.releases.judged_rows import slice_column
from poise.releases.profile import SliceProfile
from poise.releases.training import Learned, metric_of
from poise.spec.system import SystemSpec
from poise.table import Column

BEHIND = 0.25
"""A slice that lost this share of its score beyond what all lost is an alarm; anything beyond chance a notice …"""
NOTICED = 0.10
"""… from this share on."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """One value: its score now and when it was judged, and by which share it fell behind what all did."""

    value: str
    now: Interval
    then: float
    behind: float
    surely: bool


class Slices(Monitor):
    """The score of each value of the columns that requirements name in `by` and `monitoring: {slices: …}` lists, over
    the newest `requirements_over` of mature rows, against its own score when the release was judged.

    What counts is by how much more a slice lost than all rows did (a difference in differences), so that a hard month
    is no finding. The limit of its score, one-sided at 95 % over all slices together (Bonferroni), must show it. The
    gap between the best and the worst value is told beside it.
    """

    code = "PM14"
    name = "slices"
    what = "Does it serve all alike?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per objective and column."""
        mature = watched.measured.get("mature")
        if not isinstance(mature, Mature):
            return []
        since, until = mature.newest(watched.system.monitoring.requirements_over)
        learned = mature.learned(max(since or watched.since, watched.since), until)
        return [
            self._one(watched, name, one, by)
            for name, one in learned.items()
            for by in slice_names(watched.system, name)
        ]

    def _one(self, watched: Watched, name: str, one: Learned, by: str) -> Finding:
        metric, subject = metric_of(one.data.spec), f"{name} by {by}"
        known = None if watched.profile is None else watched.profile.objectives.get(name)
        before = {} if known is None else known.slices.get(by, {})
        rows = one.data.split.judge
        column = slice_column(watched.system, one.data, by).take(rows)
        found = _compared(metric, one, by, column, before)
        detail = {"objective": name, "by": by, "realised": True}
        if not found:
            what = f"{subject}: too few rows of any value, or nothing to compare with"
            return Finding(self.code, self.name, what, subject, "unknown", detail=detail)
        worst = max(found, key=lambda each: (each.surely, each.behind))
        level: Level = "fine"
        if worst.surely and worst.behind >= NOTICED:
            level = "alarm" if worst.behind >= BEHIND else "notice"
        values = [each.now.value for each in found]
        gap, then = max(values) - min(values), [each.then for each in found]
        said = "no value fell behind" if level == "fine" else f"{worst.value} fell behind"
        why = (
            f"{plain(metric.name)} of {worst.value} is {number(worst.now.value)}, {number(worst.then)} when judged; the"
            f" gap over {len(found)} values is {number(gap)}, {number(max(then) - min(then))} when judged."
        )
        detail |= {"slices": {each.value: [each.now.value, each.then] for each in found}}
        who = _owners(watched.system, name, by)
        limits = (None, BEHIND)
        unit = "share of its score lost beyond all"
        moved = True if level == "alarm" else None
        code, what = self.code, f"{subject}: {said}"
        return Finding(
            code, self.name, what, subject, level, None, worst.behind, unit, limits, who, moved, None, why, detail
        )


def _owners(system: SystemSpec, name: str, by: str) -> tuple[str, ...]:
    """Owners of requirements that judge the objective by this column, else of the objective."""
    of = [r for r in system.requirements if r.metric.partition(".")[0] == name]
    return tuple(dict.fromkeys(r.who for r in ([r for r in of if r.by == by] or of)))


def _compared(
    metric: Metric, one: Learned, by: str, column: Column, before: Mapping[str, SliceProfile]
) -> list[_Slice]:
    target = one.data.target[one.data.split.judge]
    cut = [each for each in slices_of(by, column, one.blocks).enough if _then(before, each.value) is not None]
    if not cut or not len(target):
        return []
    level = 1 - 0.05 / len(cut)
    rows = [_then(before, each.value) for each in cut]
    weights = np.array([each.rows for each in rows if each is not None], np.float64)
    then = np.array([each.score for each in rows if each is not None])
    made = [interval(metric, target[s.rows], one.judged[s.rows], one.blocks.take(s.rows), level) for s in cut]
    now = np.array([each.value for each in made])
    fine = np.isfinite(now) & np.isfinite(then)
    if not fine.any():
        return []
    sign = -1.0 if metric.bigger_is_better else 1.0
    moved = float(np.average((now - then)[fine], weights=weights[fine]))
    found = []
    for each, was, is_, ok in zip(cut, then, made, fine, strict=True):
        if ok:
            scale = abs(was) or 1.0
            behind = sign * (is_.value - was - moved) / scale
            limit = is_.high if metric.bigger_is_better else is_.low
            found.append(_Slice(each.value, is_, float(was), float(behind), bool(sign * (limit - was - moved) > 0)))
    return found


def _then(before: Mapping[str, SliceProfile], value: str) -> SliceProfile | None:
    """What was judged of a value; missing ones stand under None's name."""
    return before.get("None" if value == "(missing)" else value)
