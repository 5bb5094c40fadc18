"""PM03: do features still look as they did when the release was made?"""

from __future__ import annotations

from collections.abc import Sequence

from poise.monitoring.base import Monitor, Watched
from poise.monitoring.blocks import window_of
from poise.monitoring.drift import drift
from poise.monitoring.finding import Finding
from poise.releases.sent_columns import REPEATED


class FeatureDrift(Monitor):
    """Every feature and column of the request against the profile.

    Effect sizes are the Kolmogorov-Smirnov distance of numbers and the total variation of categories, with the
    population stability index and the Jensen-Shannon distance beside them. What is a break is told by how much the
    blocks of the profile changed (`poise.monitoring.breaks`), not by tests that take rows for independent: those reject
    everything at a million rows.
    """

    code = "PM03"
    name = "feature_drift"
    what = "Do features still look as they did when the release was made?"
    drifts = True

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per feature and column of the request."""
        found = []
        for per, rows in watched.rows.items():
            window = window_of(watched, per)
            if window is None or watched.profile is None:
                continue
            for name, usual in watched.profile.columns[per].items():
                if name in rows.columns and name != REPEATED:
                    found.append(drift(self.code, self.name, name, rows.columns[name], usual, window))
        return found
