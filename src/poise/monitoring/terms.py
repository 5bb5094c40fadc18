"""PM15: do terms come true as they were predicted for what is decided?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.decisions.choose import take
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.bootstrap import mean_interval
from poise.evaluation.words import number
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level
from poise.monitoring.mature import Mature
from poise.monitoring.owners import owners_of
from poise.monitoring.windows import windows_of
from poise.releases.evidence import Evidence
from poise.releases.measuring import Decided
from poise.releases.ranked import Listed

Floats = NDArray[np.float64]
LEVEL = 0.99
NOTICED, OFF = 0.10, 0.25
"""Shares of a term's size by which predictions and what came true differ: from here on a notice, an alarm."""


class Terms(Monitor):
    """Each term per row, as predicted for the action that the release chooses (of lists: for the shown row where it
    stands) and as it came true, over the newest `requirements_over` of mature rows.

    Predictions multiplied by one another and by values need not be right on average where each is. Off is where the
    limits of the difference (each one-sided 99 %, by blocks) exclude 0 and it is at least a tenth of the term's size
    beyond what it was off by when it was judged. That the outcome does not depend on the action is assumed, as in the
    evidence.
    """

    code = "PM15"
    name = "terms"
    what = "Do terms come true as they were predicted?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per term in which something is predicted."""
        mature = watched.measured.get("mature")
        if not isinstance(mature, Mature) or watched.system.decision is None:
            return []
        since, until = mature.newest(watched.system.monitoring.requirements_over)
        learned = mature.learned(max(since or watched.since, watched.since), until)
        made = mature.decision(learned)
        if made is None:
            return []
        time, blocks = made.base.requests.time[made.rows], _blocks(made)
        predicted, realised = _pairs(made)
        return [
            self._one(watched, term, predicted[term], realised[term], blocks, time)
            for term in predicted
            if _predicts(made, term)
        ]

    def _one(
        self, watched: Watched, term: str, predicted: Floats, realised: Floats, blocks: Blocks, time: NDArray[np.int64]
    ) -> Finding:
        gap = mean_interval(realised - predicted, blocks, LEVEL)
        both = np.isfinite(predicted) & np.isfinite(realised)
        if not both.any() or gap.blocks < 2:
            what = f"{term}: what came true is not known yet"
            return Finding(self.code, self.name, what, term, "unknown")
        said, came = float(predicted[both].mean()), float(realised[both].mean())
        scale = max(abs(said), abs(came)) or 1.0
        before = _judged(watched.measured["evidence"], term)
        share = abs(gap.value - before) / scale
        surely = gap.low > before or gap.high < before
        level: Level = "fine" if not surely or share < NOTICED else ("alarm" if share >= OFF else "notice")
        unit = watched.system.decision.terms[term].unit if watched.system.decision else None
        per = f" {unit}" if unit else ""
        what = f"{term}: {number(came)}{per} per row came true, {number(said)} were predicted"
        why = f"In {gap.rows:,} rows; the difference lies between {number(gap.low)} and {number(gap.high)}."
        return Finding(
            code=self.code,
            monitor=self.name,
            what=what,
            subject=f"decision.{term}",
            level=level,
            size=float(share),
            unit="share of the term",
            limits=(None, NOTICED),
            who=owners_of(watched.system, f"decision.{term}"),
            moved=True if level == "alarm" else None,
            why=why,
            detail={"term": term, "realised": True, **_series(time, predicted, realised, watched)},
        )


def _series(time: NDArray[np.int64], predicted: Floats, realised: Floats, watched: Watched) -> dict[str, Any]:
    windows = windows_of(time, watched.system.monitoring.window)
    return {
        "times": [one.until for one in windows],
        "series": [float(np.nanmean(realised[one.rows])) for one in windows],
        "other": [float(np.nanmean(predicted[one.rows])) for one in windows],
    }


def _blocks(made: Decided | Listed) -> Blocks:
    groups = None if made.base.groups is None else made.base.groups[made.rows]
    return blocks_of(made.base.requests.time[made.rows], groups)


def _pairs(made: Decided | Listed) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Each term as predicted and as it came true, (n,)."""
    if isinstance(made, Listed):
        return dict(made.predicted), dict(made.realised)
    return take(made.choice.terms, made.choice.chosen), take(made.realised, made.choice.chosen)


def _predicts(made: Decided | Listed, term: str) -> bool:
    if isinstance(made, Listed):
        return made.ranker.predicts(term)
    return any(made.chooser.predicts(term, action) for action in made.chooser.actions)


def _judged(evidence: Evidence, term: str) -> float:
    """By how much more came true than was predicted when the release was judged, per row; 0 where that is not known."""
    if evidence.decision is None:
        return 0.0
    found = [one for one in evidence.decision.calibration if one.term == term and one.over in ("chosen", "all")]
    chosen = [one for one in found if one.over == "chosen"] or found
    rows = sum(one.rows or 0 for one in chosen)
    gaps = [
        (one.realised - one.predicted) * (one.rows or 0)
        for one in chosen
        if one.realised is not None and one.predicted is not None
    ]
    return sum(gaps) / rows if rows else 0.0
