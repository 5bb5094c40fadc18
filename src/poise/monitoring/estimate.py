"""PM12: how good will it turn out to be, where labels have not come yet?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotEnoughData
from poise.evaluation.base import Metric
from poise.evaluation.words import apart, number, plain
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.cbpe import estimable, expected_score
from poise.monitoring.direct_loss import LEAST_ROWS, DirectLoss
from poise.monitoring.finding import Finding, Level
from poise.monitoring.mature import Mature
from poise.monitoring.owners import owners_of
from poise.monitoring.performance import LOST
from poise.monitoring.scored import Scored
from poise.monitoring.skill import judged_skill, skill
from poise.monitoring.windows import Usual, Window, usual, windows_of
from poise.releases.training import metric_of

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Estimator = Callable[[Rows], tuple[float, float]]
"""Positions of rows -> the score to be expected of them, and that of the constant."""
RECENT = 4
"""Windows whose labels have come by which it is told whether estimates hold."""


@dataclass(frozen=True, slots=True)
class _Window:
    """One window: the estimate, its skill, and what came true where all its labels have come (else NaN)."""

    window: Window
    score: float
    share: float
    realised: float
    realised_share: float


class Estimate(Monitor):
    """The score of the newest window, labels or no labels: by CBPE for binary and multi-class objectives
    (`poise.monitoring.cbpe`), by direct loss estimation for regression (`poise.monitoring.direct_loss`).

    Whether that holds is looked at where labels have come since: where the skill (`PM11`) of the last four such windows
    was estimated a quarter of the judged one too high or too low on average, the estimate is `unknown` instead. It is
    an alarm where the estimated skill, less twice what estimates were off by, has lost a quarter of the judged one, and
    the window is expected to score worse than each of its length while the release was calibrated and judged.
    """

    code = "PM12"
    name = "estimate"
    what = "How good will it turn out to be, where labels have not come yet?"
    tells_performance = True

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per objective that is not `given` another."""
        mature = watched.measured.get("mature")
        if not isinstance(mature, Mature):
            return []
        ones = [one for one in mature.scored.values() if one.data.spec.given is None]
        return [self._one(watched, one) for one in ones]

    def _one(self, watched: Watched, one: Scored) -> Finding:
        name, metric = one.data.name, metric_of(one.data.spec)
        judged, share = judged_skill(watched.measured["evidence"], name, metric)
        windows = windows_of(one.time, watched.system.monitoring.window)
        if not windows or "constant" not in one.baselines or not np.isfinite(share) or share <= 0:
            return self._unknown(name, metric, "there are too few rows, or nothing that it was judged at")
        try:
            estimator = _estimator(metric, one, windows)
        except NotEnoughData as lacking:
            return self._unknown(name, metric, lacking.message)
        seen = [_look(metric, one, window, estimator) for window in windows]
        before = usual(watched.profile, name, watched.system.monitoring.window, metric.name == "rmse")
        return self._said(watched, one, metric, seen, judged, share, before)

    def _said(
        self,
        watched: Watched,
        one: Scored,
        metric: Metric,
        seen: list[_Window],
        judged: float,
        share: float,
        before: Usual,
    ) -> Finding:
        name, last = one.data.name, seen[-1]
        off, spread = _errors(seen)
        waits = int(one.immature[last.window.rows].sum())
        level, why = _level(metric, last, share, off, spread, before)
        shown, was = apart(last.score, judged)
        said = f"{name} is expected to come to {plain(metric.name)} {shown}, judged at {was}"
        how = "CBPE" if metric_is_expected(one, metric) else "direct loss estimation"
        came = "no window's labels have come yet to check it by"
        if np.isfinite(off):
            came = f"the last windows whose labels came had {number(100 * off, 2)} points of skill more than estimated"
        return Finding(
            code=self.code,
            monitor=self.name,
            what=said if level != "unknown" else f"{name}: {plain(metric.name)} cannot be estimated now",
            subject=name,
            level=level,
            since=last.window.since if level in ("alarm", "notice") else None,
            size=float(1 - last.share / share),
            unit="share of the skill lost",
            limits=(None, LOST),
            who=owners_of(watched.system, name),
            moved=True if level == "alarm" else None,
            why=f"By {how}, {waits:,} of {len(last.window.rows):,} rows without a label; {came}{why}.",
            detail=_detail(name, metric, seen, judged, before),
        )

    def _unknown(self, name: str, metric: Metric, why: str) -> Finding:
        what = f"{name}: {plain(metric.name)} cannot be estimated"
        detail = {"objective": name, "metric": metric.name, "realised": False}
        return Finding(self.code, self.name, what, name, "unknown", why=f"{why}.", detail=detail)


