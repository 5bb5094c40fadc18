"""Who is charged for time: what a model and the features that it reads took, and nothing that others did."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest

from poise.errors import NotFinite
from poise.features.plan import FeaturePlan
from poise.models.constant import ConstantModel
from poise.models.fallback import Fallback
from poise.models.predictor import Predictor
from poise.releases.contract import Output
from poise.serving.answer import Answerer
from poise.serving.breaker import PAUSE, SLOW_IN_A_ROW
from poise.serving.limits import Limits
from poise.serving.score import Scored, Scorer
from poise.spec.reading import read_text
from poise.stores.memory import MemoryStore
from poise.table import Column, Requests, Table

TEXT = """
format: 1
system: shops
purpose: Test.
sources:
  shown: {path: shown.csv, columns: {x: float, y: float, label: bool}, request: [x, y]}
features:
  - columns: {from: shown, take: [x, y]}
  - function: {call: "slow_module:far", take: [x], gives: far}
  - compute: {farther: far + 1}
objectives:
  a: {type: binary, per: shown, label: {take: label}}
  b: {type: binary, per: shown, label: {take: label}}
"""
ONE = Requests(Table({"x": Column.numbers([1.0]), "y": Column.numbers([2.0])}), np.zeros(1, np.int64))
BUDGET = 0.2


class Watch:
    """A clock that only moves when somebody takes time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Model:
    """Says 0.9, and takes as long as it is told to."""

    def __init__(self, watch: Watch, *inputs: str) -> None:
        self._watch, self.inputs = watch, inputs
        self.takes, self.calls = 0.0, 0

    def predict(self, features: Table) -> Any:
        self.calls += 1
        self._watch.now += self.takes
        return np.full(features.height, 0.9)


class Desk:
    """A release of two objectives, one of which reads a `function`, on a clock of its own."""

    def __init__(self, watch: Watch, module: ModuleType) -> None:
        self.watch = watch
        vars(module)["far"] = self.slow
        self.a, self.b = Model(watch, "farther"), Model(watch, "shown_y")
        self.far, self.made = 0.0, 0
        plan = FeaturePlan.of(read_text(TEXT), "shown")
        constant = Fallback.of("binary", {"constant": ConstantModel(np.array([0.3]), many=False)})
        self.scorer = Scorer(
            plan,
            [Output("a", "binary"), Output("b", "binary")],
            {"a": cast(Predictor, self.a), "b": cast(Predictor, self.b)},
            fallbacks={"a": constant, "b": constant},
        )

    def slow(self, x: Any) -> Any:
        self.made += 1
        self.watch.now += self.far
        return x * 2

    def ask(self) -> Scored:
        return self.scorer.score(ONE, MemoryStore(), BUDGET)

    def why(self) -> dict[str, str]:
        return {name: mark["why"] for name, mark in self.ask().fallbacks.items()}


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(time, "perf_counter", made)
    return made


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, watch: Watch) -> Desk:
    module = ModuleType("slow_module")
    monkeypatch.setitem(sys.modules, "slow_module", module)
    return Desk(watch, module)


def test_only_the_objective_that_took_the_time_falls_back(at: Desk) -> None:
    at.a.takes = 0.5
    scored = at.ask()
    assert scored.fallbacks == {"a": {"by": "constant", "why": "its model took 0.5 s, longer than 0.2 s"}}
    assert {name: values.tolist() for name, values in scored.predictions.items()} == {"a": [0.3], "b": [0.9]}


def test_only_who_reads_a_slow_feature_is_charged_for_it(at: Desk) -> None:
    at.far = 0.5
    scored = at.ask()
    assert scored.fallbacks == {"a": {"by": "constant", "why": "its features took 0.5 s, longer than 0.2 s"}}
    assert at.a.calls == 0 and scored.predictions["b"].tolist() == [0.9]


def test_features_and_model_share_the_time(at: Desk) -> None:
    at.far, at.a.takes = 0.15, 0.1
    assert at.why() == {"a": "its features and its model took 0.25 s, longer than 0.2 s"}
    at.a.takes, at.b.takes = 0.0, 0.15
    assert at.why() == {}, "each has the time for itself"


