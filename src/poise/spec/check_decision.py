"""Cross-checks of the decision: which form it has, whose rows it is about, and the weights of its terms."""

from __future__ import annotations

from math import isfinite

from poise.errors import did_you_mean
from poise.spec.check_actions import check_actions
from poise.spec.check_features import Carried
from poise.spec.check_list import check_list
from poise.spec.check_terms import check_terms
from poise.spec.decision import Decision
from poise.spec.faults import Faults
from poise.spec.yaml_text import KeyPath


def check_decision(faults: Faults, carried: Carried | None) -> None:
    """Note what is wrong with the decision. Without `carried` (features were faulty) terms are not typed."""
    decision = faults.system.decision
    if decision is None:
        return
    for term in decision.terms:
        faults.word(("decision", "terms", term), term)
    _weights(faults, decision)
    known = faults.one_of(("decision", "per"), decision.per, faults.system.sources, "source")
    if not decision.lists:
        check_actions(faults, decision)
    elif known:
        check_list(faults, decision, carried)
    if not known or carried is None:
        return
    if decision.per in carried.pers:
        check_terms(faults, decision, carried)
    else:
        hint = did_you_mean(decision.per, carried.pers)
        faults.add(("decision", "per"), f"no objective is per '{decision.per}'", hint)


def _weights(faults: Faults, decision: Decision) -> None:
    for term, weight in decision.weights.items():
        path: KeyPath = ("decision", "weights", term)
        if faults.one_of(path, term, decision.terms, "term") and not isfinite(weight):
            faults.add(path, f"the weight of '{term}' must be a finite number")
