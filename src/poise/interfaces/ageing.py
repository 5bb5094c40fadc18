"""How fast models lose value, measured on the rows of the lake, and what that says of the live release."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from poise.clock import DAY, from_text
from poise.errors import StateError, UsageError
from poise.releases.evidence import Evidence
from poise.releases.examples import assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.learn_from import LearnFrom, kept
from poise.spec.system import SystemSpec
from poise.updating.left_out import trusted_rows
from poise.updating.mature import system_now
from poise.updating.staleness import Staleness, staleness
from poise.updating.suspects import held_back

if TYPE_CHECKING:
    from poise.interfaces.system import System

Progress = Callable[[str], None]
KIND, NAME = "staleness", "last"
"""The document that holds what was measured last, which the monitor of staleness reads."""


def measured_staleness(system: System, worth: float | None, progress: Progress) -> list[Staleness]:
    """Each objective's, with the rung that the live release chose; what was found is kept for monitors.

    worth: what the models gain per day, in the file's currency; default what the decision was judged to gain over its
    best single action, where its terms are in that currency. Raises `StateError` where nothing is live.
    """
    live = system.live_folder()
    if live is None or system.starting:
        raise StateError("no model is live, so that none grows old", hint="run 'poise up' first")
    if worth is not None and worth <= 0:
        raise UsageError(f"--worth {worth:g} came", hint="what the models gain per day: more than 0")
    evidence, spec = Evidence.of(live.json("evidence")), system.spec
    rungs = {name: one.chosen for name, one in evidence.objectives.items() if one.chosen is not None}
    extra, limits = extra_names(spec), LearnFrom(left_out=(*trusted_rows(spec), *held_back(system.state)))
    plans = plans_of(spec, extra)
    sources = read_sources(spec, system.lake, plans, extra, limits=limits)
    progress("computing features as of each request")
    data = {name: one for name, one in assemble(spec, plans, sources, extra).items() if name in rungs}
    keep = {name: kept(spec, name, one.requests, sources.histories, limits) for name, one in data.items()}
    a_day = max((one.requests.height * DAY / max(int(one.requests.time.max() - one.requests.time.min()), 1)
                 for one in data.values()), default=0.0)  # fmt: skip
    found = staleness(
        spec,
        data,
        rungs,
        keep,
        learned_until=_learned_until(evidence),
        now=system_now(spec, system.lake),
        cost=None if evidence.training is None else evidence.training.cost,
        worth=worth or _worth(spec, evidence, a_day),
        threads=os.cpu_count() or 1,
        progress=progress,
    )
    _keep(system, found)
    return found


def keeps(system: System) -> dict[str, int]:
    """Objective -> how long a model of it keeps its value (microseconds), as was measured last: the interval that pays,
    else the time in which half of it is lost; objectives that lose none are left out."""
    row = system.state.document(KIND, NAME)
    found: Mapping[str, Any] = {} if row is None else row.value["objectives"]
    days = {name: one["interval"] or one["half_life"] for name, one in found.items()}
    return {name: round(value * DAY) for name, value in days.items() if value}


def _keep(system: System, found: list[Staleness]) -> None:
    live = system.state.live()
    value = {
        "release": None if live is None else live.release,
        "objectives": {one.objective: one.to_dict() for one in found},
    }
    system.state.put_document(KIND, NAME, value)


def _learned_until(evidence: Evidence) -> dict[str, int]:
    """The last T that the release was learned from, per objective (microseconds)."""
    ends = {name: one.again.to for name, one in evidence.objectives.items() if one.again is not None} | {
        name: one.parts.calibrate.to
        for name, one in evidence.objectives.items()
        if one.again is None and one.parts is not None and one.parts.calibrate is not None
    }
    return {name: from_text(end) for name, end in ends.items() if end is not None}


def _worth(spec: SystemSpec, evidence: Evidence, a_day: float) -> float | None:
    """What the decision gained per day over its best single action, in the file's currency; None where that is not
    told, or nothing was gained."""
    decision = spec.decision
    if decision is None or decision.lists or spec.costs is None or evidence.decision is None:
        return None
    money = [name for name, term in decision.terms.items() if term.unit == spec.costs.currency]
    worth: dict[str, float] = {}
    for one in evidence.decision.terms:
        if one.term in money and one.value is not None:
            worth[one.policy] = worth.get(one.policy, 0.0) + one.value
    others = [value for policy, value in worth.items() if policy.startswith("always ")]
    gained = (worth["model"] - max(others)) * a_day if "model" in worth and others else 0.0
    return gained if gained > 0 else None
