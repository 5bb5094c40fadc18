"""What is said of a rollout to people and programs, and the step that they ask for: one for CLI, HTTP and console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from poise.clock import SECOND, Clock, to_text
from poise.rollout.ready import Readiness, readiness, seen_of
from poise.rollout.stages import Rollout, Rollouts, advance, newest, undo

Step = Literal["advance", "share", "undo"]


def told(state: Rollouts, zone: str = "UTC") -> dict[str, Any]:
    """The release that is under way, else the one that ended last; `release` is None where there never was one.

    `guardrails` and `figures` are those that the server last wrote down, some seconds ago.
    """
    now = newest(state)
    if now is None:
        return {"release": None, "stage": None, "guardrails": [], "figures": [], "next": None, "says": "no rollout yet"}
    seen = seen_of(state, now)
    ready = readiness(now, seen, Clock().now())
    return {
        "release": now.release,
        "stage": now.stage,
        "share": now.share,
        "against": now.against,
        "since": to_text(now.since // SECOND * SECOND, zone),
        "who": now.who,
        "why": now.why,
        "breach": None if now.breach is None else dict(now.breach),
        "answers": dict(seen.get("answers", {})),
        "guardrails": [dict(one) for one in seen.get("guardrails", ())],
        "shadow": seen.get("shadow"),
        "figures": _figures(seen),
        "says": _says(now, zone),
        "ready": ready.ready,
        "next": _next(now, ready),
    }


def step(
    state: Rollouts,
    act: Step,
    *,
    why: str,
    who: str | None = None,
    share: float | None = None,
    expected: int | None = None,
) -> Rollout:
    """Advance, raise the share, or undo. Raises as `stages.advance` and `stages.undo` do."""
    if act == "undo":
        return undo(state, why=why, who=who, expected=expected)
    return advance(state, why=why, who=who, share=share, expected=expected)


def _says(now: Rollout, zone: str) -> str:
    since = to_text(now.since // SECOND * SECOND, zone)
    by = f"{now.who}: " if now.who else ""
    if now.stage == "shadow":
        said = f"{now.release} scores {100 * now.share:.3g}% of the requests and answers none; {now.against} is live"
    elif now.stage == "canary":
        said = f"{now.release} answers {100 * now.share:.3g}% of the callers, {now.against} the others"
    elif now.stage == "live":
        said = f"{now.release} answers everybody"
    else:
        said = f"{now.release} was undone; {now.against} went on"
    return f"{said}, since {since} ({by}{now.why or 'no reason given'})"


def _next(now: Rollout, ready: Readiness) -> str | None:
    if now.stage in ("live", "undone"):
        return None
    to = "the canary" if now.stage == "shadow" else "live"
    return f"next: {to}; {ready.why} (poise rollout --advance, or --undo)"


def _figures(seen: Mapping[str, Any]) -> list[str]:
    """What was counted, in words."""
    found = []
    answers = seen.get("answers")
    if answers:
        found.append(f"answers: {answers['canary']:,} by the canary, {answers['live']:,} by the live release beside it")
    shadow = seen.get("shadow")
    if shadow:
        found.append(f"scored {shadow['scored']:,}, dropped {shadow['dropped']:,}, failed {shadow['failed']:,}")
        if shadow["agreement"] is not None:
            found.append(f"the same choice in {100 * shadow['agreement']:.1f}% of {shadow['compared']:,}")
        for name, one in shadow["differences"].items():
            found.append(f"{name}: {one['mean']:+.4g} on average, {one['absolute']:.4g} either way")
        if shadow["seconds"]["shadow"] is not None:
            ours, theirs = (1000 * shadow["seconds"][one] for one in ("shadow", "live"))
            found.append(f"median {ours:.3g} ms, live {theirs:.3g} ms")
    return found