def test_a_model_that_stays_slow_is_not_called_for_a_while(at: Desk, caplog: pytest.LogCaptureFixture) -> None:
    at.a.takes = 0.5
    with caplog.at_level(logging.WARNING):
        pauses = [at.ask().pauses for _ in range(SLOW_IN_A_ROW)]
    assert pauses == [()] * (SLOW_IN_A_ROW - 1) + [(("model", "a"),)]
    assert "the model of 'a' took 0.5 s, longer than 0.2 s, 3 times in a row: it is not called" in caplog.text
    before = at.watch.now
    assert at.why() == {"a": "its model was too slow 3 times in a row, and is not called for 5 s"}
    assert at.a.calls == SLOW_IN_A_ROW and at.watch.now == before
    at.watch.now += PAUSE
    assert at.ask().pauses == (("model", "a"),) and at.a.calls == SLOW_IN_A_ROW + 1, "one try, and the next pause"
    at.a.takes = 0.0
    assert at.why() != {}
    at.watch.now += PAUSE
    assert at.why() == {} and at.why() == {}


def test_now_and_then_slow_is_not_in_a_row(at: Desk) -> None:
    for takes in (0.5, 0.5, 0.0) * 3:
        at.a.takes = takes
        assert at.ask().pauses == ()
    assert at.a.calls == 9


def test_a_function_that_stays_slow_is_not_called_for_a_while(at: Desk) -> None:
    at.far = 0.5
    assert [at.ask().pauses for _ in range(SLOW_IN_A_ROW)][-1] == (("feature", "far"),)
    before = at.watch.now
    scored = at.ask()
    assert scored.fallbacks["a"]["why"] == "'far' was too slow 3 times in a row, and is not made for 5 s"
    assert list(scored.fallbacks) == ["a"] and scored.predictions["b"].tolist() == [0.9]
    assert at.made == SLOW_IN_A_ROW and at.watch.now == before
    assert at.ask().features["farther"].missing().all()
    at.watch.now += PAUSE
    at.far = 0.0
    assert at.why() == {} and at.why() == {} and at.made == SLOW_IN_A_ROW + 2


def test_what_is_late_and_has_no_fallback_is_not_answered(at: Desk) -> None:
    at.scorer = Scorer(FeaturePlan.of(read_text(TEXT), "shown"), [Output("b", "binary")], {"b": cast(Predictor, at.b)})
    at.b.takes = 0.5
    with pytest.raises(NotFinite, match="'b' cannot be predicted, and has no fallback: its model took"):
        at.ask()


def test_a_list_charges_who_was_slow(lists: ModuleType, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the whole answer: marked, counted, and what is decided with; the other objective's model answers."""
    scorer = Scorer.__init__
    constant = {"order": Fallback.of("binary", {"constant": ConstantModel(np.array([0.05]), many=False)})}
    monkeypatch.setattr(Scorer, "__init__", lambda self, *given: scorer(self, *given, fallbacks=constant))
    predict: Callable[..., Any] = lists.StandInPredictor.predict

    def slowly(self: Any, features: Table) -> Any:
        watch.now += 0.5 if self._kind == "order" else 0.0
        return predict(self, features)

    monkeypatch.setattr(lists.StandInPredictor, "predict", slowly)
    answerer: Answerer = lists.answerer(limits=Limits(budget=BUDGET))
    answerer.ready = True
    for _ in range(SLOW_IN_A_ROW + 1):
        told = json.loads(answerer.decide(json.dumps(lists.request(8)).encode()).body)
    assert list(told["fallbacks"]) == ["order"] and "not called for 5 s" in told["fallbacks"]["order"]["why"]
    assert {one["terms"]["engagement"] for one in told["shown"]} == {0.05}
    assert answerer.telemetry.counted["pauses"] == {("model", "order"): 1}
    assert answerer.telemetry.counted["fallbacks"] == {("order",): SLOW_IN_A_ROW + 1}
