"""One look at a running system: every monitor, one control of false discoveries, and what drift costs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from poise import registry
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.discovery import controlled
from poise.monitoring.finding import Finding, ranked

UNREAD = "no model of the release reads it"
COSTS_NOTHING = "what the release is judged by did not move with it"


def look(watched: Watched, only: Collection[str] | None = None) -> list[Finding]:
    """What all monitors (or those with the codes `only`) find, what to read first at the front.

    All that rests on tests goes through one control of false discoveries. Drift is weighed by performance: with none
    that moved it is a notice, and slow drift with which it moved is an alarm. What no change of the world looks like (a
    stuck sensor, another unit, a level that is called otherwise, half of the values missing) is a fault, and stays an
    alarm where a model reads it.
    """
    monitors = [registry.get("monitor", code)() for code in registry.names("monitor") if only is None or code in only]
    drifting = {one.code for one in monitors if one.drifts}
    performing = {one.code for one in monitors if one.tells_performance}
    found = controlled([finding for one in monitors for finding in _looked(one, watched)])
    performance = [one for one in found if one.code in performing]
    return ranked([weighed(one, performance, watched) if one.code in drifting else one for one in found])


def _looked(monitor: Monitor, watched: Watched) -> Sequence[Finding]:
    return monitor.look(watched)


def weighed(one: Finding, performance: Sequence[Finding], watched: Watched) -> Finding:
    """A finding of drift with what it concerns and whether performance moved with it."""
    objectives = one.detail.get("objectives") or _readers(one.subject, watched)
    detail = {**one.detail, "objectives": list(objectives)}
    if one.level not in ("alarm", "notice"):
        return replace(one, detail=detail)
    if not objectives and watched.profile is not None and not one.subject.startswith("decision."):
        why = f"{one.why}; {UNREAD}" if one.why else UNREAD
        return replace(one, level="notice", moved=False, why=why, detail=detail)
    moved = moved_with(one, performance, objectives)
    level, why = one.level, one.why
    if moved is False and level == "alarm" and one.detail.get("fault"):
        why = f"{why}; {COSTS_NOTHING} so far" if why else f"{COSTS_NOTHING} so far"
    elif moved is False and level == "alarm":
        level, why = "notice", f"{why}; {COSTS_NOTHING}" if why else COSTS_NOTHING
    if moved is True and one.detail.get("slow"):
        level = "alarm"
    return replace(one, level=level, moved=moved, why=why, detail=detail)


def moved_with(one: Finding, performance: Sequence[Finding], objectives: Collection[str]) -> bool | None:
    """Whether the performance of any of `objectives` fell; by labels where they tell, else by estimates. None where
    neither tells (yet): an estimate alone clears no break, as what it assumes may have broken too."""
    told = [f for f in performance if not objectives or f.detail.get("objective") in objectives]
    if any(f.level == "alarm" for f in told):
        return True
    realised = [f for f in told if f.detail.get("realised")]
    covers = [f for f in realised if f.level == "fine" and _covers(f, one)]
    if covers:
        return False
    estimated = [f for f in told if not f.detail.get("realised") and f.level == "fine"]
    return False if estimated and one.detail.get("slow") else None


def _covers(performance: Finding, one: Finding) -> bool:
    """Whether the labels reach beyond the break: `detail["until"]` is the T up to which they are known."""
    until = performance.detail.get("until")
    return one.since is None or until is None or until > one.since


def _readers(subject: str, watched: Watched) -> list[str]:
    """The objectives whose models read a column."""
    if watched.profile is None:
        return []
    return [name for name, read in watched.profile.reads.items() if subject in read]
