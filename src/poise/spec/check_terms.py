"""Cross-checks of terms: numbers, over what the rows carry and over objectives as they may be used."""

from __future__ import annotations

from poise.spec.check_features import Carried
from poise.spec.decision import Decision
from poise.spec.expression import Type
from poise.spec.faults import Faults
from poise.spec.yaml_text import KeyPath

_MANY = ("multi-class", "multi-label")


def check_terms(faults: Faults, decision: Decision, carried: Carried) -> None:
    """Note terms, of items or of actions, that are no number or use what they may not."""
    for term, spec in decision.terms.items():
        whole = decision.lists or decision.prices is not None
        for key, text in (({} if spec.is_ is None else {"is": spec.is_}) if whole else spec.actions).items():
            path: KeyPath = ("decision", "terms", term, key)
            if _predicted_well(faults, path, text):
                found = carried.expression(path, text, decision.per, _predictions(faults, text))
                if found not in (None, "number", "bool"):
                    faults.add(path, f"'{text}' is a {found}; a term is a number", number_hint(text, found))


def number_hint(text: str, kind: Type | None) -> str | None:
    """How an expression of this type becomes a number; None where nothing is to be said."""
    return f"divide it: ({text}) / 1min" if kind == "duration" else None


def objectives_in(faults: Faults, text: str) -> list[tuple[str, str, str]]:
    """(name as written, objective, class) of each name in an expression that stands for a prediction."""
    parsed = faults.parsed(text)
    written = [] if parsed is None else sorted(parsed.names)
    parts = [(name, *name.partition(".")[::2]) for name in written]
    return [(name, head, tail) for name, head, tail in parts if head in faults.system.objectives]


def _predictions(faults: Faults, text: str) -> dict[str, Type]:
    """The objectives (with their classes, which only the data know) that an expression uses."""
    found: dict[str, Type] = dict.fromkeys(faults.system.objectives, "number")
    return found | dict.fromkeys((name for name, _, _ in objectives_in(faults, text)), "number")


def _predicted_well(faults: Faults, path: KeyPath, text: str) -> bool:
    """Whether an expression uses objectives as they are: of the same rows, and by class where they have classes."""
    decision, before = faults.system.decision, len(faults.found)
    assert decision is not None
    used = objectives_in(faults, text)
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
