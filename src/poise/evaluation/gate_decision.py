"""Judging `decision.term`: what the term came to per row, against a bound or what another policy would have made."""

from __future__ import annotations

import numpy as np

from poise.errors import SpecError, did_you_mean
from poise.evaluation.baseline import baseline_of
from poise.evaluation.finding import Finding, column_by
from poise.evaluation.gate_foreseen import judge_foreseen
from poise.evaluation.gate_mean import Floats, Means, judge_mean
from poise.evaluation.measures import DecisionMeasures
from poise.spec.requirement import Requirement

ONLY = "only an experiment, or estimates from logged propensities, can tell"


def judge_decision(requirement: Requirement, term: str, measures: DecisionMeasures | None, live: str | None) -> Finding:
    """What the judged rows say of a bound on the mean of a term per row, under the model's choices.

    Against the live release it is told from that one's log, where it has propensities. Else `cannot tell` where the
    outcome of what was not chosen is unknown. Rows whose term is not known under either policy are left out. Raises
    `SpecError` for a term that does not exist or a slice that was not measured.
    """
    if measures is None:
        return Finding("insufficient", f"{requirement.metric} was not measured")
    foreseen = _foreseen(requirement, term, measures, live)
    if foreseen is not None and (foreseen.status != "cannot tell" or measures.unknown is not None):
        return foreseen
    if measures.unknown is not None:
        words = f"{requirement.metric} is not known before serving ({_why_not(requirement, measures)}); {ONLY}"
        return Finding("cannot tell", words)
    own = measures.terms["model"]
    if term not in own:
        raise SpecError(f"there is no term '{term}'", where=requirement.metric, hint=did_you_mean(term, own))
    column = column_by(requirement, measures.slices)
    wanted = requirement.better_than or requirement.relative_to
    baseline = None if wanted is None else baseline_of(wanted, _baselines(measures, term), live)
    if wanted is not None and baseline is None:
        return Finding("insufficient", f"there is no {wanted} to compare {requirement.metric} with")
    return judge_mean(requirement, Means(own[term], measures.blocks, baseline, column))


def _foreseen(requirement: Requirement, term: str, measures: DecisionMeasures, live: str | None) -> Finding | None:
    """What the log of the live release says; None where it is not asked, or knows nothing of the term."""
    found = None if measures.foresight is None else measures.foresight.terms.get(term)
    if found is None or live is None or not _against_live(requirement):
        return None
    return judge_foreseen(requirement, found, live)


def _against_live(requirement: Requirement) -> bool:
    """Whether it compares with what is live, over all rows."""
    return "live" in (requirement.better_than, requirement.relative_to) and requirement.by is None


def _why_not(requirement: Requirement, measures: DecisionMeasures) -> str:
    """Why neither the judged rows nor the log tell."""
    asked = measures.foresight is not None and _against_live(requirement)
    said = measures.foresight.why_not if asked and measures.foresight is not None else None
    return f"{measures.unknown}{'' if said is None else f'; of the log: {said}'}"


def _baselines(measures: DecisionMeasures, term: str) -> dict[str, Floats]:
    """Policies to compare with; `constant` is the one action that is best for this term."""
    found = {name: terms[term] for name, terms in measures.terms.items()}
    always = [values for name, values in found.items() if name.startswith("always ")]
    means = [float(np.nanmean(values)) if np.isfinite(values).any() else -np.inf for values in always]
    if always:
        found["constant"] = always[int(np.argmax(means))]
    return found
