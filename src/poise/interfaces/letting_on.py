"""What is done about a release under way by whoever updates or watches: its terms are judged, and it is let on.

What a server sees at once it judges itself (`on_trial`). What comes of decisions is known later, and read here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poise.rollout.ready import TERMS, advance_when_ready
from poise.rollout.stages import Rollout, under_way, undo
from poise.rollout.terms import TermVerdict, judge_terms, outcomes
from poise.serving.loaded import Loaded
from poise.spec.rollout import Rollout as Declared

if TYPE_CHECKING:
    from poise.interfaces.system import System

ITSELF = "guardrail"


def let_on(system: System, *, who: str | None = None, frozen: bool = False) -> str | None:
    """Take a canary back whose realised terms are too low, else take its next step where that is due; what was done,
    None where nothing was (also where nothing is under way). frozen: what is under way is taken back at most."""
    breached = judge_realised(system)
    if breached is not None:
        return f"{breached.release} is undone: {breached.why}"
    if frozen:
        return None
    now = advance_when_ready(system.state, who=who)
    if now is None:
        return None
    return f"{now.release} is live: {now.why}" if now.stage == "live" else f"{now.release} is a {now.stage} now"


def judge_realised(system: System) -> Rollout | None:
    """Judge the realised terms of a canary, write the verdicts down, and undo it where one does not hold; the rollout
    then, else None."""
    now = under_way(system.state)
    if now is None or now.stage != "canary":
        return None
    declared = (system.spec.rollout or Declared()).guardrails
    if declared.terms is None:
        return None
    verdicts = _verdicts(system, now, declared.terms, declared.false_alarms)
    told = {"version": now.version, "guardrails": [one.to_dict() for one in verdicts]}
    system.state.put_document(TERMS, now.release, told)
    for one in verdicts:
        if one.verdict == "breached":
            return undo(system.state, why=one.says, who=ITSELF, breach=one.to_dict(), expected=now.version)
    return None


def _verdicts(system: System, now: Rollout, allowed: float, alarms: float) -> tuple[TermVerdict, ...]:
    canary, live = (Loaded.of(system.folder(name)) for name in (now.release, now.against))
    if canary.system.decision is None:
        return ()
    source = canary.system.sources[canary.system.decision.per]
    sticky = now.plan.sticky or source.person or source.entity
    replay = canary.system.clock == "replay"  # its T are of old data, and not of when somebody let it begin
    ours = outcomes(canary, system.lake, sticky, None if replay else now.since)
    theirs = outcomes(live, system.lake, sticky, ours.first if replay else now.since)
    return judge_terms(ours, theirs, allowed, alarms)
