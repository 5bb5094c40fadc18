"""PM16: does it still show variety, or more and more of what it showed before?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.words import number
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level
from poise.monitoring.mature import Mature
from poise.monitoring.windows import Window, windows_of
from poise.releases.profile_column import ColumnProfile
from poise.table import Column

HALF, QUARTER = 0.5, 0.25
"""Shares of the usual variety that are left: a notice, an alarm."""
LEAST_SHARE = 0.5
"""Less than this share of the usual exploration is a notice: what is never tried is never learned."""


class FeedbackLoop(Monitor):
    """The variety of what is shown, window by window: the effective number of items, 1 / sum of squared shares of
    impressions (the inverse of the Herfindahl-Hirschman index, the inverse Simpson index of ecology; free of bias by
    the number of rows), against the profile's, else the first window's.

    A model that learns from what it chose to show narrows by itself: what is shown is ordered, and so shown more
    (Chaney, Stewart & Engelhardt, RecSys 2018). Half of the usual variety left is a notice, a quarter an alarm.
    Beside it stands the share of logged lists that explored, which is the remedy.
    """

    code = "PM16"
    name = "feedback_loop"
    what = "Does it still show variety, or more and more of what it showed before?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding of the items and one of exploration, where the decision lists items."""
        decision, mature = watched.system.decision, watched.measured.get("mature")
        if decision is None or not decision.lists or decision.item is None or not isinstance(mature, Mature):
            return []
        base = next((one for one in mature.scored.values() if one.data.spec.per == decision.per), None)
        if base is None or decision.item not in base.data.requests.rows:
            return []
        items = base.data.requests.rows[decision.item]
        windows = windows_of(base.time, watched.system.monitoring.window)
        profile = None if watched.profile is None else watched.profile.columns.get(decision.per, {}).get(decision.item)
        found = [self._items(watched, decision.item, items, windows, profile)]
        explored = watched.measured.get("explored")
        return [*found, *([] if explored is None else [self._exploring(watched, explored)])]

    def _items(
        self, watched: Watched, item: str, items: Column, windows: list[Window], profile: ColumnProfile | None
    ) -> Finding:
        seen = [effective(np.bincount(items.values[one.rows][items.values[one.rows] >= 0])) for one in windows]
        usual = None if profile is None or profile.kind != "category" else effective(profile.upto)
        usual = usual if usual is not None else (seen[0] if len(seen) > 1 else None)
        if not seen or usual is None or not np.isfinite(usual) or not np.isfinite(seen[-1]):
            what = f"{item}: too few rows to tell how varied what is shown is"
            return Finding(self.code, self.name, what, item, "unknown")
        left = seen[-1] / usual
        level: Level = "fine" if left > HALF else ("notice" if left > QUARTER else "alarm")
        narrow = [at for at, value in enumerate(seen) if value / usual > HALF]
        first = narrow[-1] + 1 if narrow else 0
        return Finding(
            code=self.code,
            monitor=self.name,
            what=f"shown are as if {number(seen[-1])} of {item} in equal parts; usual are {number(usual)}",
            subject=item,
            level=level,
            since=windows[first].since if level != "fine" else None,
            size=float(left),
            unit="of the usual variety",
            limits=(HALF, None),
            why="Impressions per item, by their concentration.",
            detail={
                "times": [one.until for one in windows],
                "series": seen,
                "usual": [HALF * usual, usual],
            },
        )

    def _exploring(self, watched: Watched, explored: Mapping[str, Sequence[float]]) -> Finding:
        """explored: `times`, `lists` and `explored` of the logged lists, per block."""
        lists, tried = np.array(explored["lists"], np.float64), np.array(explored["explored"], np.float64)
        share = np.divide(tried, lists, out=np.full(len(lists), np.nan), where=lists > 0)
        known = share[np.isfinite(share)]
        spec = watched.system.decision
        asked = spec is not None and spec.explore is not None
        usual = float(np.median(known)) if len(known) else 0.0
        last = float(known[-1]) if len(known) else 0.0
        if not len(known):
            return Finding(self.code, self.name, "no list was logged since the release", "exploration", "unknown")
        level: Level = "notice" if asked and (not usual or last < LEAST_SHARE * usual) else "fine"
        return Finding(
            code=self.code,
            monitor=self.name,
            what=f"{100 * last:.0f} % of the newest logged lists explored, {100 * usual:.0f} % usually",
            subject="exploration",
            level=level,
            size=last,
            unit="of lists",
            limits=(LEAST_SHARE * usual, None),
            why="What is never tried is never learned." if asked else "The file asks for no exploration.",
            detail={"times": list(explored["times"]), "series": share.tolist()},
        )


def effective(counts: NDArray[np.int64]) -> float:
    """The effective number of items of which there were so many impressions; NaN where no item came twice.

    >>> [round(effective(np.array(counts)), 2) for counts in ([500, 500], [980, 10, 10])]
    [2.0, 1.04]
    """
    n = float(counts.sum())
    pairs = float((counts * (counts - 1.0)).sum())
    return n * (n - 1) / pairs if pairs > 0 else float("nan")
