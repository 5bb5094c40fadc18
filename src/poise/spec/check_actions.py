"""Cross-checks of a decision with `choose`: its actions, and that every term says something of each."""

from __future__ import annotations

from poise.spec.check_censors import check_censors
from poise.spec.decision import Decision, Explore
from poise.spec.faults import Faults
from poise.spec.prices import Prices
from poise.spec.source import ColumnSpec
from poise.spec.yaml_text import KeyPath

_KEYS = ("unit", "actions", "is")
"""Keys of a term, which no action can therefore be called."""


def check_actions(faults: Faults, decision: Decision) -> None:
    """Note what is wrong with the actions, and with terms that do not fit them."""
    path: KeyPath = ("decision", "choose")
    if len(set(decision.actions)) < len(decision.actions):
        faults.add(path, "'choose' names an action twice")
    for action in decision.actions:
        if action in _KEYS or not action.strip():
            faults.add(path, f"'{action}' cannot be an action; terms have the keys {', '.join(_KEYS)}")
    if decision.prices is not None:
        _prices(faults, decision, decision.prices)
    if decision.rule is not None:
        faults.one_of(("decision", "rule"), decision.rule, decision.actions, "action")
    for term in decision.terms:
        _term(faults, decision, term)
    if decision.explore is not None:
        _explore(faults, decision, decision.explore)
    check_censors(faults, decision)
    for action in decision.capacity:
        faults.one_of(("decision", "capacity", action), action, decision.actions, "action")
    if decision.capacity and not set(decision.actions) - {a for a, c in decision.capacity.items() if c.hard}:
        why = "every action has a hard capacity, so that nothing is left to take once they are used up"
        faults.add(("decision", "capacity"), why, "leave one without, or give it hard: false")


def _term(faults: Faults, decision: Decision, term: str) -> None:
    """A term with an expression for each action, and for nothing else."""
    path: KeyPath = ("decision", "terms", term)
    spec = decision.terms[term]
    if decision.prices is not None:
        if spec.is_ is None:
            why = f"the term '{term}' says what single actions are worth, and this decision chooses a price"
            column = decision.prices.column
            faults.add(path, why, f"write one expression that reads '{column}', e.g. demand * ({column} - cost)")
        return
    if spec.is_ is not None:
        each = ", ".join(f"{action}: …" for action in decision.actions)
        why = f"the term '{term}' says what an item is worth ('is'), and this decision chooses an action"
        faults.add(path, why, f"write what each action is worth, {{{each}}}; 'is' goes with 'list'")
        return
    for action in spec.actions:
        faults.one_of((*path, action), action, decision.actions, "action")
    for action in decision.actions:
        if action not in spec.actions:
            faults.add(path, f"the term '{term}' says nothing of the action '{action}'", f"write {action}: 0")


def _prices(faults: Faults, decision: Decision, prices: Prices) -> None:
    """A price is a number that callers of a prediction send, and some term reads it."""
    path: KeyPath = ("decision", "choose", prices.column)
    if decision.per not in faults.system.sources:
        return
    kind = faults.column(path, decision.per, prices.column)
    source = faults.system.sources[decision.per]
    if kind is not None and kind not in ("float", "int"):
        faults.add(path, f"'{prices.column}' is {kind}; a price is float or int")
    elif kind == "int" and any(value != int(value) for value in prices.grid.values):
        faults.add(path, f"'{prices.column}' is int, and the grid has prices that are not whole", "declare it as float")
    elif kind is not None and prices.column not in faults.sent(decision.per):
        hint = f"add it to request: of '{decision.per}'; Poise sets it when it decides"
        faults.add(path, f"'{prices.column}' is not among the request columns, so that no model could read it", hint)
    column = source.columns.get(prices.column)
    if column is not None:
        _within(faults, path, column, prices)


def _within(faults: Faults, path: KeyPath, column: ColumnSpec, prices: Prices) -> None:
    low, high = prices.grid.values[0], prices.grid.values[-1]
    for bound, out in ((column.min, column.min is not None and low < column.min),
                       (column.max, column.max is not None and high > column.max)):  # fmt: skip
        if out:
            faults.add(path, f"the grid goes beyond {bound:g}, which '{prices.column}' may not")


def _explore(faults: Faults, decision: Decision, explore: Explore) -> None:
    """Exploration that takes actions that there are, and bounds terms that there are."""
    path: KeyPath = ("decision", "explore")
    for action in explore.never:
        faults.one_of((*path, "never"), action, decision.actions, "action")
    if set(explore.never) >= set(decision.actions):
        faults.add((*path, "never"), "no action is left to explore", "leave explore out, or name fewer actions")
    for term in explore.cost or ():
        faults.one_of((*path, "cost", term), term, decision.terms, "term")
