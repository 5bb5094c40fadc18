"""Which rows `monitoring: {slices: …}` is about."""

from __future__ import annotations

from poise.spec.system import SystemSpec


def watched_per(system: SystemSpec) -> str:
    """The source that is decided on; else that of the first objective."""
    decision = system.decision
    return decision.per if decision is not None else next(iter(system.objectives.values())).per
