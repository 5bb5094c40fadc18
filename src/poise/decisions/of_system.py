"""The decision of a system: its terms, compiled against what its models predict and its rows carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from poise.decisions.choose import Chooser
from poise.decisions.rank import Ranker
from poise.decisions.terms import Predicted
from poise.errors import SpecError, did_you_mean
from poise.features.scope import Scope
from poise.spec.decision import Decision
from poise.spec.expression import Type, parse, type_of
from poise.spec.system import SystemSpec

Classes = Mapping[str, Sequence[str]]


def chooser_of(system: SystemSpec, classes: Classes | None = None) -> Chooser | None:
    """The chooser of `system`; None where it lists items or only predicts.

    classes: objective -> its classes, for those that have some. Raises `SpecError` for a term that names a class that
    there is not, or what the decision's rows do not carry.
    """
    decision = system.decision
    if decision is None or decision.lists:
        return None
    objectives = _predicted(system, decision, classes or {})
    return Chooser(decision, objectives, _types(system, decision, objectives))


def ranker_of(system: SystemSpec, classes: Classes | None = None, *, rule_only: bool = False) -> Ranker | None:
    """The ranker of `system`; None where it chooses actions or only predicts.

    rule_only: no model has been learned, so that the rule sorts. Otherwise as `chooser_of`.
    """
    decision = system.decision
    if decision is None or not decision.lists:
        return None
    objectives = {} if rule_only else _predicted(system, decision, classes or {})
    types = _types(system, decision, objectives, terms=not rule_only)
    return Ranker(decision, objectives, types, rule_only=rule_only)


def names_in_terms(system: SystemSpec) -> set[str]:
    """Every name that the terms of the decision use, and of a list also its `where` and `rule`."""
    if system.decision is None:
        return set()
    return _names(_texts(system.decision)) | _names(_own_texts(system.decision))


def _texts(decision: Decision) -> list[str]:
    written = [text for term in decision.terms.values() for text in term.actions.values()]
    return written + [term.is_ for term in decision.terms.values() if term.is_ is not None]


def _own_texts(decision: Decision) -> list[str]:
    """What a list is sorted and filtered by: over columns alone. (The rule of actions names one of them.)"""
    return [text for text in (decision.where, decision.rule) if text is not None and decision.lists]


def _names(texts: Sequence[str]) -> set[str]:
    return {name for text in texts for name in parse(text).names}


def _predicted(system: SystemSpec, decision: Decision, classes: Classes) -> dict[str, Predicted]:
    return {
        name: Predicted(spec.type, tuple(classes.get(name, ())), spec.given)
        for name, spec in system.objectives.items()
        if spec.per == decision.per
    }


def _types(
    system: SystemSpec, decision: Decision, objectives: Mapping[str, Predicted], *, terms: bool = True
) -> dict[str, Type]:
    """The types of the columns that the decision reads; a class that there is not raises `SpecError`."""
    predicted = set(objectives) | {f"{name}.{label}" for name, o in objectives.items() for label in o.classes}
    read = (_names(_texts(decision)) if terms else set()) - predicted
    for name in sorted(read):
        head, _, label = name.partition(".")
        if label and head in objectives and objectives[head].classes:
            hint = did_you_mean(label, objectives[head].classes)
            raise SpecError(f"'{name}': '{head}' has no class '{label}'", where="decision.terms", hint=hint)
    scope = Scope(system, decision.per)
    return {name: type_of(scope.resolve(name).type) for name in sorted(read | _names(_own_texts(decision)))}
