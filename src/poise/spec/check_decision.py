"""Cross-checks of the decision: its actions, terms and weights, and the objectives that terms are made of."""

from __future__ import annotations

from math import isfinite

from poise.errors import did_you_mean
from poise.spec.check_features import Carried
from poise.spec.expression import Type
from poise.spec.faults import Faults
from poise.spec.yaml_text import KeyPath

_KEYS = ("unit", "actions", "is")
"""Keys of a term, which no action can therefore be called."""
_MANY = ("multi-class", "multi-label")


def check_decision(faults: Faults, carried: Carried | None) -> None:
    """Note what is wrong with the decision. Without `carried` (features were faulty) terms are not typed."""
    decision = faults.system.decision
    if decision is None:
        return
    _actions(faults)
    for term, spec in decision.terms.items():
        path: KeyPath = ("decision", "terms", term)
        faults.word(path, term)
        for action in spec.actions:
            faults.one_of((*path, action), action, decision.choose, "action")
        for action in decision.choose:
            if action not in spec.actions:
                faults.add(path, f"the term '{term}' says nothing of the action '{action}'", f"write {action}: 0")
    for term, weight in decision.weights.items():
        path = ("decision", "weights", term)
        if faults.one_of(path, term, decision.terms, "term") and not isfinite(weight):
            faults.add(path, f"the weight of '{term}' must be a finite number")
    if faults.one_of(("decision", "per"), decision.per, faults.system.sources, "source") and carried is not None:
        _terms(faults, carried)


def _actions(faults: Faults) -> None:
    decision = faults.system.decision
    assert decision is not None
    path: KeyPath = ("decision", "choose")
    if len(set(decision.choose)) < len(decision.choose):
        faults.add(path, "'choose' names an action twice")
    for action in decision.choose:
        if action in _KEYS or not action.strip():
            faults.add(path, f"'{action}' cannot be an action; terms have the keys {', '.join(_KEYS)}")
    if decision.rule is not None:
        faults.one_of(("decision", "rule"), decision.rule, decision.choose, "action")


def _terms(faults: Faults, carried: Carried) -> None:
    decision = faults.system.decision
    assert decision is not None
    if decision.per not in carried.pers:
        faults.add(
            ("decision", "per"), f"no objective is per '{decision.per}'", did_you_mean(decision.per, carried.pers)
        )
        return
    for term, spec in decision.terms.items():
        for action, text in spec.actions.items():
            path: KeyPath = ("decision", "terms", term, action)
            if _predicted_well(faults, path, text):
                found = carried.expression(path, text, decision.per, _predictions(faults, text))
                if found not in (None, "number", "bool"):
                    faults.add(path, f"'{text}' is a {found}; a term is a number", _hint(text, found))


def _hint(text: str, kind: Type | None) -> str | None:
    return f"divide it: ({text}) / 1min" if kind == "duration" else None


def _objectives_in(faults: Faults, text: str) -> list[tuple[str, str, str]]:
    """(name as written, objective, class) of each name in an expression that stands for a prediction."""
    parsed = faults.parsed(text)
    written = [] if parsed is None else sorted(parsed.names)
    parts = [(name, *name.partition(".")[::2]) for name in written]
    return [(name, head, tail) for name, head, tail in parts if head in faults.system.objectives]


def _predictions(faults: Faults, text: str) -> dict[str, Type]:
    """The objectives (with their classes, which only the data know) that an expression uses."""
    found: dict[str, Type] = dict.fromkeys(faults.system.objectives, "number")
    return found | dict.fromkeys((name for name, _, _ in _objectives_in(faults, text)), "number")


def _predicted_well(faults: Faults, path: KeyPath, text: str) -> bool:
    """Whether an expression uses objectives as they are: of the same rows, and by class where they have classes."""
    decision, before = faults.system.decision, len(faults.found)
    assert decision is not None
    used = _objectives_in(faults, text)
    for name, head, tail in used:
        objective = faults.system.objectives[head]
        if objective.given is not None and objective.given not in [other for _, other, _ in used]:
            why = f"'{head}' is given '{objective.given}': it has a value only where that comes true"
            faults.add(path, why, f"a term multiplies both, e.g. {objective.given} * {head}")
        if objective.per != decision.per:
            why = f"'{head}' is per {objective.per}, and the decision per {decision.per}; both must be the same"
            faults.add(path, why)
        if objective.type in _MANY and not tail:
            faults.add(path, f"'{head}' has one value per class", f"write {head}.CLASS, e.g. {head}.yes")
        if objective.type not in _MANY and tail:
            faults.add(path, f"'{name}': '{head}' is {objective.type} and has no classes", f"write {head}")
    return len(faults.found) == before
