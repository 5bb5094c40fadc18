"""Cross-checks of `updates`: instants that are some, and settings that this system's rows can carry."""

from __future__ import annotations

from datetime import datetime

from poise.spec.faults import Faults


def check_updates(faults: Faults) -> None:
    """Note what is wrong with `updates`."""
    updates = faults.system.updates
    if updates is None:
        return
    if updates.labels <= 0:
        faults.add(("updates", "labels"), f"{updates.labels:g} new labels are always there", "write e.g. 10% or 5000")
    if updates.every is not None and updates.every <= 0:
        faults.add(("updates", "every"), "a time is needed that passes", "write e.g. 1d")
    if isinstance(updates.window, int) and updates.window <= 0:
        faults.add(("updates", "window"), "a time is needed that holds rows", "write e.g. 90d, all or evidence")
    if updates.shadow is not None and updates.canary is not None:
        why = "a release begins in one way, as a shadow or as a canary"
        faults.add(("updates", "canary"), why, "of the canary that follows a shadow say the share as rollout.canary")
    timed = any(faults.is_timed(objective.per) for objective in faults.system.objectives.values())
    if not timed and isinstance(updates.window, int):
        faults.add(("updates", "window"), "rows without a time have no newest ones", "leave it out, or name a 'time'")
    if updates.trusted is None:
        return
    ends = []
    for key, text in (("from", updates.trusted.from_), ("to", updates.trusted.to)):
        try:
            ends.append(datetime.fromisoformat(text))
        except ValueError:
            wrong = f"'{text}' is not an instant"
            faults.add(("updates", "trusted", key), wrong, "ISO 8601 is meant, e.g. 2026-01-31 or 2026-01-31T08:00")
    if not timed:
        faults.add(("updates", "trusted"), "rows without a time cannot be told by one")
    elif len(ends) == 2 and ends[0].tzinfo == ends[1].tzinfo and ends[0] >= ends[1]:
        faults.add(("updates", "trusted"), "it ends before it begins")
