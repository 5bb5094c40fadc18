"""Cross-checks of the decision: which form it has, whose rows it is about, and the weights of its terms."""

from __future__ import annotations

from math import isfinite

from poise.errors import did_you_mean
from poise.spec.check_actions import check_actions
from poise.spec.check_features import Carried
from poise.spec.check_list import check_list, check_list_rows, check_sorting
from poise.spec.check_terms import check_terms
from poise.spec.decision import Decision
from poise.spec.faults import Faults
from poise.spec.yaml_text import KeyPath


def check_decided_rows(faults: Faults) -> None:
    """Note a decision about rows that nothing is predicted for, or whose columns cannot make a list.

    What callers send follows from these, so features are bound after them.
    """
    decision = faults.system.decision
    if decision is None or not faults.one_of(("decision", "per"), decision.per, faults.system.sources, "source"):
        return
    pers = {objective.per for objective in faults.system.objectives.values()}
    if decision.per not in pers:
        hint = did_you_mean(decision.per, pers)
        faults.add(("decision", "per"), f"no objective is per '{decision.per}'", hint)
    elif decision.lists:
        check_list_rows(faults, decision)


def check_decision(faults: Faults, carried: Carried | None) -> None:
    """Note what is wrong with terms and weights. Without `carried` (something was faulty) terms are not typed."""
    decision = faults.system.decision
    if decision is None:
        return
    for term in decision.terms:
        faults.word(("decision", "terms", term), term)
    _weights(faults, decision)
    (check_list if decision.lists else check_actions)(faults, decision)
    if carried is not None:
        check_terms(faults, decision, carried)
        if decision.lists:
            check_sorting(faults, decision, carried)


def _weights(faults: Faults, decision: Decision) -> None:
    for term, weight in decision.weights.items():
        path: KeyPath = ("decision", "weights", term)
        if faults.one_of(path, term, decision.terms, "term") and not isfinite(weight):
            faults.add(path, f"the weight of '{term}' must be a finite number")
    if all(decision.weights.get(term) == 0 for term in decision.terms):
        hint = "give at least one term a weight other than 0"
        faults.add(("decision", "weights"), "all weights are 0, and nothing better than anything else", hint)
