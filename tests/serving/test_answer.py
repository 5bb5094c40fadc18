"""Answers of one release: what they hold, which instant they are for, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from poise.clock import Clock, ReplayClock
from poise.encoding import plain
from poise.errors import NotFinite, PoiseError, RequestError
from poise.serving.follow import Follower
from poise.serving.served import Served
from poise.stores.state_base import LiveRow, LiveState, ReleaseRow, WeightsChange, WeightsRow

MINUTE = 60_000_000


def ask(handler: Any, content: Any, **more: Any) -> dict[str, Any]:
    answer = handler(json.dumps(content).encode(), **more)
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.body)
    return found


def test_a_prediction_names_release_time_and_every_objective(stand_ins: ModuleType) -> None:
    found = ask(stand_ins.answerer().predict, stand_ins.ROW)
    assert found["release"] == "r1"
    assert found["time"] == "2013-03-01T07:00:00-05:00"
    assert found["clock"] == {"kind": "replay", "time": "2013-03-01T07:00:00-05:00"}
    cause = {"air system": 0.2, "carrier": 0.3, "weather": 0.5}
    assert found["predictions"] == [{"late": 0.1438, "delay": 7.19, "cause": cause}]
    assert found["unknown"] == {}


def test_features_without_a_value_are_counted(stand_ins: ModuleType) -> None:
    rows = [stand_ins.ROW, {**stand_ins.ROW, "distance": None}]
    assert ask(stand_ins.answerer().predict, {"rows": rows})["unknown"] == {"flights_distance": 1}


def test_a_decision_shows_every_action_with_its_terms(stand_ins: ModuleType) -> None:
    found = ask(stand_ins.answerer().decide, stand_ins.ROW)
    assert found["chosen"] == found["actions"][0]["action"] == "nothing"
    assert [a["action"] for a in found["actions"]] == ["nothing", "warn", "rebook"]
    assert found["actions"][0]["terms"] == {"cost": pytest.approx(-12 * 0.1438), "calm": 0}
    assert found["weights"] == 1
    assert len(found["decision_id"]) == 26
    assert found["left_out"] == []
    assert found["predictions"]["late"] == 0.1438


def test_an_action_with_a_missing_term_is_left_out_and_says_why(stand_ins: ModuleType) -> None:
    rows = [{**stand_ins.ROW, "distance": None}, stand_ins.ROW]
    found = ask(stand_ins.answerer().decide, {"rows": rows})
    assert found["decisions"][0]["left_out"] == [{"action": "rebook", "why": "missing: calm"}]
    assert found["decisions"][1]["left_out"] == []
    ids = [d["decision_id"] for d in found["decisions"]]
    assert ids == sorted(set(ids))


def test_one_answer_is_the_same_alone_and_among_others(stand_ins: ModuleType) -> None:
    rows = [{**stand_ins.ROW, "distance": float(d)} for d in (100, 719, 4000)]
    together = ask(stand_ins.answerer().predict, {"rows": rows})["predictions"]
    assert together == [ask(stand_ins.answerer().predict, row)["predictions"][0] for row in rows]


def test_no_answer_is_made_of_a_number_that_is_none(stand_ins: ModuleType) -> None:
    rows = [stand_ins.ROW, {**stand_ins.ROW, "carrier": "??"}]
    with pytest.raises(NotFinite, match="'late' gave no finite number for row 1"):
        ask(stand_ins.answerer().predict, {"rows": rows})


def test_new_weights_change_the_choice_and_are_named(stand_ins: ModuleType) -> None:
    answerer = stand_ins.answerer(weights=WeightsRow(7, {"cost": 0.0, "calm": 1.0}, "ana", 0, "try"))
    found = ask(answerer.decide, stand_ins.ROW)
    assert (found["chosen"], found["weights"]) == ("rebook", 7)
    answerer.set_weights(WeightsRow(6, {"cost": 1.0, "calm": 0.0}, "ben", 0, "came late"))
    assert ask(answerer.decide, stand_ins.ROW)["weights"] == 7, "older weights never replace newer ones"


def test_weights_that_are_in_use_are_not_settled_again(stand_ins: ModuleType) -> None:
    answerer = stand_ins.answerer(weights=WeightsRow(7, {"cost": 0.0, "calm": 1.0}, "ana", 0, "try"))
    live = answerer.weights
    answerer.set_weights(WeightsRow(7, {"cost": 0.0, "calm": 1.0}, "ana", 0, "told twice"))
    assert answerer.weights is live
    answerer.set_weights(WeightsRow(7, {"cost": 1.0, "calm": 1.0}, "ana", 0, "a preview"))
    assert answerer.weights.values == {"cost": 1.0, "calm": 1.0}


def test_weights_set_for_other_terms_leave_the_file_s_for_those_of_the_release(stand_ins: ModuleType) -> None:
    answerer = stand_ins.answerer(weights=WeightsRow(7, {"cost": 2.0, "gone": 5.0}, "ana", 0, "for an older release"))
    assert answerer.weights.values == {"cost": 2.0, "calm": 0.1}


def test_on_a_replay_clock_a_time_moves_the_clock_forward_only(stand_ins: ModuleType) -> None:
    answerer = stand_ins.answerer()
    later = {**stand_ins.ROW, "time": "2013-03-02T07:00"}
    found = ask(answerer.predict, later, may_ask_time=True)
    assert found["time"] == found["clock"]["time"] == "2013-03-02T07:00:00-05:00"
    assert ask(answerer.predict, stand_ins.ROW)["time"] == "2013-03-02T07:00:00-05:00"
    with pytest.raises(RequestError, match="2013-03-01T07:00 is too long ago") as error:
        ask(answerer.predict, {**stand_ins.ROW, "time": "2013-03-01T07:00"}, may_ask_time=True)
    assert error.value.field == "time"
    assert error.value.hint == "leave 'time' out to ask for now, 2013-03-02T07:00:00-05:00"
    assert "store" not in str(error.value), "a caller does not know of it"


def test_no_clock_goes_into_the_future(stand_ins: ModuleType) -> None:
    for clock in (ReplayClock(stand_ins.NOW), Clock()):
        with pytest.raises(RequestError, match="is in the future"):
            ask(stand_ins.answerer(clock).predict, {**stand_ins.ROW, "time": "2200-01-01T00:00Z"}, may_ask_time=True)


def test_only_operators_choose_the_time(stand_ins: ModuleType) -> None:
    with pytest.raises(RequestError, match="only the role 'operate'"):
        ask(stand_ins.answerer().predict, {**stand_ins.ROW, "time": "2013-03-02T07:00Z"})


def test_a_clock_that_is_set_back_stands_still(stand_ins: ModuleType) -> None:
    class SetBack(Clock):
        instant = stand_ins.NOW

        def now(self) -> int:
            self.instant -= MINUTE
            return self.instant

    answerer = stand_ins.answerer(SetBack())
    times = {ask(answerer.predict, stand_ins.ROW)["time"] for _ in range(3)}
    assert len(times) == 1


def test_ready_only_after_a_rehearsal(stand_ins: ModuleType) -> None:
    answerer = stand_ins.answerer()
    assert not answerer.ready
    answerer.rehearse()
    assert answerer.ready


def test_an_example_is_made_of_the_contract_where_none_is_known(stand_ins: ModuleType) -> None:
    example = stand_ins.loaded(examples=False).example("flights")
    assert example == {"carrier": "example", "distance": 1.0, "departs": "2026-01-01T12:00:00+00:00"}
    assert ask(stand_ins.answerer().predict, example)["predictions"]


class Written(LiveState):
    """A state database in which somebody writes weights."""

    def __init__(self) -> None:
        self.rows: list[WeightsRow] = []

    def seq(self) -> int:
        return len(self.rows)

    def live(self) -> LiveRow | None:
        return None

    def release(self, name: str) -> ReleaseRow:
        raise NotImplementedError

    def standing(self, instant: int | None = None) -> tuple[LiveRow, ...]:
        return ()

    def retired_contracts(self) -> dict[int, str]:
        return {}

    def weights(self) -> WeightsRow | None:
        return self.rows[-1] if self.rows else None

    def expire_weights(self) -> WeightsChange | None:
        over, before = self.rows[-1], self.rows[-2]
        self.rows.append(WeightsRow(over.version + 1, before.values, "ana", 0, "over"))
        return WeightsChange(over, self.rows[-1])


def test_a_value_that_json_cannot_say_is_named() -> None:
    assert plain(np.float64(0.5)) == 0.5
    with pytest.raises(PoiseError, match=r"a value of type pathlib\.\w+, which JSON cannot say"):
        plain(Path("x"))


def test_written_weights_are_followed_and_impossible_ones_are_not(stand_ins: ModuleType) -> None:
    answerer, state = stand_ins.answerer(), Written()
    follower = Follower(state, Served.of_one(answerer))
    assert not follower.look()
    state.rows.append(WeightsRow(2, {"cost": 2.0}, "ana", 0, "try"))
    assert follower.look() and not follower.look()
    state.rows.append(WeightsRow(3, {"cost": float("nan")}, "ana", 0, "broken"))
    assert not follower.look()
    state.rows.append(WeightsRow(4, {"cost": "much"}, "ana", 0, "broken"))  # type: ignore[dict-item]
    assert not follower.look()
    assert answerer.weights.version == 2
    state.rows.append(WeightsRow(5, {"cost": 3.0}, "ana", 0, "mended"))
    assert follower.look() and answerer.weights.version == 5
    later = Clock().now() + 50_000
    state.rows.append(WeightsRow(6, {"cost": 9.0}, "ana", 0, "a sale", until=later))
    assert follower.look() and answerer.weights.values["cost"] == 9.0
    while Clock().now() < later:
        assert not follower.look() or Clock().now() >= later
    assert answerer.weights.version == 7 or follower.look()
    assert answerer.weights.values["cost"] == 3.0
