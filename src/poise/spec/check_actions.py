"""Cross-checks of a decision with `choose`: its actions, and that every term says something of each."""

from __future__ import annotations

from poise.spec.check_censors import check_censors
from poise.spec.decision import Decision, Explore
from poise.spec.faults import Faults
from poise.spec.yaml_text import KeyPath

_KEYS = ("unit", "actions", "is")
"""Keys of a term, which no action can therefore be called."""


def check_actions(faults: Faults, decision: Decision) -> None:
    """Note what is wrong with the actions, and with terms that do not fit them."""
    path: KeyPath = ("decision", "choose")
    if len(set(decision.choose)) < len(decision.choose):
        faults.add(path, "'choose' names an action twice")
    for action in decision.choose:
        if action in _KEYS or not action.strip():
            faults.add(path, f"'{action}' cannot be an action; terms have the keys {', '.join(_KEYS)}")
    if decision.rule is not None:
        faults.one_of(("decision", "rule"), decision.rule, decision.choose, "action")
    for term in decision.terms:
        _term(faults, decision, term)
    if decision.explore is not None:
        _explore(faults, decision, decision.explore)
    check_censors(faults, decision)
    for action in decision.capacity:
        faults.one_of(("decision", "capacity", action), action, decision.choose, "action")
    if decision.capacity and not set(decision.choose) - {a for a, c in decision.capacity.items() if c.hard}:
        why = "every action has a hard capacity, so that nothing is left to take once they are used up"
        faults.add(("decision", "capacity"), why, "leave one without, or give it hard: false")


def _term(faults: Faults, decision: Decision, term: str) -> None:
    """A term with an expression for each action, and for nothing else."""
    path: KeyPath = ("decision", "terms", term)
    spec = decision.terms[term]
    if spec.is_ is not None:
        each = ", ".join(f"{action}: …" for action in decision.choose)
        why = f"the term '{term}' says what an item is worth ('is'), and this decision chooses an action"
        faults.add(path, why, f"write what each action is worth, {{{each}}}; 'is' goes with 'list'")
        return
    for action in spec.actions:
        faults.one_of((*path, action), action, decision.choose, "action")
    for action in decision.choose:
        if action not in spec.actions:
            faults.add(path, f"the term '{term}' says nothing of the action '{action}'", f"write {action}: 0")


def _explore(faults: Faults, decision: Decision, explore: Explore) -> None:
    """Exploration that takes actions that there are, and bounds terms that there are."""
    path: KeyPath = ("decision", "explore")
    for action in explore.never:
        faults.one_of((*path, "never"), action, decision.choose, "action")
    if set(explore.never) >= set(decision.choose):
        faults.add((*path, "never"), "no action is left to explore", "leave explore out, or name fewer actions")
    for term in explore.cost or ():
        faults.one_of((*path, "cost", term), term, decision.terms, "term")
