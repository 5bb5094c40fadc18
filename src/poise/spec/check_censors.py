"""Cross-checks of what actions hide: `censors`, and the columns by which it is known which action was taken."""

from __future__ import annotations

from poise.spec.decision import Decision
from poise.spec.faults import Faults
from poise.spec.source import ColumnType
from poise.spec.yaml_text import KeyPath

_ACTIONS: tuple[ColumnType, ...] = ("string", "category", "int", "bool")


def check_censors(faults: Faults, decision: Decision) -> None:
    """Note labels that are hidden by no action, or by all, and columns that cannot say what was done."""
    for objective, hiding in decision.censors.items():
        _hidden(faults, decision, objective, hiding)
    if decision.per in faults.system.sources:
        _taken(faults, decision)


def _hidden(faults: Faults, decision: Decision, objective: str, hiding: tuple[str, ...]) -> None:
    path: KeyPath = ("decision", "censors", objective)
    if faults.one_of(path, objective, faults.system.objectives, "objective"):
        per = faults.system.objectives[objective].per
        if per != decision.per:
            faults.add(path, f"'{objective}' is per {per}, and the decision per {decision.per}; both must be the same")
    for action in hiding:
        faults.one_of(path, action, decision.actions, "action")
    if not hiding:
        faults.add(path, f"no action hides '{objective}'", "name those that do, or leave it out")
    elif set(hiding) >= set(decision.actions):
        faults.add(path, f"every action hides '{objective}', so that nothing could ever be learned of it")


def _taken(faults: Faults, decision: Decision) -> None:
    path: KeyPath = ("decision", "taken")
    taken, source = decision.taken, faults.system.sources[decision.per]
    if taken is None:
        if decision.censors and len(source.identity) != 1:
            why = f"nothing says which action was taken on rows of '{decision.per}'"
            hint = "declare id: of one column, which callers send with a request or which repeats the decision_id; or "
            faults.add(("decision", "censors"), why, hint + "decision.taken: COLUMN, which says what was done")
        return
    if not decision.censors:
        faults.add(path, "'taken' goes with 'censors': nothing else asks which action was taken")
    for key, allowed in (("action", _ACTIONS), ("decision", ("string", "category")), ("shown", ("float", "int"))):
        column = getattr(taken, key)
        kind = None if column is None else faults.column((*path, key), decision.per, column)
        if kind is not None and kind not in allowed:
            faults.add((*path, key), f"'{column}' is {kind}; it must be one of {', '.join(allowed)}")
