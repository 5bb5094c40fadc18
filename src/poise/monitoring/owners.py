"""Whom a finding concerns: the owners of the requirements that it bears on."""

from __future__ import annotations

from poise.spec.expression import parse
from poise.spec.system import SystemSpec


def owners_of(system: SystemSpec, name: str) -> tuple[str, ...]:
    """The owners of requirements on an objective, on a term `decision.NAME`, or on what depends on that objective."""
    found = []
    for requirement in system.requirements:
        owner, _, metric = requirement.metric.partition(".")
        if owner == name or requirement.metric == name or (owner == "decision" and _reads(system, metric, name)):
            found.append(requirement.who)
    return tuple(dict.fromkeys(found))


def _reads(system: SystemSpec, metric: str, name: str) -> bool:
    """Whether a term, or of lists any term, is made of an objective."""
    decision = system.decision
    if decision is None:
        return False
    terms = [decision.terms[metric]] if metric in decision.terms else list(decision.terms.values())
    texts = [text for term in terms for text in (*term.actions.values(), term.is_) if text is not None]
    return any(read.partition(".")[0] == name for text in texts for read in parse(text).names)
