"""Policies: what each judged row comes to when answers follow ML, the rule, or are always the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case
from poise.assessment.costs import Costs
from poise.assessment.trials import Trials
from poise.evaluation.words import number

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """The value of each judged row, (n,), under ML, under the rule, under the best policy that looks at nothing
    (`fixed`, named), and if every answer were right."""

    ml: Floats
    rule: Floats
    fixed: Floats
    perfect: Floats
    always: str


def played(case: Case, trials: Trials, costs: Costs) -> Played:
    """The judged rows under declared outcomes. Answers are those of the largest expected value, by probabilities that
    were learned from other rows; nothing is chosen by the rows that judge, but for the fixed policy, which is so
    favoured a little.
    """
    assert costs.outcomes is not None
    made = _amounts(case, trials, costs) if case.problem == "regression" else _answers(case, trials, costs.outcomes)
    if costs.person is not None and costs.person > made.fixed.mean():
        return Played(made.ml, made.rule, np.full_like(made.ml, costs.person), made.perfect, "a person, as now")
    return made


def _answers(case: Case, trials: Trials, outcomes: Floats) -> Played:
    truth = trials.target.astype(np.int64)
    ml, rule = (outcomes[truth, chosen(p, outcomes)] for p in (trials.learned, trials.prediction("rule")))
    best = int(outcomes[truth].mean(axis=0).argmax())
    return Played(ml, rule, outcomes[truth, best], outcomes[truth].max(axis=1), f"always '{case.classes[best]}'")


def chosen(prediction: Floats, outcomes: Floats) -> NDArray[np.int64]:
    """The answer of the largest expected value for each prediction, (n,) or (n, k): of two alike the first.

    >>> chosen(np.array([0.05, 0.2]), np.array([[0.0, -5.0], [0.0, 40.0]])).tolist()
    [0, 1]
    """
    chances = np.stack([1 - prediction, prediction], axis=1) if prediction.ndim == 1 else prediction
    return np.asarray((chances @ outcomes).argmax(axis=1), np.int64)


def threshold(outcomes: Floats) -> float:
    """From which probability on an alarm is worth more than none: (2, 2) outcomes.

    >>> round(threshold(np.array([[0.0, -5.0], [0.0, 40.0]])), 3)
    0.111
    """
    alarm, caught = outcomes[0, 0] - outcomes[0, 1], outcomes[1, 1] - outcomes[1, 0]
    return float(alarm / (alarm + caught))


def _amounts(case: Case, trials: Trials, costs: Costs) -> Played:
    """Numbers: each answer is moved by what the errors of other rows say is best (a quantile of them)."""
    assert costs.outcomes is not None
    over, under = costs.outcomes.tolist()
    level = under / (over + under)
    fixed = [np.full(len(f.judge), np.quantile(case.target[f.train], level)) for f in trials.folds]
    ml, rule, always = (
        worth_of_errors(np.concatenate(parts), trials.target, over, under)
        for parts in (_moved(case, trials, trials.chosen, level), _moved(case, trials, None, level), fixed)
    )
    return Played(ml, rule, always, np.zeros(len(ml)), f"always {number(float(fixed[-1][0]))}")


def _moved(case: Case, trials: Trials, rungs: Sequence[str] | None, level: float) -> list[Floats]:
    out = []
    for i, fold in enumerate(trials.folds):
        one = trials.tried("rule" if rungs is None else rungs[i])[i]
        out.append(one.judged + np.quantile(case.target[fold.tune] - one.tuned, level))
    return out


def worth_of_errors(answers: Floats, truth: Floats, over: float, under: float) -> Floats:
    """What answers come to, (n,), where a unit too high is worth `over` and a unit too low `under` (both <= 0)."""
    error = answers - truth
    return np.where(error > 0, over * error, -under * error)
