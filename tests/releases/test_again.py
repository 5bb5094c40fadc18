"""What was judged learns once more: from which rows, and when it does not answer for all that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from poise.errors import NotEnoughData
from poise.evaluation.parts import Split, split
from poise.features.base import Output
from poise.models.base import Examples, Learner, Model, Problem
from poise.models.calibration import Calibration
from poise.models.constant import ConstantModel
from poise.models.predictor import Predictor
from poise.releases.again import learned_again
from poise.releases.examples import Again, ObjectiveData
from poise.releases.learn_from import LearnFrom
from poise.spec.system import Parts
from poise.table import Column, Requests, Table

ROWS, HOUR = 200, 3_600_000_000
JUDGED = Predictor(ConstantModel(np.array([0.5]), many=False), Calibration.identity("binary"))


def parts() -> Split:
    time = np.arange(ROWS, dtype=np.int64) * HOUR
    return split(Parts(), time, time + 1, np.ones(ROWS, np.bool_))


def rows(made: Split, learned: Again | None) -> ObjectiveData:
    """Of the rows that judged all came true, of the others half."""
    target = np.arange(ROWS) % 2
    target[made.judge] = 1
    requests = Requests(Table({}, ROWS), made.time, Column.strings([str(i) for i in range(ROWS)]))
    columns = Table({"x": Column.numbers(np.zeros(ROWS))})
    return ObjectiveData(
        "late",
        cast(Any, None),
        (Output("x", "number"),),
        requests,
        columns,
        target,
        (),
        made.time,
        None,
        {},
        made,
        learned,
    )


class Told(Learner):
    """Predicts the weighted mean of what it learns from; keeps which rows those were."""

    name, order, works_with = "told", 1, frozenset({"binary"})
    reads: tuple[str, ...] = ()
    mean: float | None = None

    def fit(self, problem: Problem, fit: Examples, tune: Examples) -> Model:
        raise NotImplementedError

    def refit(self, model: Model, problem: Problem, examples: Examples) -> Model:
        self.seen = examples
        mean = float(np.average(examples.target, weights=examples.weights)) if self.mean is None else self.mean
        made = ConstantModel(np.array([mean]), many=False)
        return cast(Model, SimpleNamespace(inputs=self.reads, predict=made.predict)) if self.reads else made


def test_it_learns_from_the_rows_that_judged_too_and_newer_ones_weigh_more() -> None:
    made, learner = parts(), Told()
    every = np.concatenate([made.learning, made.judge])
    ages = LearnFrom(half_life=10 * HOUR).ages(made.time, made.time[every])
    found = learned_again(rows(made, Again(every, ages)), Problem("binary"), learner, JUDGED)
    assert found is not None and found.predictor is not None and found.until == made.time[made.judge[-1]]
    assert learner.seen.height == len(every) and learner.seen.weights[-1] == 1 > learner.seen.weights[0]
    assert found.predictor.predict(Table({}, 1))[0] > 0.9 and found.predictor.calibration is JUDGED.calibration
    told = found.to_dict("UTC")
    assert told is not None and told["rows"] == len(every)


def test_without_being_asked_nothing_is_learned_again() -> None:
    assert learned_again(rows(parts(), None), Problem("binary"), Told(), JUDGED) is None


@pytest.mark.parametrize(("reads", "mean", "said"), [(("y",), None, "reads y too"), ((), 0.2, "worse on the rows")])
def test_what_was_judged_answers_where_something_is_wrong_with_it(
    reads: tuple[str, ...], mean: float, said: str
) -> None:
    made, learner = parts(), Told()
    learner.reads, learner.mean = reads, mean
    found = learned_again(rows(made, Again(made.learning, None)), Problem("binary"), learner, JUDGED)
    assert found is not None and found.predictor is None and said in found.why and found.to_dict("UTC") is None


def test_too_few_rows_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(*_: object) -> Model:
        raise NotEnoughData("3 rows are too few")

    made, learner = parts(), Told()
    monkeypatch.setattr(learner, "refit", few)
    found = learned_again(rows(made, Again(made.learning, None)), Problem("binary"), learner, JUDGED)
    assert found is not None and found.predictor is None and "3 rows are too few" in found.why
