"""`poise check`: is the system file valid, and what does it describe?"""

from __future__ import annotations

from typing import Any

from poise.features.plan import FeaturePlan
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.system import System
from poise.spec.decision import Decision
from poise.spec.default_features import sentence
from poise.spec.source_types import request_types
from poise.spec.system import SystemSpec


def check(file: FileOption = FILE, as_json: JsonOption = False) -> None:
    """Say what is wrong with the system file, all of it at once; else what the file describes."""
    system = System.read(file).spec
    pers = dict.fromkeys(objective.per for objective in system.objectives.values())
    features = {per: [output.name for output in FeaturePlan.of(system, per).outputs] for per in pers}
    if as_json:
        described: dict[str, Any] = {"system": system.system, "valid": True, "objectives": list(system.objectives)}
        sent = {per: list(request_types(system.sources[per], system)) for per in pers}
        print_json({**described, "features": features, "request": sent, "decision": _decision_json(system)})
        return
    say(f"{file} is valid: {system.system}. {system.purpose}", "green")
    kinds = ", ".join(f"{name} ({source.kind})" for name, source in system.sources.items())
    say(f"  sources       {kinds}")
    for per, names in features.items():
        said = sentence(system, per)
        say(f"  features      {len(names)} for each row of {per}" + (f": {said}" if said else ""))
    for name, objective in system.objectives.items():
        say(f"  objective     {name}: {objective.type}, per row of {objective.per}")
    for number, line in enumerate(decision_lines(system)):
        say(f"  {'' if number else 'decision':14}{line}")
    owners = ", ".join(dict.fromkeys(r.who for r in system.requirements)) or "nobody"
    say(f"  requirements  {len(system.requirements)}, owned by {owners}")


def decision_lines(system: SystemSpec) -> list[str]:
    """What is decided, in words: actions or items and the terms with their units, and for a list how it is made."""
    decision = system.decision
    if decision is None:
        return []
    terms = ", ".join(name + (f" ({term.unit})" if term.unit else "") for name, term in decision.terms.items())
    if not decision.lists:
        return [f"{', '.join(decision.choose)} by {terms}"]
    sent = ", ".join(request_types(system.sources[decision.per], system))
    lines = [f"top {decision.show} {items(system, decision)} by {terms}", f"callers send {sent}"]
    if decision.where is not None:
        lines.append(f"only where {decision.where}")
    if decision.explore is not None:
        lines.append(f"explored by {decision.explore.method} over the best {decision.explore.top}")
    if decision.position is None:
        lines.append("without a position: what was shown on top is learned as if it were liked more")
    if decision.rule is None:
        lines.append("without a rule: there is no list before there are data to learn from")
    return lines


def items(system: SystemSpec, decision: Decision) -> str:
    """What a list is of: the source whose key is the item, else the item's column."""
    named = (name for name, source in system.sources.items() if source.key == (decision.item,))
    return next((name for name in named if name != decision.per), str(decision.item))


def _decision_json(system: SystemSpec) -> dict[str, Any] | None:
    decision = system.decision
    if decision is None:
        return None
    what: dict[str, Any] = {"choose": list(decision.choose)}
    if decision.lists:
        what = {"list": decision.list_, "item": decision.item, "show": decision.show}
    return {"per": decision.per, **what, "terms": {name: term.unit for name, term in decision.terms.items()}}
