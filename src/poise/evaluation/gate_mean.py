"""Judging a mean: of what each row or list came to, against a bound or what a baseline came to on the same ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.baseline import Baseline, difference
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import Resampled, mean_interval, mean_sums
from poise.evaluation.finding import (
    Against,
    Answer,
    Finding,
    Question,
    Status,
    ask,
    bound_words,
    in_slice,
    of_rows,
    share_words,
)
from poise.evaluation.spread import Spread
from poise.evaluation.words import apart, number
from poise.spec.requirement import Requirement
from poise.table import Column

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """What the model came to in each of n rows or lists, NaN where that is not known, and what to compare it with.

    own: (n,). baseline: the same of another policy; None where the requirement names none. column: the values to judge
    by, (n,); None where the requirement names none. bounds: the smallest and largest possible value. noun: what n
    counts. notes: what else the sentence says.
    """

    own: Floats
    blocks: Blocks
    baseline: Baseline[Floats] | None = None
    column: Column | None = None
    bounds: tuple[float, float] = (-np.inf, np.inf)
    noun: str = "row"
    notes: tuple[str, ...] = ()

    def known(self) -> Means:
        """Those that are known under either policy."""
        rows = np.isfinite(self.own)
        baseline = self.baseline
        if baseline is not None:
            rows &= np.isfinite(baseline.of)
            baseline = Baseline(baseline.name, baseline.of[rows], baseline.instead)
        column = None if self.column is None else self.column.take(rows)
        blocks = self.blocks.take(rows)
        return Means(self.own[rows], blocks, baseline, column, self.bounds, self.noun, self.notes)


def judge_mean(requirement: Requirement, means: Means) -> Finding:
    """What a requirement finds in `means`; what is not known under either policy is left out."""
    means = means.known()
    answer = ask(_question(requirement, means), requirement, means.column, means.blocks, means.noun)
    if answer is None or isinstance(answer, Finding):
        return answer or Finding("insufficient", f"{requirement.metric} is known in no {means.noun}")
    rows = answer.decides.slice.rows
    score = mean_interval(means.own[rows], means.blocks.take(rows), answer.decides.level, bounds=means.bounds)
    status: Status = "pass" if answer.decides.clears else "fail"
    words = _words(requirement, score.value, means, answer)
    where = answer.decides.slice.value or None
    against = _against(means, answer)
    return Finding(
        status, words, score.value, score.low, score.high, len(rows), score.blocks, where, against, means.noun
    )


def _against(means: Means, answer: Answer) -> Against | None:
    """What the baseline came to, and what is gained on it."""
    if means.baseline is None:
        return None
    rows, level = answer.decides.slice.rows, answer.decides.level
    other = means.baseline.of[rows]
    gain = mean_interval(means.own[rows] - other, means.blocks.take(rows), level)
    return Against(means.baseline.name, float(other.mean()), gain.value, gain.low, gain.high)


def _question(requirement: Requirement, means: Means) -> Question:
    """The mean against the bound, or by how much it exceeds (a share of) the baseline's against 0."""
    own, blocks, baseline, bounds = means.own, means.blocks, means.baseline, means.bounds
    bound = requirement.at_most or requirement.at_least
    fraction = 1.0 if bound is None else bound.value

    def spread(rows: Rows) -> Spread:
        made = mean_sums(own[rows], blocks.take(rows), bounds)
        if baseline is None:
            return Resampled(made)
        return Resampled(difference(made, mean_sums(baseline.of[rows], blocks.take(rows)), fraction))

    if bound is None:
        return Question(spread, 0.0, at_most=False, strictly=True)
    return Question(spread, bound.value if baseline is None else 0.0, requirement.at_most is not None)


def _words(requirement: Requirement, value: float, means: Means, answer: Answer) -> str:
    tested, baseline = answer.decides, means.baseline
    label = requirement.metric + in_slice(tested.slice)
    notes = [of_rows(len(tested.slice.rows), means.noun), answer.beside, *means.notes]
    if baseline is None:
        limit = float(np.clip(tested.limit, *means.bounds))
        words = bound_words(label, value, limit, tested.clears, requirement)
    else:
        other = float(baseline.of[tested.slice.rows].mean())
        if requirement.better_than is not None:
            own, theirs = apart(value, other)
            verb = "is better than" if tested.clears else "is not better than"
            if not tested.clears and value > other:
                verb = "is not shown to be better than"
            words = f"{label} {own} {verb} the {theirs} of {baseline.name}"
            notes.insert(0, f"a gain of {number(tested.value)}, at least {number(tested.limit)}")
        else:
            words = share_words(label, value, other, tested.clears, requirement, baseline.name)
        notes.append(baseline.instead)
    return f"{words} ({'; '.join(note for note in notes if note)})"
