"""PM18: what does answering cost?"""

from __future__ import annotations

from collections.abc import Sequence

from poise.evaluation.words import number
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level
from poise.monitoring.latency import Answers

DEARER = 2.0
"""So many times the cost that the release was rehearsed with is a notice, where nobody requires a cost."""
LEAST = 1_000
"""Requests; with fewer the start of the server is most of what it cost."""


class Cost(Monitor):
    """The cost of 1,000 requests: CPU seconds of the server's process over its requests, by the file's `core_hour`.

    The process does other things too (its start, features of events), so that this is an upper limit; an alarm where
    it is above what the file requires, a notice above twice what the release was rehearsed with.
    """

    code = "PM18"
    name = "cost"
    what = "What does answering cost?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding; none where the file names no price."""
        costs, told = watched.system.costs, watched.measured.get("answers")
        if costs is None:
            return []
        if not isinstance(told, Answers) or told.cpu is None or told.requests < LEAST:
            why = f"No server was asked (--server), or fewer than {LEAST:,} requests came."
            return [Finding(self.code, self.name, "what answers cost is not known", "cost", "unknown", why=why)]
        cost = 1000 * told.cpu / told.requests * costs.core_hour / 3600
        required = [r for r in watched.system.requirements if r.metric == "cost_per_1000" and r.at_most is not None]
        serving = watched.measured["evidence"].serving
        rehearsed = None if serving is None else serving.cost_per_1000
        bounds = [r.at_most.value for r in required if r.at_most is not None]
        limit = min(bounds) if bounds else (None if rehearsed is None else DEARER * rehearsed)
        level: Level = "fine"
        if limit is not None and cost > limit:
            level = "alarm" if bounds else "notice"
        return [
            Finding(
                code=self.code,
                monitor=self.name,
                what=f"1,000 requests cost {number(cost)} {costs.currency}",
                subject="cost",
                level=level,
                size=cost,
                unit=costs.currency,
                limits=None if limit is None else (None, limit),
                who=tuple(dict.fromkeys(r.who for r in required)),
                why=f"{number(told.cpu)} s of CPU for {told.requests:,.0f} requests since the server started.",
            )
        ]
