"""Judging `decision.term`: what the term came to per row, against a bound or what another policy would have made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from poise.errors import SpecError, did_you_mean
from poise.evaluation.baseline import Baseline, baseline_of, difference
from poise.evaluation.bootstrap import Resampled, mean_interval, mean_sums
from poise.evaluation.finding import Answer, Finding, Question, Status, ask, bound_words, in_slice, of_rows, share_words
from poise.evaluation.measures import DecisionMeasures
from poise.evaluation.spread import Spread
from poise.evaluation.words import apart, number
from poise.spec.requirement import Requirement

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def judge_decision(requirement: Requirement, term: str, measures: DecisionMeasures | None, live: str | None) -> Finding:
    """What the judged rows say of a bound on the mean of a term per row, under the model's choices.

    `cannot tell` where the outcome of an action that was not taken is unknown. Rows whose term is not known under
    either policy are left out. Raises `SpecError` for a term that does not exist or a slice that was not measured.
    """
    if measures is None:
        return Finding("insufficient", f"{requirement.metric} was not measured")
    if measures.unknown is not None:
        words = f"{requirement.metric} is not known before serving ({measures.unknown}); it is judged at the canary"
        return Finding("cannot tell", words)
    own = measures.terms["model"]
    if term not in own:
        raise SpecError(f"there is no term '{term}'", where=requirement.metric, hint=did_you_mean(term, own))
    if requirement.by is not None and requirement.by not in measures.slices:
        hint = did_you_mean(requirement.by, measures.slices)
        raise SpecError(f"there is no column '{requirement.by}' to judge by", where=requirement.metric, hint=hint)
    wanted = requirement.better_than or requirement.relative_to
    baseline = None if wanted is None else baseline_of(wanted, _baselines(measures, term), live)
    if wanted is not None and baseline is None:
        return Finding("insufficient", f"there is no {wanted} to compare {requirement.metric} with")
    known = np.isfinite(own[term]) & (True if baseline is None else np.isfinite(baseline.of))
    column = None if requirement.by is None else measures.slices[requirement.by].take(known)
    values = own[term][known]
    other = None if baseline is None else baseline.of[known]
    blocks = measures.blocks.take(known)

    def spread(rows: Rows) -> Spread:
        made = mean_sums(values[rows], blocks.take(rows))
        if other is None:
            return Resampled(made)
        return Resampled(difference(made, mean_sums(other[rows], blocks.take(rows)), _fraction(requirement)))

    answer = ask(_question(requirement, spread), requirement, column, blocks)
    if answer is None or isinstance(answer, Finding):
        return answer or Finding("insufficient", f"{requirement.metric} is known in no row")
    rows = answer.decides.slice.rows
    score = mean_interval(values[rows], blocks.take(rows), answer.decides.level)
    words = _words(requirement, score.value, baseline, None if other is None else float(other[rows].mean()), answer)
    status: Status = "pass" if answer.decides.clears else "fail"
    where = answer.decides.slice.value or None
    return Finding(status, words, score.value, score.low, score.high, len(rows), score.blocks, where)


def _baselines(measures: DecisionMeasures, term: str) -> dict[str, Floats]:
    """Policies to compare with; `constant` is the one action that is best for this term."""
    found = {name: terms[term] for name, terms in measures.terms.items()}
    always = [values for name, values in found.items() if name.startswith("always ")]
    means = [float(np.nanmean(values)) if np.isfinite(values).any() else -np.inf for values in always]
    if always:
        found["constant"] = always[int(np.argmax(means))]
    return found


def _fraction(requirement: Requirement) -> float:
    bound = requirement.at_most or requirement.at_least
    return 1.0 if bound is None else bound.value


def _question(requirement: Requirement, spread: Callable[[Rows], Spread]) -> Question:
    if requirement.better_than is not None:
        return Question(spread, 0.0, at_most=False, strictly=True)
    at_most = requirement.at_most is not None
    if requirement.relative_to is not None:
        return Question(spread, 0.0, at_most)
    return Question(spread, _fraction(requirement), at_most)


def _words(
    requirement: Requirement, value: float, baseline: Baseline[Floats] | None, other: float | None, answer: Answer
) -> str:
    tested = answer.decides
    label = requirement.metric + in_slice(tested.slice)
    notes = [of_rows(len(tested.slice.rows)), answer.beside]
    if baseline is None or other is None:
        words = bound_words(label, value, tested.limit, tested.clears, requirement)
    elif requirement.better_than is not None:
        own, theirs = apart(value, other)
        verb = "is better than" if tested.clears else "is not better than"
        if not tested.clears and value > other:
            verb = "is not shown to be better than"
        words = f"{label} {own} {verb} the {theirs} of {baseline.name}"
        notes.insert(0, f"a gain of {number(tested.value)}, at least {number(tested.limit)}")
    else:
        words = share_words(label, value, other, tested.clears, requirement, baseline.name)
    notes.append("" if baseline is None else baseline.instead)
    return f"{words} ({'; '.join(note for note in notes if note)})"
