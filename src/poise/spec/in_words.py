"""What a decision is, in words, for people who check a file."""

from __future__ import annotations

from poise.spec.decision import Decision
from poise.spec.source_types import request_types
from poise.spec.system import SystemSpec


def decision_lines(system: SystemSpec) -> list[str]:
    """What is decided, in words: actions or items and the terms with their units, and for a list how it is made."""
    decision = system.decision
    if decision is None:
        return []
    terms = ", ".join(name + (f" ({term.unit})" if term.unit else "") for name, term in decision.terms.items())
    if not decision.lists:
        return _choice_lines(decision, terms)
    beside = [name for name in request_types(system.sources[decision.per], system) if name != decision.item]
    sent = "".join(f"{name}, " for name in beside) + f"and {decision.item} of each candidate"
    lines = [
        f"top {decision.show} {items(system, decision)} by {terms}",
        f"callers send {sent if beside else sent.removeprefix('and ')}",
    ]
    if decision.where is not None:
        lines.append(f"only where {decision.where}")
    if decision.explore is not None:
        lines.append(f"explored by {decision.explore.method} over the best {decision.explore.top}")
    if decision.position is None:
        lines.append(
            "without a position: where rows were shown in an order, what stood on top is taken to be liked more"
        )
    if decision.rule is None:
        lines.append("without a rule: there is no list before there are data to learn from")
    return lines


def items(system: SystemSpec, decision: Decision) -> str:
    """What a list is of: the source whose key is the item, else the item's column."""
    named = (name for name, source in system.sources.items() if source.key == (decision.item,))
    return next((name for name in named if name != decision.per), str(decision.item))


def _choice_lines(decision: Decision, terms: str) -> list[str]:
    """What is chosen, what that hides, and how often it may be."""
    prices, lines = decision.prices, list[str]()
    if prices is None:
        lines.append(f"{', '.join(decision.actions)} by {terms}")
    else:
        grid = prices.grid
        lines.append(f"{prices.column} from {grid.from_:g} to {grid.to:g} in steps of {grid.step:g}, by {terms}")
    lines += [f"{' and '.join(hiding)} hides {objective}" for objective, hiding in decision.censors.items()]
    lines += [f"{action} at most {capacity}" for action, capacity in decision.capacity.items()]
    if decision.explore is not None:
        lines.append("explored by epsilon")
    return lines
