"""PM20: does each requirement still hold? The gates of a release, asked again of the newest rows."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Literal

from poise.errors import PoiseError
from poise.evaluation.measures import Measures, ServingMeasures
from poise.evaluation.requirements import Verdict, bound_text, judge
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level
from poise.monitoring.mature import Mature
from poise.monitoring.turning import worse_since
from poise.spec.requirement import Requirement
from poise.spec.units import duration_text

Holds = Literal["holds", "broken", "cannot tell"]
UNTOLD = ("latency_p50", "latency_p99", "cost_per_1000")
"""Metrics of a running server, which the lake does not tell."""
MOST_BACK = 12
"""Windows that are looked at to tell since when a requirement is broken."""
LEVELS: dict[Holds, Level] = {"holds": "fine", "broken": "alarm", "cannot tell": "unknown"}


class Requirements(Monitor):
    """Every requirement of the file as a monitor with its owner: the same metric, direction, slices and intervals as
    its gate, on the newest `requirements_over` of the rows since the release whose labels are known.

    It `holds` where the gate would pass. It is `broken` where the gate would pass the opposite: the limit on the other
    side (one-sided 95 %, over slices as the gate has it) lies beyond the bound. Between the two it `cannot tell`, and
    so where there is too little evidence. `live` in a requirement means the release that was live before this one.
    """

    code = "PM20"
    name = "requirements"
    what = "Does every requirement still hold?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per requirement."""
        mature = watched.measured.get("mature")
        if not isinstance(mature, Mature) or not watched.system.requirements:
            return []
        since, until = mature.newest(watched.system.monitoring.requirements_over)
        since = None if since is None else max(since, watched.since)
        serving = watched.measured.get("serving", ServingMeasures())
        live = None if mature.earlier is None else mature.earlier.folder.name
        measures = mature.measures(since, until, serving, live)
        return [self._one(watched, one, measures) for one in watched.system.requirements]

    def _one(self, watched: Watched, requirement: Requirement, measures: Measures) -> Finding:
        system = watched.system
        lists = system.decision is not None and system.decision.lists
        text = bound_text(requirement, lists)
        if requirement.metric in UNTOLD:
            why = "It is measured in rehearsal; what a server counts, of requests of all sizes, PM17 and PM18 tell."
            return self._finding(requirement, text, "cannot tell", f"{text}: is told by what a server counts", why)
        try:
            verdict = judge(requirement, system, measures)
            found = _holds(requirement, verdict)
            since = self._since(watched, requirement) if found == "broken" else None
        except PoiseError as error:
            return self._finding(requirement, text, "cannot tell", f"{text}: cannot be judged now", error.message)
        said = {"holds": "holds", "broken": "is broken", "cannot tell": "cannot be told"}[found]
        words = verdict.sentence.partition(": ")[2].partition("; live stays")[0].partition("; nothing goes live")[0]
        if found == "cannot tell" and verdict.status == "fail":
            said = "is not shown to hold any more"
        over = duration_text(system.monitoring.requirements_over)
        why = f"{words}, in the newest {over} at most of rows whose truth is known since the release."
        return self._finding(requirement, text, found, f"{text}: {said}", why, verdict, since)

    def _since(self, watched: Watched, requirement: Requirement) -> int | None:
        """The start of the first of the windows, without a gap up to the newest, whose value is past the bound; of an
        objective the day by it from which it is predicted worse."""
        mature, found = watched.measured["mature"], None
        length = watched.system.monitoring.window
        _, end = mature.newest(length)
        live = None if mature.earlier is None else mature.earlier.folder.name
        for back in range(1, MOST_BACK + 1):
            if end is None or end - back * length < watched.since:
                break
            since = end - back * length
            measures = mature.measures(since, since + length, ServingMeasures(), live)
            if not _past(requirement, judge(requirement, watched.system, measures)):
                break
            found = since
        name = requirement.metric.partition(".")[0]
        if end is None or name not in mature.scored:
            return found
        return worse_since(mature.learned(watched.since, end)[name], found, length)

    def _finding(
        self,
        requirement: Requirement,
        text: str,
        holds: Holds,
        what: str,
        why: str,
        verdict: Verdict | None = None,
        since: int | None = None,
    ) -> Finding:
        value = verdict.value if verdict is not None and isfinite(verdict.value) else None
        bound = requirement.at_most or requirement.at_least
        limits = None
        if bound is not None and requirement.relative_to is None:
            limits = (None, bound.value) if requirement.at_most else (bound.value, None)
        owner = requirement.metric.partition(".")[0]
        detail = {"holds": holds, "objective": owner if "." in requirement.metric else None, "realised": True}
        return Finding(
            code=self.code,
            monitor=self.name,
            what=f"{requirement.who}: {what}",
            subject=text,
            level=LEVELS[holds],
            since=since,
            size=value,
            unit=requirement.metric.rpartition(".")[2],
            limits=limits,
            who=(requirement.who,),
            moved=True if holds == "broken" else None,
            requirement=text,
            why=why,
            detail=detail if verdict is None else detail | {"verdict": verdict.to_dict()},
        )


def _holds(requirement: Requirement, verdict: Verdict) -> Holds:
    """What a verdict of the gate says of a requirement that held before."""
    if verdict.status == "pass":
        return "holds"
    if verdict.status != "fail":
        return "cannot tell"
    return "broken" if _beyond(requirement, verdict) else "cannot tell"


def _past(requirement: Requirement, verdict: Verdict) -> bool:
    """Whether the value is past the bound, however surely; not where there is none."""
    if verdict.status != "fail" or not isfinite(verdict.value):
        return False
    bound = requirement.at_most or requirement.at_least
    if bound is None or requirement.relative_to is not None:
        return verdict.against is not None and verdict.against.gain < 0
    return verdict.value > bound.value if requirement.at_most else verdict.value < bound.value


def _beyond(requirement: Requirement, verdict: Verdict) -> bool:
    """Whether the limit on the other side lies beyond the bound too."""
    against = verdict.against
    if requirement.better_than is not None:
        return against is not None and against.high < 0
    bound = requirement.at_most or requirement.at_least
    assert bound is not None
    if requirement.relative_to is None:
        return verdict.low > bound.value if requirement.at_most else verdict.high < bound.value
    if against is None:
        return False
    # A gain is positive where the model is better: short of the share that is allowed is what must be exceeded.
    allowed = (bound.value - 1) * abs(against.value)
    better_is_more = requirement.at_least is not None
    return against.high < (allowed if better_is_more else -allowed)
