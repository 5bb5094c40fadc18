"""What answers where a model or its features do not: unit by unit, and through whole answers."""

from __future__ import annotations

import json
import logging
import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from poise.errors import DataError, NotFinite
from poise.models.constant import ConstantModel
from poise.models.fallback import Fallback
from poise.models.rule_model import RuleModel, Score
from poise.releases.contract import Output
from poise.serving.answer import Answerer
from poise.serving.fallback import Objectives
from poise.serving.limits import Limits
from poise.serving.score import Scorer
from poise.table import Column, Table

ROWS = Table({"x": Column.numbers([1.0, 2.0]), "y": Column.numbers([3.0, 4.0])})
BY_X = RuleModel(Score("x"), "line", np.array([[0.0], [0.1], [0.5]]), np.empty(0), (), False, True)
ALWAYS = ConstantModel(np.array([0.3]), many=False)
FALLBACK = Fallback.of("binary", {"constant": ALWAYS, "rule": BY_X})


class Model:
    """Gives what it is told to, or raises it."""

    def __init__(self, said: Any) -> None:
        self._said = said

    def predict(self, features: Table) -> Any:
        if isinstance(self._said, Exception):
            raise self._said
        return np.array(self._said)


def objectives(fallback: Fallback | None = FALLBACK) -> Objectives:
    outputs = [Output("late", "binary"), Output("delay", "regression")]
    return Objectives(outputs, [frozenset({"x", "y"}), frozenset({"y"})], {"late": fallback} if fallback else {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (ValueError("boom"), "its model failed"),
        ([0.1, math.nan], "its model gave no finite number for row 1"),
        ([math.inf, 0.1], "its model gave no finite number for row 0"),
    ],
)
def test_the_rule_answers_where_a_model_does_not(said: Any, why: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found, marks = objectives().predict([Model(said), Model([7.0, 8.0])], ROWS, {})
    assert found["late"].tolist() == [0.1, 0.2] and found["delay"].tolist() == [7.0, 8.0]
    assert marks == {"late": {"by": "rule", "why": why}}
    assert f"the rule answers for 'late': {why}" in caplog.text


def test_what_failed_decides_who_answers() -> None:
    """An objective that reads nothing that failed is answered by its model; a rung that does is passed over."""
    models = [Model([0.9, 0.9]), Model([7.0, 8.0])]
    _, marks = objectives().predict(models, ROWS, {"z": "'z' could not be read"})
    assert marks == {}
    found, marks = objectives().predict(models, ROWS, {"x": "'shops.price' could not be read"})
    assert found["late"].tolist() == [0.3, 0.3]
    assert marks == {"late": {"by": "constant", "why": "'shops.price' could not be read"}}


def test_without_a_fallback_nothing_is_made_up() -> None:
    with pytest.raises(NotFinite, match="the model of 'late' gave no finite number for row 1"):
        objectives(None).predict([Model([0.1, math.nan]), Model([7.0, 8.0])], ROWS, {})
    with pytest.raises(DataError, match="boom"):
        objectives(None).predict([Model(DataError("boom")), Model([7.0, 8.0])], ROWS, {})
    with pytest.raises(NotFinite, match="'x' could not be read"):
        objectives(None).predict([Model([0.1, 0.2]), Model([7.0, 8.0])], ROWS, {"x": "'x' could not be read"})


def with_fallbacks(lists: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Answerer:
    """The stand-in of dishes, with constants beside its models."""
    scorer = Scorer.__init__
    constants = {
        "order": Fallback.of("binary", {"constant": ConstantModel(np.array([0.05]), many=False)}),
        "value": Fallback.of("regression", {"constant": ConstantModel(np.array([12.0]), many=False)}),
    }

    def made(self: Scorer, *given: Any) -> None:
        scorer(self, *given, fallbacks=constants)

    monkeypatch.setattr(Scorer, "__init__", made)
    answerer: Answerer = lists.answerer()
    answerer.logs = True
    return answerer


def test_nothing_is_said_where_every_model_answers(lists: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    told, kept = asked(with_fallbacks(lists, monkeypatch), lists)
    assert "fallbacks" not in told and "fallbacks" not in kept


def asked(answerer: Answerer, lists: ModuleType) -> tuple[dict[str, Any], dict[str, Any]]:
    answer = answerer.decide(json.dumps(lists.request(8)).encode())
    assert answer.kept is not None
    return json.loads(answer.body), json.loads(answer.kept.encoded())


def test_a_list_says_that_its_store_is_down(lists: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked up of shops cannot be read: models that need it fall back, and nothing may be shown by `where`."""
    answerer = with_fallbacks(lists, monkeypatch)
    read = answerer.store.read

    def broken(declaration: Any, *rest: Any) -> Any:
        if getattr(declaration, "source", None) == "shops":
            raise OSError("the disk is gone")
        return read(declaration, *rest)

    monkeypatch.setattr(answerer.store, "read", broken)
    told, kept = asked(answerer, lists)
    assert told["fallbacks"]["order"] == {"by": "constant", "why": "'shops.commission' could not be read"}
    assert told["fallbacks"]["shops.open"]["by"] == "missing"
    assert kept["fallbacks"] == told["fallbacks"] and told["shown"] == []
    assert "disk" not in json.dumps(told)
    assert answerer.telemetry.counted["fallbacks"]["order",] == 1


def test_the_time_of_a_request_is_a_limit(lists: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    answerer = with_fallbacks(lists, monkeypatch)
    answerer.limits = Limits(budget=0.0)
    assert "fallbacks" not in asked(answerer, lists)[0], "a rehearsal has all the time it takes"
    answerer.ready = True
    told, _ = asked(answerer, lists)
    assert told["fallbacks"]["order"]["by"] == "constant"
    assert told["fallbacks"]["order"]["why"].startswith("its features took ")
    assert {one["terms"]["engagement"] for one in told["shown"]} == {0.05} and not told["fallback"]


def test_rows_are_marked_too(stand_ins: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer.__init__
    late = Fallback.of("binary", {"constant": ConstantModel(np.array([0.2]), many=False)})
    delay = Fallback.of("regression", {"constant": ConstantModel(np.array([9.0]), many=False)})
    monkeypatch.setattr(
        Scorer, "__init__", lambda self, *given: scorer(self, *given, fallbacks={"late": late, "delay": delay})
    )
    answerer: Answerer = stand_ins.answerer()
    row = {**stand_ins.ROW, "carrier": "??"}
    told = json.loads(answerer.predict(json.dumps({"rows": [stand_ins.ROW, row]}).encode()).body)
    assert [one["late"] for one in told["predictions"]] == [0.2, 0.2]
    assert told["fallbacks"]["late"] == {"by": "constant", "why": "its model gave no finite number for row 1"}
    decided = json.loads(answerer.decide(json.dumps(row).encode()).body)
    assert decided["fallbacks"]["delay"]["by"] == "constant" and decided["predictions"]["delay"] == 9.0


def test_a_release_that_is_switched_to_answers_by_its_models(
    lists: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer = with_fallbacks(lists, monkeypatch)
    answerer.rehearse(by_models=True)
    monkeypatch.setattr(answerer.store, "read", lambda *_: 1 / 0)
    cold = Answerer(lists.loaded(), answerer.store, answerer.clock)  # the other one has kept what it read
    cold.rehearse()
    assert cold.ready
    with pytest.raises(NotFinite, match="in its rehearsal r1 did not answer 'order' by its model"):
        cold.rehearse(by_models=True)
