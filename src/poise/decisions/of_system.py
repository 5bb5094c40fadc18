"""The chooser of a system: its decision's terms, compiled against what its models predict and its rows carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from poise.decisions.choose import Chooser, Predicted
from poise.errors import SpecError, did_you_mean
from poise.features.scope import Scope
from poise.spec.expression import parse, type_of
from poise.spec.system import SystemSpec


def chooser_of(system: SystemSpec, classes: Mapping[str, Sequence[str]] | None = None) -> Chooser | None:
    """The chooser of `system`; None where it only predicts.

    classes: objective -> its classes, for those that have some. Raises `SpecError` for a term that names a class that
    there is not, or what the decision's rows do not carry.
    """
    decision = system.decision
    if decision is None:
        return None
    known = classes or {}
    objectives = {
        name: Predicted(spec.type, tuple(known.get(name, ())), spec.given)
        for name, spec in system.objectives.items()
        if spec.per == decision.per
    }
    predicted = set(objectives) | {f"{name}.{label}" for name, o in objectives.items() for label in o.classes}
    for name in sorted(names_in_terms(system) - predicted):
        head, _, label = name.partition(".")
        if label and head in objectives and objectives[head].classes:
            hint = did_you_mean(label, objectives[head].classes)
            raise SpecError(f"'{name}': '{head}' has no class '{label}'", where="decision.terms", hint=hint)
    scope = Scope(system, decision.per)
    types = {name: type_of(scope.resolve(name).type) for name in sorted(names_in_terms(system) - predicted)}
    return Chooser(decision, objectives, types)


def names_in_terms(system: SystemSpec) -> set[str]:
    """Every name that the terms of the decision use."""
    if system.decision is None:
        return set()
    texts = [text for term in system.decision.terms.values() for text in term.actions.values()]
    return {name for text in texts for name in parse(text).names}
