"""Answers to list requests: what is shown and why, under which weights, how it was drawn, and what is left out."""

from __future__ import annotations

import json
from collections import Counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from poise.decisions.exploration_cost import Basis
from poise.decisions.explore import redraw
from poise.errors import RequestError, StateError, TooLarge
from poise.serving.answer import Answerer
from poise.stores.state_base import WeightsRow

PLACKETT_LUCE = "{method: plackett-luce, top: 20, temperature: 0.5}"


def decide(answerer: Answerer, content: Any, **more: Any) -> dict[str, Any]:
    answer = answerer.decide(json.dumps(content).encode(), **more)
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.body, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    return found


def items(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["shop_id"] for entry in entries]


def test_a_list_shows_the_best_with_their_terms_and_says_why_not_the_others(lists: ModuleType) -> None:
    found = decide(lists.answerer(), lists.request(12))
    assert (found["release"], found["weights"], found["fallback"], found["explored"]) == ("r1", 1, False, None)
    assert found["time"] == found["clock"]["time"] == "2026-03-02T11:05:00+08:00"
    assert items(found["shown"]) == ["r0", "r1", "r3"]
    assert [entry["position"] for entry in found["shown"]] == [1, 2, 3]
    assert [entry["impression_id"] for entry in found["shown"]] == [f"{found['decision_id']}.{i}" for i in (1, 2, 3)]
    order = 0.1 / 4 / 2
    assert found["shown"][2]["terms"] == {
        "engagement": pytest.approx(order),
        "revenue": pytest.approx(order * 3.0 * 0.2),
    }
    assert found["shown"][2]["score"] == pytest.approx(order + 0.1 * order * 3.0 * 0.2)
    assert [entry["propensity"] for entry in found["shown"]] == [1.0, 1.0, 1.0]
    assert found["left_out"][:4] == [
        {"shop_id": "r5", "why": "where: shops.open is false"},
        {"shop_id": "r7", "why": "where: shops.open is missing"},
        {"shop_id": "r9", "why": "missing: revenue"},
        {"shop_id": "r2", "why": "ranked 4 of 9; 3 are shown", "score": found["left_out"][3]["score"]},
    ]
    scores = [entry["score"] for entry in found["shown"] + found["left_out"][3:]]
    assert len(scores) == 9 and scores == sorted(scores, reverse=True)
    assert found["left_out_count"] == len(found["left_out"]) == 9


def test_unknown_items_are_answered_and_counted(lists: ModuleType) -> None:
    sent = {"user_id": "nobody", "weather": None, "distance": None, "candidates": [{"shop_id": "new"}]}
    found = decide(lists.answerer(), sent)
    assert found["shown"] == []
    assert found["left_out"] == [{"shop_id": "new", "why": "where: shops.open is missing"}]
    lacking = ("shops_price", "users_budget", "shown_distance", "shown_weather", "orders_count_7d_by_shop_id")
    assert found["unknown"] == dict.fromkeys(lacking, 1)


def test_a_repeated_item_counts_once(lists: ModuleType) -> None:
    sent = lists.request(3)
    sent["candidates"] += sent["candidates"][1:2]
    found = decide(lists.answerer(), sent)
    assert items(found["shown"]) == ["r0", "r1", "r2"]
    assert found["left_out"] == [{"shop_id": "r1", "why": "repeated: candidates[1] is the same"}]
    assert found["left_out_count"] == 1


def test_one_candidate_is_a_list(lists: ModuleType) -> None:
    found = decide(lists.answerer(PLACKETT_LUCE), lists.request(1))
    assert (items(found["shown"]), found["left_out"]) == (["r0"], [])
    assert found["shown"][0]["propensity"] == 1.0


def test_many_candidates_are_answered_and_the_answer_stays_short(lists: ModuleType) -> None:
    found = decide(lists.answerer(), lists.request(10_000))
    assert items(found["shown"]) == ["r0", "r1", "r3"]
    assert (len(found["left_out"]), found["left_out_count"]) == (1_000, 9_997)
    with pytest.raises(TooLarge, match="10,001 candidates came"):
        decide(lists.answerer(), lists.request(10_001))


