"""What a training run looks up beside features: names in rules and terms, and the columns that slices are cut by."""

from __future__ import annotations

from poise.decisions.of_system import names_in_terms
from poise.spec.expression import parse
from poise.spec.requirement import Requirement
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.spec.watched_per import watched_per


def extra_names(system: SystemSpec) -> dict[str, tuple[str, ...]]:
    """Source that objectives predict for -> names that its plan must give beside its features.

    Of the names in rules and terms, objectives and their classes are left out: models give those.
    """
    out: dict[str, dict[str, None]] = {o.per: {} for o in system.objectives.values()}
    for objective in system.objectives.values():
        if objective.rule is not None:
            out[objective.per].update(dict.fromkeys(sorted(parse(objective.rule).names)))
    if system.decision is not None:
        names = sorted(n for n in names_in_terms(system) if n.partition(".")[0] not in system.objectives)
        out[system.decision.per].update(dict.fromkeys(names))
    for requirement in system.requirements:
        per = judged_per(system, requirement)
        if per is not None and requirement.by and own_column(system, per, requirement.by) is None:
            out[per][requirement.by] = None
    per = watched_per(system)
    out[per].update((by, None) for by in system.monitoring.slices if own_column(system, per, by) is None)
    return {per: tuple(names) for per, names in out.items()}


def judged_per(system: SystemSpec, requirement: Requirement) -> str | None:
    """The source whose rows a requirement is judged on; None for what is measured on the server."""
    owner = requirement.metric.partition(".")[0]
    if owner in system.objectives:
        return system.objectives[owner].per
    return system.decision.per if owner == "decision" and system.decision is not None else None


def own_column(system: SystemSpec, per: str, by: str) -> str | None:
    """The column of the judged row itself that `by` names (slices may use those that no caller sends); else None."""
    source, dot, column = by.partition(".")
    name = column if dot and source == per else by
    return name if name in column_types(system.sources[per], system) else None


def slice_names(system: SystemSpec, owner: str) -> tuple[str, ...]:
    """The columns by which `owner` (an objective, or `decision`) is judged and watched."""
    found = [r.by for r in system.requirements if r.by and r.metric.partition(".")[0] == owner]
    watched = owner in system.objectives and system.objectives[owner].per == watched_per(system)
    return tuple(dict.fromkeys([*found, *(system.monitoring.slices if watched else ())]))
