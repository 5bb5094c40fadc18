"""Contracts of a system from the outside: what was live at a time, and how a contract is retired."""

from __future__ import annotations

from typing import Any

from poise.clock import SECOND, Clock, to_text
from poise.errors import StateError
from poise.interfaces.loading import Loading
from poise.interfaces.system import System
from poise.rollout.promises import must_be_unused
from poise.serving.views import not_answering


def live_at(system: System, instant: int) -> dict[str, Any]:
    """What was live at an instant (microseconds): per contract the release and since when, and why it did
    not answer where servers could not switch to it, and the weights."""
    zone = system.spec.timezone
    wanted, weights = _loading(system).wanted(instant), system.state.weights_at(instant)
    live = system.state.live_at(instant)
    return {
        "at": to_text(instant, zone),
        "live": None if live is None else live.release,
        "contracts": [
            {
                "contract": major,
                "release": row.release,
                "since": to_text(row.since // SECOND * SECOND, zone),
                **not_answering(system.state, row, instant),
            }
            for major, row in wanted.items()
        ],
        "weights": None
        if weights is None
        else {"version": weights.version, "values": dict(weights.values), "who": weights.who, "why": weights.why},
    }


def retire(system: System, major: int, *, why: str, who: str | None = None, anyway: bool = False) -> list[str]:
    """Take a contract out of use for good; the releases that answered by it.

    anyway: although somebody used it in the last 7 days. Raises `Refused` where somebody did, `StateError` for a
    contract that is not served or is the only one.
    """
    loading = _loading(system)
    served = loading.wanted()
    if major not in served:
        known = ", ".join(map(str, served)) or "none"
        raise StateError(f"contract {major} is not served", hint=f"served: {known}")
    if not anyway:
        must_be_unused(major, system.state.usage(), Clock().now(), system.spec.timezone)
    names = [row.name for row in system.state.releases("released") if loading.major(row.name) == major]
    system.state.retire_contract(major, names, why=why, who=who)
    return names


def _loading(system: System) -> Loading:
    return Loading(system.path, system.settings, system.state, None)
