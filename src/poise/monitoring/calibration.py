"""PM13: do predictions still mean what they say?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.bootstrap import Interval, interval
from poise.evaluation.calibration_error import CalibrationError
from poise.evaluation.words import number
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level
from poise.monitoring.mature import Mature
from poise.monitoring.owners import owners_of
from poise.monitoring.turning import turning_day
from poise.monitoring.windows import Window, windows_of
from poise.releases.evidence import Evidence
from poise.releases.training import Learned

LEVEL = 0.99
LEAST = 0.05
"""An error below this concerns nobody: of probabilities as it is, of regressions in standard deviations of truth."""
TIMES = 2.0
"""So many times what it may have been when it was judged is worse."""


@dataclass(frozen=True, slots=True)
class _Seen:
    window: Window
    error: Interval
    gap: float
    limit: float

    @property
    def off(self) -> bool:
        """Whether the error is surely above the limit."""
        return bool(self.error.low > self.limit)


class Calibration(Monitor):
    """The calibration error of the newest window whose labels are known, against what the release was judged at.

    The error is debiased and its interval is by blocks (`poise.evaluation.calibration_error`; Bröcker 2012; Kumar,
    Liang & Ma 2019). It is off where its lower limit (one-sided 99 %) is above twice the upper limit of what was
    judged, and above 0.05 (of a regression 0.05 standard deviations of the truth). Off for one window is a notice,
    since one unusual week is off by itself; for two in a row an alarm.
    """

    code = "PM13"
    name = "calibration"
    what = "Do predictions still mean what they say?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per objective."""
        mature = watched.measured.get("mature")
        if not isinstance(mature, Mature):
            return []
        learned = mature.learned(watched.since, watched.until)
        return [self._one(watched, name, one) for name, one in learned.items()]

    def _one(self, watched: Watched, name: str, one: Learned) -> Finding:
        time = one.data.requests.time[one.data.split.judge]
        windows = windows_of(time, watched.system.monitoring.window)
        limit = _judged(watched.measured["evidence"], name) * TIMES
        seen = [made for made in (_look(one, window, limit) for window in windows) if made is not None]
        detail = {"objective": name, "realised": True}
        if not seen:
            what = f"{name}: whether predictions are right on average is not known yet"
            return Finding(self.code, self.name, what, name, "unknown", why="Too few labels came.", detail=detail)
        last, streak = seen[-1], _streak(seen)
        level: Level = "fine" if not streak else ("notice" if len(streak) == 1 else "alarm")
        said = "mean what they say" if level == "fine" else "are off"
        less = "less" if last.gap < 0 else "more"
        since = streak[0].window.since if streak else None
        if since is not None and np.ndim(one.judged) == 1:
            gap = np.asarray(one.data.target[one.data.split.judge], np.float64) - one.judged
            since = turning_day(time, np.sign(last.gap) * gap, since, watched.system.monitoring.window)
        why = f"On average {number(abs(last.gap))} {less} came true than was predicted, in {last.error.rows:,} rows."
        return Finding(
            code=self.code,
            monitor=self.name,
            what=f"predictions of {name} {said}: calibration error {number(last.error.value)}",
            subject=name,
            level=level,
            since=since,
            size=last.error.value,
            unit="calibration error",
            limits=(None, last.limit),
            who=owners_of(watched.system, name),
            moved=True if level == "alarm" else None,
            why=why,
            detail={
                **detail,
                "gap": last.gap,
                "times": [one.window.until for one in seen],
                "series": [one.error.value for one in seen],
                "usual": [0.0, last.limit],
            },
        )


def _streak(seen: list[_Seen]) -> list[_Seen]:
    """The windows up to the last that are off without a gap."""
    found: list[_Seen] = []
    for one in reversed(seen):
        if not one.off:
            break
        found.insert(0, one)
    return found


def _look(one: Learned, window: Window, judged: float) -> _Seen | None:
    at = one.data.split.judge[window.rows]
    target, said = one.data.target[at], one.judged[window.rows]
    made = interval(CalibrationError(), target, said, _blocks(one, at), LEVEL)
    if not np.isfinite(made.value):
        return None
    scale = float(np.std(target)) if one.data.spec.type == "regression" else 1.0
    gap = float(np.mean(np.asarray(target, np.float64) - said)) if said.ndim == 1 else 0.0
    return _Seen(window, made, gap, max(judged, LEAST * scale))


def _blocks(one: Learned, at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Blocks:
    groups = None if one.data.groups is None else one.data.groups[at]
    return blocks_of(one.data.requests.time[at], groups)


def _judged(evidence: Evidence, name: str) -> float:
    """The upper limit of the calibration error that was judged; 0 where it was not measured."""
    judged = evidence.objectives[name].judge if name in evidence.objectives else None
    found = next((m for m in judged.metrics if m.name == "calibration_error"), None) if judged else None
    return 0.0 if found is None else float(found.high if found.high is not None else found.value or 0.0)
