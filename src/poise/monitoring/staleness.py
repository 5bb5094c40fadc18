"""PM19: is it older than it keeps its value?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from poise.clock import DAY
from poise.evaluation.words import number
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level
from poise.releases.evidence import Evidence


class Staleness(Monitor):
    """The age of what the release was judged on, against how long it keeps its value.

    `measured["keeps"]` says the latter in microseconds per objective, as `poise update` measures it on past data: how
    fast a frozen model loses value, and what interval pays. Without it, the schedule of the file (`updates: {every}`)
    is what it is compared with: twice that is a notice. Old alone is never an alarm: that is performance's.
    """

    code = "PM19"
    name = "staleness"
    what = "Is it older than it keeps its value?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding."""
        end = _learned_until(watched.measured["evidence"])
        if end is None:
            return []
        age = watched.as_of - end
        limit, by = _limit(watched)
        what = f"what it was judged on ended {number(age / DAY)} days ago"
        level: Level = "unknown" if limit is None else ("notice" if age > limit else "fine")
        why = "How long it keeps its value was not measured, and the file names no schedule (updates: {every: …})."
        if limit is not None:
            why = f"{by} {number(limit / DAY)} days."
        limits = None if limit is None else (None, limit / DAY)
        since = None if limit is None or level != "notice" else end + limit
        size, unit = age / DAY, "days"
        return [Finding(self.code, self.name, what, watched.release, level, since, size, unit, limits, why=why)]


def _limit(watched: Watched) -> tuple[int | None, str]:
    """How old it may become, and by what."""
    keeps = watched.measured.get("keeps")
    if isinstance(keeps, Mapping) and keeps:
        return int(min(keeps.values())), "Measured on past data, it keeps its value for"
    updates = watched.system.updates
    if updates is not None and updates.every:
        return 2 * updates.every, "By the schedule of the file it is learned again at the latest after"
    return None, ""


def _learned_until(evidence: Evidence) -> int | None:
    """The last T that the release was judged on, microseconds."""
    ends = [one.parts.judge.to for one in evidence.objectives.values() if one.parts and one.parts.judge]
    found = [int(datetime.fromisoformat(end).timestamp() * 1_000_000) for end in ends if end is not None]
    return max(found, default=None)