def test_what_is_the_same_for_all_scores_the_same_wherever_it_stands(lists: ModuleType) -> None:
    answerer = lists.answerer()
    bare = [{"shop_id": f"r{i}"} for i in range(9)]
    each = [{**one, "distance": 2, "weather": "rain", "user_id": "u1"} for one in bare]
    found = [
        decide(answerer, {"user_id": "u1", "distance": 2, "weather": "rain", "candidates": bare}),
        decide(answerer, {"context": {"user_id": "u1", "distance": 2, "weather": "rain"}, "candidates": bare}),
        decide(answerer, {"candidates": each}),
    ]
    shown = [[(entry["shop_id"], entry["score"]) for entry in one["shown"]] for one in found]
    assert shown[0] == shown[1] == shown[2]


def test_weights_move_the_list_and_a_term_without_weight_may_be_missing(lists: ModuleType) -> None:
    answerer = lists.answerer(weights=WeightsRow(7, {"engagement": 0.0, "revenue": 1.0}, "ana", 0, "sell"))
    found = decide(answerer, lists.request(12))
    assert (found["weights"], items(found["shown"])) == (7, ["r6", "r3", "r10"])
    answerer.set_weights(WeightsRow(8, {"engagement": 1.0, "revenue": 0.0}, "ana", 0, "back"))
    found = decide(answerer, lists.request(12))
    assert found["weights"] == 8
    assert ("r9", "ranked 7 of 10; 3 are shown") in [(entry["shop_id"], entry["why"]) for entry in found["left_out"]]


def test_a_shown_term_that_is_missing_is_null(lists: ModuleType) -> None:
    answerer = lists.answerer(weights=WeightsRow(2, {"revenue": 0.0}, "ana", 0, "try"))
    found = decide(answerer, {**lists.request(0), "candidates": [{"shop_id": "r9", "distance": 1}]})
    assert found["shown"][0]["terms"]["revenue"] is None
    assert found["shown"][0]["score"] is not None


def test_without_any_score_the_rule_sorts(lists: ModuleType) -> None:
    sent = {**lists.request(0), "candidates": [{"shop_id": "r9", "distance": 1}]}
    found = decide(lists.answerer(), sent)
    assert found["fallback"]
    assert found["shown"][0]["score"] == 9.0
    assert found["left_out"] == []


def test_a_release_without_models_sorts_by_the_rule(lists: ModuleType) -> None:
    answerer = lists.answerer(PLACKETT_LUCE, models=False)
    answerer.rehearse()
    found = decide(answerer, lists.request(12))
    assert found["fallback"]
    assert found["explored"]["temperature"] == 0.5
    assert all(entry["terms"] == {} for entry in found["shown"])
    assert {entry["score"] for entry in found["shown"]} <= {None, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 9.0}
    with pytest.raises(RequestError, match=r"has learned nothing yet that it could predict \(ask /v1/decide\)"):
        answerer.predict(json.dumps({"rows": [lists.ROW]}).encode())


def test_before_anything_happened_the_rule_knows_nothing_and_every_order_is_as_likely(lists: ModuleType) -> None:
    answerer = lists.answerer(PLACKETT_LUCE, models=False)
    sent = {**lists.request(0), "candidates": [{"shop_id": f"r{i}", "distance": 1} for i in range(20, 24)]}
    first = Counter(decide(answerer, sent)["shown"][0]["shop_id"] for _ in range(200))
    found = decide(answerer, sent)
    assert [entry["score"] for entry in found["shown"]] == [None] * 3
    assert [entry["propensity"] for entry in found["shown"]] == [pytest.approx(0.25)] * 3
    assert set(first) == {"r20", "r21", "r22", "r23"}


@pytest.mark.parametrize("explore", [PLACKETT_LUCE, "{method: epsilon, top: 5, share: 0.7}"])
def test_an_explored_list_can_be_drawn_again_from_what_it_says(lists: ModuleType, explore: str) -> None:
    answerer = lists.answerer(explore)
    drawn = set()
    for _ in range(20):
        found = decide(answerer, lists.request(12))
        check_redrawn(found)
        drawn.add(tuple(items(found["shown"])))
        assert all("by score; 3 are shown" in one["why"] for one in found["left_out"][3:])
    assert len(drawn) > 1


