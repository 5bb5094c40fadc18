"""PM11: is it still as good as it was judged? By labels, as of their maturity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poise.evaluation.base import Metric
from poise.evaluation.blocks import blocks_of
from poise.evaluation.words import apart, number, plain
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level
from poise.monitoring.mature import Mature
from poise.monitoring.owners import owners_of
from poise.monitoring.skill import Skill, judged_skill, skill_of
from poise.monitoring.turning import worse_since
from poise.monitoring.windows import LEAST_ROWS, Usual, Window, usual, windows_of
from poise.releases.training import Learned, metric_of
from poise.spec.units import duration_text

LEVEL = 0.99
"""A loss is called one where the limit of the skill, one-sided at this level, is below what it was judged at …"""
LOST = 0.25
"""… and an alarm where at least this share of it is gone."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One window: what it scored, and what is said of it."""

    window: Window
    skill: Skill
    level: Level


class Performance(Monitor):
    """The score on the newest window of rows whose truth is known, against the score that the release was judged at.

    What is compared is the skill, the share of the way from a constant's score on the same rows to the best score, so
    that a season in which everything is harder to predict is no loss (a skill score: Murphy, Monthly Weather Review,
    1988). A loss is one where the upper limit of the skill (one-sided 99 %, paired, by blocks) lies below the judged
    one, and the window scores worse than each window of its length while the release was calibrated and judged. It is
    an alarm where a quarter of the skill or more is gone: at once where the upper limit says so too, else in the second
    window in a row, since one unusual week is worse by itself; and where the upper limit says so of all rows of
    `requirements_over` together, whatever single windows scored. `since`: the day by which the rows part best.
    """

    code = "PM11"
    name = "performance"
    what = "Is it still as good as it was judged, by the labels that have come?"
    tells_performance = True

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per objective."""
        mature = watched.measured.get("mature")
        if not isinstance(mature, Mature):
            return []
        learned = mature.learned(watched.since, watched.until)
        return [self._one(watched, name, one) for name, one in learned.items()]

    def _one(self, watched: Watched, name: str, one: Learned) -> Finding:
        metric, length = metric_of(one.data.spec), watched.system.monitoring.window
        score, share = judged_skill(watched.measured["evidence"], name, metric)
        time = one.data.requests.time[one.data.split.judge]
        windows = windows_of(time, length)
        if not windows or "constant" not in one.baselines or not np.isfinite(share):
            return self._unknown(name, metric, len(time), one)
        before = usual(watched.profile, name, length, metric.name == "rmse")
        seen = [_look(metric, one, window, share, before) for window in windows]
        if len(seen) > 1 and seen[-1].level == "notice" and seen[-2].level != "fine" and _lost(seen[-1], share):
            seen[-1] = replace(seen[-1], level="alarm")
        long = windows_of(time, watched.system.monitoring.requirements_over)
        if seen[-1].level != "alarm" and len(seen) > 1 and long and len(long[-1].rows) > len(windows[-1].rows):
            together = _look(metric, one, long[-1], share, before)
            if together.skill.high <= (1 - LOST) * share and _lost(seen[-1], share):
                seen[-1] = replace(seen[-1], level="alarm")
        found = self._said(watched, name, metric, seen, score, share, before)
        return replace(found, since=worse_since(one, found.since, length))

    def _said(
        self, watched: Watched, name: str, metric: Metric, seen: list[_Seen], score: float, share: float, before: Usual
    ) -> Finding:
        last = seen[-1]
        lost = 1 - last.skill.share / share if share else float("nan")
        shown, judged = apart(last.skill.score, score)
        verb = {"alarm": "is worse", "notice": "is worse", "fine": "is as judged"}[last.level]
        said = f"{name} {verb}: {plain(metric.name)} {shown}, judged at {judged}"
        length = duration_text(watched.system.monitoring.window)
        why = (
            f"In the newest {length} whose labels are known ({len(last.window.rows):,} rows) it comes"
            f" {number(100 * last.skill.share, 3)} % of the way from a constant to certainty; it was judged at"
            f" {number(100 * share, 3)} %."
        )
        return Finding(
            code=self.code,
            monitor=self.name,
            what=said,
            subject=name,
            level=last.level,
            since=_since(seen),
            size=float(lost),
            unit="share of the skill lost",
            limits=(None, LOST),
            who=owners_of(watched.system, name),
            moved=None if last.level == "fine" else True,
            why=why,
            detail=_detail(name, metric, seen, score, before),
        )

    def _unknown(self, name: str, metric: Metric, rows: int, one: Learned) -> Finding:
        why = f"{rows:,} rows whose truth is known, and at least {LEAST_ROWS} in a window are needed."
        if rows >= LEAST_ROWS:
            why = "The release has no constant to compare with, or was not judged by this metric."
        said = f"{name}: {plain(metric.name)} since the release is not known yet"
        detail = {"objective": name, "metric": metric.name, "realised": True}
        return Finding(self.code, self.name, said, name, "unknown", why=why, detail=detail)


def _look(metric: Metric, one: Learned, window: Window, share: float, before: Usual) -> _Seen:
    rows = window.rows
    at = one.data.split.judge[rows]
    groups = None if one.data.groups is None else one.data.groups[at]
    blocks = blocks_of(one.data.requests.time[at], groups)
    made = skill_of(metric, one.data.target[at], one.judged[rows], one.baselines["constant"][rows], blocks, LEVEL)
    worst = not len(before.score) or metric.better(_worst(metric, before), made.score)
    loses = made.high < share and worst
    surely = made.high <= (1 - LOST) * share or (before.score.size == 0 and made.share <= (1 - LOST) * share)
    level: Level = "fine" if not loses else ("alarm" if surely else "notice")
    return _Seen(window, made, level)


def _lost(one: _Seen, share: float) -> bool:
    return one.skill.share <= (1 - LOST) * share


def _worst(metric: Metric, before: Usual) -> float:
    return float(before.score.min() if metric.bigger_is_better else before.score.max())


def _since(seen: list[_Seen]) -> int | None:
    """The start of the first window of those that lose without a gap up to the last."""
    found = None
    for one in reversed(seen):
        if one.level == "fine":
            return found
        found = one.window.since
    return found


def _detail(name: str, metric: Metric, seen: list[_Seen], score: float, before: Usual) -> dict[str, Any]:
    return {
        "objective": name,
        "metric": metric.name,
        "realised": True,
        "rows": len(seen[-1].window.rows),
        "until": seen[-1].window.until,
        "score": seen[-1].skill.score,
        "judged": score,
        "times": [one.window.until for one in seen],
        "series": [one.skill.score for one in seen],
        "usual": [float(before.score.min()), float(before.score.max())] if len(before.score) else None,
    }