def metric_is_expected(one: Scored, metric: Metric) -> bool:
    """Whether the score is an expectation over probabilities, not a learned loss."""
    return estimable(metric, one.data.spec.type)


def _estimator(metric: Metric, one: Scored, windows: list[Window]) -> Estimator:
    prediction, constant = one.prediction, one.baselines["constant"]
    if metric_is_expected(one, metric):

        def expected(rows: Rows) -> tuple[float, float]:
            p = prediction[rows]
            return expected_score(metric, p, p), expected_score(metric, constant[rows], p)

        return expected
    if one.data.spec.type != "regression":
        raise NotEnoughData(f"there is no estimate without labels of a {one.data.spec.type} objective")
    return _by_losses(metric, one, windows)


def _by_losses(metric: Metric, one: Scored, windows: list[Window]) -> Estimator:
    """Learned before the windows by which it is checked, where there are enough rows before them, else of the older
    half of what is known."""
    usable = one.data.split.judge
    recent = [window for window in windows if one.usable[window.rows].any()][-RECENT:]
    first = usable[usable < recent[0].rows[0]] if recent else usable
    if len(first) < LEAST_ROWS:
        first = usable[: len(usable) // 2]
    if len(first) < LEAST_ROWS:
        raise NotEnoughData(f"{len(first):,} rows are there to learn its losses from, and {LEAST_ROWS:,} are needed")
    made = DirectLoss.fit(metric, one.data.examples(first), one.prediction[first])
    plain_made = DirectLoss.fit(metric, one.data.examples(first), one.baselines["constant"][first])

    def learned(rows: Rows) -> tuple[float, float]:
        asked = one.data.examples(rows)
        return made.score(asked, one.prediction[rows]), plain_made.score(asked, one.baselines["constant"][rows])

    return learned


def _look(metric: Metric, one: Scored, window: Window, estimator: Estimator) -> _Window:
    rows = window.rows
    score, constant = estimator(rows)
    realised = realised_share = float("nan")
    known = rows[one.usable[rows]]
    if len(known) >= 0.9 * len(rows) and not one.immature[rows].any():
        target = one.data.target[known]
        realised = metric.score(target, one.prediction[known])
        realised_share = skill(metric, realised, metric.score(target, one.baselines["constant"][known]))
    return _Window(window, score, skill(metric, score, constant), realised, realised_share)


def _errors(seen: list[_Window]) -> tuple[float, float]:
    """By how much skill turned out better than estimated in the last windows whose labels came: mean and spread."""
    found = np.array([one.realised_share - one.share for one in seen if np.isfinite(one.realised_share)])[-RECENT:]
    if not len(found):
        return float("nan"), 0.0
    return float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else abs(float(found[0]))


def _level(metric: Metric, last: _Window, share: float, off: float, spread: float, before: Usual) -> tuple[Level, str]:
    """What is said of the newest window, and why, beyond the figures."""
    if not np.isfinite(last.share):
        return "unknown", ", and the score is not defined here"
    if np.isfinite(off) and abs(off) > LOST * share:
        return "unknown", ": probabilities or what inputs mean have changed, under which no such estimate holds"
    worst = None
    if len(before.score):
        worst = float(before.score.min() if metric.bigger_is_better else before.score.max())
    if worst is not None and not metric.better(worst, last.score):
        return "fine", ""
    if last.share + 2 * spread <= (1 - LOST) * share:
        return "alarm", ""
    return ("notice", "") if last.share + spread <= (1 - LOST) * share else ("fine", "")


def _detail(name: str, metric: Metric, seen: list[_Window], judged: float, before: Usual) -> dict[str, Any]:
    band = [float(before.score.min()), float(before.score.max())] if len(before.score) else None
    return {
        "objective": name,
        "metric": metric.name,
        "realised": False,
        "score": seen[-1].score,
        "judged": judged,
        "until": seen[-1].window.until,
        "times": [one.window.until for one in seen],
        "series": [one.score for one in seen],
        "other": [one.realised for one in seen],
        "usual": band,
    }
