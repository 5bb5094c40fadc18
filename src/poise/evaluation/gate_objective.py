"""Judging `objective.metric`: against a bound or a baseline, over all rows or in the worst slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise import registry
from poise.errors import SpecError
from poise.evaluation.base import Array, Metric
from poise.evaluation.baseline import Baseline, baseline_of, difference
from poise.evaluation.bootstrap import Resampled, gain_sums, interval, paired_gain, score_sums, spread_of
from poise.evaluation.finding import (
    Against,
    Answer,
    Finding,
    Question,
    Status,
    ask,
    bound_words,
    column_by,
    in_slice,
    of_rows,
    share_words,
)
from poise.evaluation.measures import ObjectiveMeasures
from poise.evaluation.spread import Spread
from poise.evaluation.words import apart, number
from poise.spec.requirement import Requirement

Rows = NDArray[np.int64]


def judge_objective(
    requirement: Requirement, metric_name: str, measures: ObjectiveMeasures, live: str | None
) -> Finding:
    """What the judged rows of an objective say of a bound on one of its metrics.

    Raises `SpecError` for a metric that does not exist or does not fit the objective's type, or a slice that was not
    measured.
    """
    metric = _metric(metric_name, measures)
    column = column_by(requirement, measures.slices)
    wanted = requirement.better_than or requirement.relative_to
    baseline = None if wanted is None else baseline_of(wanted, measures.baselines, live)
    if wanted is not None and baseline is None:
        return Finding("insufficient", f"there is no {wanted} to compare {requirement.metric} with")
    answer = ask(_question(requirement, metric, measures, baseline), requirement, column, measures.blocks)
    if isinstance(answer, Finding):
        return answer
    if answer is None:
        why = metric.reason(measures.target, measures.prediction) or "it is not defined for the baseline"
        return Finding("insufficient", f"{requirement.metric} has no value: {why}", n=len(measures.target))
    return _said(requirement, metric, measures, baseline, answer)


def _metric(name: str, measures: ObjectiveMeasures) -> Metric:
    metric: Metric = registry.get("metric", name)()
    if measures.type not in metric.works_with:
        fits = ", ".join(sorted(metric.works_with))
        raise SpecError(f"{name} does not fit a {measures.type} objective", hint=f"it fits: {fits}")
    return metric


def _question(
    requirement: Requirement,
    metric: Metric,
    measures: ObjectiveMeasures,
    baseline: Baseline[Array] | None,
) -> Question:
    target, prediction, blocks = measures.target, measures.prediction, measures.blocks
    bound = requirement.at_most or requirement.at_least
    at_most = requirement.at_most is not None
    if baseline is None:
        assert bound is not None

        def alone(rows: Rows) -> Spread:
            return spread_of(metric, target[rows], prediction[rows], blocks.take(rows))

        return Question(alone, metric.to_mean(bound.value), at_most)
    other = baseline.of
    if bound is None:

        def gained(rows: Rows) -> Spread:
            return Resampled(gain_sums(metric, target[rows], other[rows], prediction[rows], blocks.take(rows)))

        return Question(gained, 0.0, at_most=False, strictly=True)
    fraction = bound.value

    def beyond(rows: Rows) -> Spread:
        own = score_sums(metric, target[rows], prediction[rows], blocks.take(rows))
        theirs = score_sums(metric, target[rows], other[rows], blocks.take(rows))
        return Resampled(difference(own, theirs, fraction))

    return Question(beyond, 0.0, at_most)


def _said(
    requirement: Requirement,
    metric: Metric,
    measures: ObjectiveMeasures,
    baseline: Baseline[Array] | None,
    answer: Answer,
) -> Finding:
    tested = answer.decides
    rows = tested.slice.rows
    target, blocks = measures.target[rows], measures.blocks.take(rows)
    score = interval(metric, target, measures.prediction[rows], blocks, tested.level)
    label = requirement.metric + in_slice(tested.slice)
    notes = [of_rows(len(rows)), answer.beside]
    against = None
    if baseline is None:
        words = bound_words(label, score.value, tested.limit_as(metric.of_mean), tested.clears, requirement)
    else:
        other = metric.score(target, baseline.of[rows])
        words = _compared(label, score.value, other, metric, requirement, baseline, answer)
        gain = paired_gain(metric, target, baseline.of[rows], measures.prediction[rows], blocks, tested.level)
        against = Against(baseline.name, other, gain.value, gain.low, gain.high)
        if requirement.better_than is not None:
            notes.insert(0, f"a gain of {number(gain.value)}, between {number(gain.low)} and {number(gain.high)}")
        notes.append(baseline.instead)
    words += f" ({'; '.join(note for note in notes if note)})"
    status: Status = "pass" if tested.clears else "fail"
    where = tested.slice.value or None
    return Finding(status, words, score.value, score.low, score.high, len(rows), tested.blocks, where, against)


def _compared(
    label: str,
    value: float,
    other: float,
    metric: Metric,
    requirement: Requirement,
    baseline: Baseline[Array],
    answer: Answer,
) -> str:
    clears = answer.decides.clears
    if requirement.better_than is not None:
        own, theirs = apart(value, other)
        verb = "is better than" if clears else "is not better than"
        if not clears and metric.better(value, other):
            verb = "is not shown to be better than"
        return f"{label} {own} {verb} the {theirs} of {baseline.name}"
    return share_words(label, value, other, clears, requirement, baseline.name)
