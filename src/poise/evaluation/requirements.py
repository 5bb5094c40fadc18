"""Requirements as gates: each bound against the measures, with a verdict in its owner's name.

A one-sided 95 % limit must clear the bound, not only the value. Too little evidence refuses too, unless the
requirement says `allow: insufficient`, which is recorded. `cannot tell` is said of decisions only, and refuses
nothing: the question moves to the canary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from poise.errors import SpecError, did_you_mean
from poise.evaluation.finding import Finding, Status
from poise.evaluation.gate_decision import judge_decision
from poise.evaluation.gate_objective import judge_objective
from poise.evaluation.gate_serving import NAMES, judge_serving
from poise.evaluation.measures import Measures
from poise.spec.requirement import Requirement
from poise.spec.system import SystemSpec


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found on one requirement.

    `low` and `high` are one-sided limits of `value` (each at the level that had to clear); `n` counts rows or
    requests, `blocks` what they were resampled by; `slice` is the value of `by` that decided.
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

    @property
    def refuses(self) -> bool:
        """Whether this stops a release."""
        return self.status in ("fail", "insufficient") and not self.allowed

    def to_dict(self) -> dict[str, Any]:
        """For the evidence; what is not known is None."""
        return {
            "who": self.requirement.who,
            "metric": self.requirement.metric,
            "text": bound_text(self.requirement),
            "status": self.status,
            "value": self.value if isfinite(self.value) else None,
            "low": self.low if isfinite(self.low) else None,
            "high": self.high if isfinite(self.high) else None,
            "n": self.n,
            "blocks": self.blocks,
            "slice": self.slice,
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
    )


def judge_all(requirements: Sequence[Requirement], system: SystemSpec, measures: Measures) -> list[Verdict]:
    """The verdicts on all requirements, in their order."""
    return [judge(requirement, system, measures) for requirement in requirements]


def bound_text(requirement: Requirement) -> str:
    """A requirement as a sentence.

    >>> bound_text(Requirement(who="trust", metric="order.calibration_error", by="users.city", at_most=0.05))
    'order.calibration_error at most 0.05, in each users.city'
    >>> bound_text(Requirement(who="sales", metric="decision.revenue", at_least="95%", relative_to="live"))
    "decision.revenue at least 95% of the live release's"
    """
    whose = {"live": "the live release's", "rule": "the rule's", "constant": "the constant's"}
    if requirement.better_than:
        text = f"{requirement.metric} better than {whose[requirement.better_than]}"
    else:
        bound = requirement.at_most or requirement.at_least
        assert bound is not None
        text = f"{requirement.metric} {'at most' if requirement.at_most else 'at least'} {bound.text}"
    if requirement.relative_to:
        text += f" of {whose[requirement.relative_to]}"
    if requirement.candidates:
        text += f", with {requirement.candidates:,} rows per request"
    return text + (f", in each {requirement.by}" if requirement.by else "")


def _find(requirement: Requirement, system: SystemSpec, measures: Measures) -> Finding:
    if requirement.metric in NAMES:
        return judge_serving(requirement, measures.serving)
    owner, _, name = requirement.metric.partition(".")
    if owner == "decision" and name and system.decision is not None:
        return judge_decision(requirement, name, measures.decision, measures.live)
    if owner not in system.objectives or not name:
        known = [*NAMES, *(f"{o}.…" for o in system.objectives), *(["decision.…"] if system.decision else [])]
        hint = did_you_mean(requirement.metric, known)
        raise SpecError(f"there is no metric '{requirement.metric}'", where="requirements", hint=hint)
    if owner not in measures.objectives:
        return Finding("insufficient", f"{requirement.metric} was not measured")
    return judge_objective(requirement, name, measures.objectives[owner], measures.live)


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