def check_redrawn(found: dict[str, Any]) -> None:
    """The answer alone gives its list and propensities again."""
    ranked = [one for one in found["shown"] + found["left_out"] if "score" in one]
    ranked.sort(key=lambda one: one["score"], reverse=True)
    again = redraw(found["explored"], np.array([one["score"] for one in ranked]), 3)
    assert [ranked[i]["shop_id"] for i in again.order] == items(found["shown"])
    assert [entry["propensity"] for entry in found["shown"]] == again.propensity.tolist()


def test_what_may_not_be_shown_crowds_out_nobody_who_took_part(lists: ModuleType) -> None:
    sent = lists.request(12)
    sent["candidates"] += [{"shop_id": f"closed {i}", "distance": 1} for i in range(1_500)]
    found = decide(lists.answerer(PLACKETT_LUCE), sent)
    assert (len(found["left_out"]), found["left_out_count"]) == (1_000 - 3, 1_509)
    check_redrawn(found)


def test_every_drawn_list_has_its_own_seed(lists: ModuleType) -> None:
    made = lists.loaded(PLACKETT_LUCE)
    answerer = Answerer(made, lists.store(made), lists.ReplayClock(lists.NOW))
    found = [decide(answerer, lists.request(12)) for _ in range(20)]
    assert len({one["explored"]["seed"] for one in found}) == 20
    assert all(0 <= one["explored"]["seed"] < 2**53 for one in found)
    assert len({tuple(items(one["shown"])) for one in found}) > 1


def test_new_weights_settle_anew_how_much_is_explored(lists: ModuleType) -> None:
    random = np.random.default_rng(0)
    values = np.sort(random.random((50, 20)), axis=1)[:, ::-1]
    basis = Basis(
        {"engagement": values, "revenue": values[:, ::-1].copy()},
        {"engagement": np.array([1.0, 0.6, 0.3]), "revenue": np.array([1.0, 0.6, 0.3])},
    )
    answerer = lists.answerer("{method: plackett-luce, top: 10, cost: {engagement: 5%}}", basis=basis)
    before = decide(answerer, lists.request(12))["explored"]
    answerer.set_weights(WeightsRow(2, {"engagement": 0.1, "revenue": 0.2}, "ana", 0, "try"))
    after = decide(answerer, lists.request(12))["explored"]
    assert before["temperature"] != after["temperature"]
    assert before["cost"]["engagement"] <= 0.05


def test_predictions_of_a_lists_rows_are_as_for_the_first_place(lists: ModuleType) -> None:
    answer = json.loads(lists.answerer().predict(json.dumps({"rows": [lists.ROW]}).encode()).body)
    assert answer["predictions"] == [{"order": pytest.approx(0.1 / 4 / 2), "value": 3.0}]
    with pytest.raises(RequestError, match="place: there is no such field"):
        lists.answerer().predict(json.dumps({**lists.ROW, "place": 3}).encode())


def test_actions_are_not_asked_for_by_candidates(stand_ins: ModuleType) -> None:
    with pytest.raises(RequestError, match="candidates: there is no such field"):
        stand_ins.answerer().decide(b'{"candidates": [{"carrier": "UA"}]}')


def test_a_contract_that_lacks_the_item_is_not_served(lists: ModuleType) -> None:
    made = lists.loaded()
    bare = lists.replace(made, contract=lists.replace(made.contract, inputs=()))
    with pytest.raises(StateError, match="lacks the item 'shop_id'"):
        Answerer(bare, lists.store(made), lists.ReplayClock(lists.NOW))


def test_the_example_is_a_list(lists: ModuleType) -> None:
    rows = [{**lists.ROW, "shop_id": f"r{i}", "distance": i, "user_id": f"u{i}"} for i in range(3)]
    made = lists.loaded(examples={"shown": [*rows, rows[0]]})
    candidates = [{"shop_id": f"r{i}", "distance": i} for i in range(3)]
    assert made.example_request() == {"user_id": "u0", "weather": "dry", "candidates": candidates}
    assert lists.loaded(list_examples=[lists.request(2)]).example_request() == lists.request(2)
    answerer = lists.answerer()
    assert answerer.described()["route"] == "/v1/decide"
    assert decide(answerer, answerer.described()["example"])["decision_id"]
