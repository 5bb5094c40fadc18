"""Requirements as gates: each bound against the measures, with a verdict in its owner's name.

A one-sided 95 % limit must clear the bound, not only the value. Too little evidence refuses too, unless the
requirement says `allow: insufficient`, which is recorded. `cannot tell` is said of terms of decisions, whose question
no log without propensities can answer, and of what was not learned at all; it refuses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from poise.errors import SpecError, did_you_mean
from poise.evaluation.finding import Against, Finding, Status
from poise.evaluation.gate_decision import judge_decision
from poise.evaluation.gate_list import judge_list, rule_of
from poise.evaluation.gate_objective import judge_objective
from poise.evaluation.gate_serving import NAMES, judge_serving
from poise.evaluation.measures import Measures
from poise.spec.metric_name import list_name, named_list
from poise.spec.requirement import Requirement
from poise.spec.system import SystemSpec


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found on one requirement.

    `low` and `high` are one-sided limits of `value` (each at the level that had to clear); `n` counts rows or
    requests (`counts` says which), `blocks` what they were resampled by; `slice` is the value of `by` that decided.
    `lists`: the system's decision lists items, which words its text. `against`: what it was compared with.
    """

    requirement: Requirement
    status: Status
    sentence: str
    value: float
    low: float
    high: float
    n: int
    blocks: int | None
    slice: str | None
    allowed: bool
    lists: bool = False
    against: Against | None = None
    counts: str = "row"

    @property
    def refuses(self) -> bool:
        """Whether this stops a release."""
        return self.status in ("fail", "insufficient") and not self.allowed

    def to_dict(self) -> dict[str, Any]:
        """For the evidence; what is not known is None."""
        return {
            "who": self.requirement.who,
            "metric": self.requirement.metric,
            "text": bound_text(self.requirement, self.lists),
            "status": self.status,
            "value": self.value if isfinite(self.value) else None,
            "low": self.low if isfinite(self.low) else None,
            "high": self.high if isfinite(self.high) else None,
            "n": self.n,
            "blocks": self.blocks,
            "counts": f"{self.counts}s",
            "slice": self.slice,
            "against": None if self.against is None else self.against.to_dict(),
            "sentence": self.sentence,
            "allowed": self.allowed,
            "why": self.requirement.why,
        }


def judge(requirement: Requirement, system: SystemSpec, measures: Measures) -> Verdict:
    """The verdict on one requirement.

    Raises `SpecError` for a metric that the system does not have.
    """
    found = _find(requirement, system, measures)
    allowed = found.status == "insufficient" and requirement.allow == "insufficient"
    return Verdict(
        requirement,
        found.status,
        _sentence(requirement, found, allowed, measures.live),
        found.value,
        found.low,
        found.high,
        found.n,
        found.blocks,
        found.slice,
        allowed,
        _lists(system),
        found.against,
        found.counts,
    )


def judge_all(requirements: Sequence[Requirement], system: SystemSpec, measures: Measures) -> list[Verdict]:
    """The verdicts on all requirements, in their order."""
    return [judge(requirement, system, measures) for requirement in requirements]


def bound_text(requirement: Requirement, lists: bool = False) -> str:
    """A requirement as a sentence. `lists`: of a system whose decision lists items.

    >>> bound_text(Requirement(who="trust", metric="order.calibration_error", by="users.city", at_most=0.05))
    'order.calibration_error at most 0.05, in each users.city'
    >>> bound_text(Requirement(who="sales", metric="decision.revenue", at_least="95%", relative_to="live"))
    "decision.revenue at least 95% of the live release's"
    >>> bound_text(Requirement(who="ml", metric="decision.ndcg@10", better_than="constant"), lists=True)
    "decision.ndcg@10 better than a random order's"
    """
    whose = {"live": "the live release's", "rule": "the rule's", "constant": "the constant's"}
    if lists and list_name(requirement.metric.partition(".")[2]) is not None:
        whose |= {"constant": "a random order's", "rule": f"that of {rule_of(requirement.metric)}"}
    if requirement.better_than:
        text = f"{requirement.metric} better than {whose[requirement.better_than]}"
    else:
        bound = requirement.at_most or requirement.at_least
        assert bound is not None
        text = f"{requirement.metric} {'at most' if requirement.at_most else 'at least'} {bound.text}"
    if requirement.relative_to:
        text += f" of {whose[requirement.relative_to]}"
    if requirement.candidates:
        text += f", with {requirement.candidates:,} {_sized(lists)}"
    return text + (f", in each {requirement.by}" if requirement.by else "")


def _find(requirement: Requirement, system: SystemSpec, measures: Measures) -> Finding:
    if requirement.metric in NAMES:
        return judge_serving(requirement, measures.serving, _sized(_lists(system)))
    owner, _, name = requirement.metric.partition(".")
    if owner in measures.unlearned:
        return Finding("cannot tell", f"{requirement.metric} is not known: {measures.unlearned[owner]}")
    listed = named_list(requirement.metric, system)
    if listed is not None:
        held = measures.decision if owner == "decision" else measures.objectives.get(owner)
        return judge_list(requirement, listed, None if held is None else held.ranked, measures.live)
    if owner == "decision" and name and system.decision is not None:
        return judge_decision(requirement, name, measures.decision, measures.live)
    if owner not in system.objectives or not name:
        known = [*NAMES, *(f"{o}.…" for o in system.objectives), *(["decision.…"] if system.decision else [])]
        hint = did_you_mean(requirement.metric, known)
        raise SpecError(f"there is no metric '{requirement.metric}'", where="requirements", hint=hint)
    if owner not in measures.objectives:
        return Finding("insufficient", f"{requirement.metric} was not measured")
    return judge_objective(requirement, name, measures.objectives[owner], measures.live)


def _lists(system: SystemSpec) -> bool:
    return system.decision is not None and system.decision.lists


def _sized(lists: bool) -> str:
    """What `candidates` of a requirement counts."""
    return "candidates" if lists else "rows per request"


def _sentence(requirement: Requirement, found: Finding, allowed: bool, live: str | None) -> str:
    stays = f"; live stays {live}" if live else "; nothing goes live"
    if found.status == "pass":
        return f"{requirement.who} agrees: {found.words}"
    if found.status == "fail":
        return f"{requirement.who} refuses: {found.words}{stays}"
    if found.status == "cannot tell":
        return f"{requirement.who} cannot tell yet: {found.words}"
    if allowed:
        return f"{requirement.who} allows too little evidence: {found.words}"
    return f"{requirement.who} refuses for lack of evidence: {found.words}{stays}"
