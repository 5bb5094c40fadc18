"""Whether a release has held its stage long enough for the next one to follow without a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poise.clock import Clock
from poise.rollout.stages import Rollout, Rollouts, advance, under_way
from poise.spec.units import duration_text

SEEN = "rollout-seen"
"""The kind of document in which a server writes down what it saw of a release, by the release's name: `version` (of the
rollout's document), `answers`, `guardrails`, `shadow`."""
TERMS = "rollout-terms"
"""The same, of realised terms, by whoever judged them: `version`, `guardrails`."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the next stage may follow by itself, and why (not), in words."""

    ready: bool
    why: str


def readiness(now: Rollout, seen: Mapping[str, Any], instant: int) -> Readiness:
    """Of what is under way, given what a server saw of it, at an instant (microseconds).

    A canary must have answered for the time and the number of answers of its plan, with every guardrail that is watched
    holding or not yet breached; a shadow must have scored so many requests, of which none failed.
    """
    if now.stage not in ("shadow", "canary"):
        return Readiness(False, f"it is {now.stage}")
    left = now.since + now.plan.time - instant
    if left > 0:
        return Readiness(False, f"it has to hold for another {duration_text(-(-left // 1_000_000) * 1_000_000)}")
    shadow = now.stage == "shadow"
    of = (seen.get("shadow") or {}).get("scored", 0) if shadow else seen.get("answers", {}).get("canary", 0)
    least = now.plan.answers
    if of < least:
        return Readiness(False, f"{of:,} of {least:,} {'requests scored' if shadow else 'answers'} so far")
    if shadow and seen["shadow"]["failed"]:
        return Readiness(False, f"{seen['shadow']['failed']:,} requests could not be scored: a person decides")
    breached = [one["guardrail"] for one in seen.get("guardrails", ()) if one["verdict"] == "breached"]
    if breached:
        return Readiness(False, f"{breached[0]} does not hold")
    return Readiness(True, f"it held for {duration_text(now.plan.time) if now.plan.time else 'as long as asked'}")


def seen_of(state: Rollouts, now: Rollout) -> Mapping[str, Any]:
    """What a server wrote down of this stage of a release, of one that ended of its last stage; empty before it did."""
    row = state.document(SEEN, now.release)
    of = now.version if now.stage in ("shadow", "canary") else now.version - 1
    seen = {} if row is None or row.value["version"] != of else dict(row.value)
    terms = state.document(TERMS, now.release)
    if terms is not None and terms.value["version"] == of:
        seen["guardrails"] = [*seen.get("guardrails", ()), *terms.value["guardrails"]]
    return seen


def advance_when_ready(state: Rollouts, *, who: str | None = None) -> Rollout | None:
    """Take the next step where it is due, as `poise update` does; what is under way then, None where nothing is due.

    Raises as `advance` does.
    """
    now = under_way(state)
    if now is None:
        return None
    ready = readiness(now, seen_of(state, now), Clock().now())
    return advance(state, why=ready.why, who=who, expected=now.version) if ready.ready else None
