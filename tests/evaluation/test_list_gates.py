"""Requirements on how well lists are ordered: evidence in lists, gains list by list, slices, and what is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poise.errors import SpecError
from poise.evaluation.blocks import Blocks
from poise.evaluation.lists import Lists
from poise.evaluation.measures import DecisionMeasures, Measures, ObjectiveMeasures, Ranked, ServingMeasures
from poise.evaluation.ndcg import Ndcg
from poise.evaluation.orders import compare_orders, list_calibration
from poise.evaluation.requirements import Verdict, judge
from poise.spec.requirement import Requirement
from poise.spec.system import SystemSpec
from poise.table import Column

LISTS, SIZE = 1500, 8
N = LISTS * SIZE
RNG = np.random.default_rng(0)
CODES = np.repeat(np.arange(LISTS), SIZE)
TASTE = RNG.normal(size=N)
CITY = np.array(["Queens", "Bronx", "Brooklyn"])[CODES % 3]
ORDERED = (RNG.random(N) < np.where(CITY == "Queens", 0.15, 0.3 / (1 + np.exp(-3 * TASTE)))).astype(float)
MODEL, RULE = TASTE + RNG.normal(size=N) / 2, TASTE + RNG.normal(size=N) * 2
BLOCKS = Blocks(CODES // 25, "day", LISTS // 25)
EMPTY = int((np.bincount(CODES, ORDERED) == 0).sum())
BY_CITY = {"users.city": Column.strings(CITY.tolist())}


def system() -> SystemSpec:
    return SystemSpec.model_validate(
        {
            "format": 1,
            "system": "eat",
            "purpose": "Order.",
            "sources": {"shown": {"path": "x.csv", "columns": {"id": "string", "list": "string"}}},
            "objectives": {"order": {"type": "binary", "per": "shown", "label": {"take": "id"}}},
            "decision": {"per": "shown", "list": "list", "item": "id", "terms": {"engagement": "order"}},
        }
    )


def ranked(**changes: Any) -> Ranked:
    given = {
        "codes": CODES,
        "relevance": ORDERED,
        "scores": {"model": MODEL, "rule": RULE},
        "blocks": BLOCKS,
        "show": 5,
        "slices": BY_CITY,
    }
    return Ranked(**{**given, **changes})


def measures(made: Ranked | None = None, **changes: Any) -> Measures:
    made = ranked() if made is None else made
    order = ObjectiveMeasures("binary", ORDERED, np.full(N, 0.2), BLOCKS, ranked=made)
    decision = DecisionMeasures({}, BLOCKS, unknown="the log shows only what was shown", ranked=made)
    return replace(Measures({"order": order}, decision), **changes)


def verdict(made: Measures | None = None, **requirement: Any) -> Verdict:
    return judge(Requirement(**{"who": "ml", **requirement}), system(), made or measures())


def test_the_value_is_the_mean_over_lists_with_a_relevant_item() -> None:
    made = verdict(metric="decision.ndcg@3", at_least=0.3)
    own = Ndcg(3).per_list(Lists.of(CODES), ORDERED, MODEL)
    assert made.status == "pass" and made.value == pytest.approx(np.nanmean(own))
    assert made.low < made.value < made.high and made.n == LISTS - EMPTY and made.blocks == BLOCKS.count
    assert f"n = {LISTS - EMPTY:,} lists; {EMPTY} lists without a relevant item are left out" in made.sentence
    json.dumps(made.to_dict(), allow_nan=False)


def test_without_places_a_metric_looks_at_those_that_are_shown() -> None:
    shown, named = (verdict(metric=f"order.{name}", at_least=0.1).value for name in ("ndcg", "ndcg@5"))
    assert shown == named != verdict(metric="order.ndcg@8", at_least=0.1).value


def test_a_bound_may_be_a_share_and_is_passed_by_its_limit() -> None:
    made = verdict(metric="order.recall@5", at_least="60%")
    assert made.status == "pass" and "order.recall@5 0." in made.sentence and ">= 60%" in made.sentence
    near = (made.low + made.value) / 2
    assert verdict(metric="order.recall@5", at_least=near).status == "fail"
    assert verdict(metric="order.mrr", at_least=0.99).sentence.startswith("ml refuses: order.mrr 0.")


def test_gains_are_paired_list_by_list() -> None:
    assert verdict(metric="decision.ndcg@5", better_than="rule").status == "pass"
    made = verdict(metric="decision.mrr", better_than="constant")
    assert made.status == "pass" and "of a random order (a gain of 0." in made.sentence
    assert made.to_dict()["text"] == "decision.mrr better than a random order's"
    # Against nearly the same order the values overlap widely, but what differs in each list is told apart.
    worse = MODEL.copy()
    worse[RNG.choice(N, N // 10)] -= 2
    close = verdict(measures(ranked(scores={"model": MODEL, "rule": worse})), metric="order.ndcg", better_than="rule")
    low = verdict(metric="order.ndcg", at_least=0.1).low
    theirs = np.nanmean(Ndcg(5).per_list(Lists.of(CODES), ORDERED, worse))
    assert close.status == "pass" and low < theirs
    same = measures(ranked(scores={"model": MODEL, "rule": MODEL}))
    assert verdict(same, metric="order.ndcg", better_than="rule").status == "fail"


def test_relative_to_live_means_the_rule_until_something_is_live() -> None:
    made = verdict(metric="order.ndcg@5", at_least="95%", relative_to="live")
    assert made.status == "pass" and "of the rule" in made.sentence and "nothing is live" in made.sentence
    alone = verdict(measures(ranked(scores={"model": MODEL})), metric="order.ndcg@5", at_least="1%", relative_to="live")
    assert "of a random order" in alone.sentence and "there is no rule" in alone.sentence
    live = measures(ranked(scores={"model": MODEL, "live": TASTE}), live="r3")
    assert verdict(live, metric="order.ndcg@5", at_least="120%", relative_to="live").status == "fail"
    assert "of r3 (live)" in verdict(live, metric="order.ndcg@5", at_least="90%", relative_to="live").sentence


def test_the_worst_slice_of_lists_decides() -> None:
    made = verdict(metric="order.ndcg@5", at_least=0.6, by="users.city")
    assert made.status == "fail" and made.slice == "Queens" and 300 < made.n < 500
    assert "the worst of 3 by users.city" in made.sentence and "differs within" not in made.sentence


def test_the_first_row_of_a_list_speaks_for_it() -> None:
    mixed = CITY.copy()
    mixed[1 : 10 * SIZE : SIZE] = "Elsewhere"
    made = measures(ranked(slices={"shown.city": Column.strings(mixed.tolist())}))
    found = verdict(made, metric="order.ndcg@5", at_least=0.6, by="shown.city")
    plain = verdict(metric="order.ndcg@5", at_least=0.6, by="users.city")
    assert (found.slice, found.n, found.value) == (plain.slice, plain.n, plain.value)
    assert "shown.city differs within 10 lists, whose first row counts" in found.sentence
    with pytest.raises(SpecError, match=r"did you mean 'users.city'"):
        verdict(metric="order.ndcg@5", at_least=0.6, by="users.cty")


def test_too_few_lists_or_blocks_are_too_little_evidence() -> None:
    rows = CODES < 110
    few = Ranked(CODES[rows], ORDERED[rows], {"model": MODEL[rows]}, BLOCKS.take(rows), 5)
    made = verdict(measures(few), metric="order.ndcg@5", at_least=0.1)
    assert made.status == "insufficient" and made.refuses
    assert " lists in 5 blocks by day; at least 100 lists in 20 blocks are needed" in made.sentence
    allowed = verdict(measures(few), metric="order.ndcg@5", at_least=0.1, allow="insufficient")
    assert allowed.allowed and not allowed.refuses


def test_what_cannot_tell_orders_apart_is_no_evidence() -> None:
    made = verdict(metric="order.recall@8", at_least=0.6)
    assert made.status == "insufficient" and "every order of the judged lists scores the same" in made.sentence
    nothing = verdict(measures(ranked(relevance=np.zeros(N))), metric="order.ndcg@5", at_least=0.6)
    assert nothing.status == "insufficient" and "no judged list holds a relevant item" in nothing.sentence


def test_items_of_unknown_worth_leave_their_lists() -> None:
    gaps = ORDERED.copy()
    gaps[::SIZE] = np.nan
    kept = np.arange(N) % SIZE != 0
    made = verdict(measures(ranked(relevance=gaps)), metric="order.ndcg@5", at_least=0.1)
    own = Ndcg(5).per_list(Lists.of(CODES[kept]), ORDERED[kept], MODEL[kept])
    assert made.value == pytest.approx(np.nanmean(own))
    assert f"{LISTS:,} items whose worth is not known are left out" in made.sentence


def test_a_perfect_order_still_leaves_room_for_doubt() -> None:
    made = verdict(measures(ranked(scores={"model": ORDERED})), metric="order.ndcg", at_least=0.999)
    assert made.value == 1 and made.high == 1 and 0.99 < made.low < 1 and made.status == "fail"


def test_terms_of_lists_cannot_be_told_yet_and_refuse_nothing() -> None:
    made = verdict(who="sales", metric="decision.engagement", at_least="95%", relative_to="live")
    assert made.status == "cannot tell" and not made.refuses
    assert "decision.engagement is not known before serving (the log shows only what was shown)" in made.sentence


def test_what_was_not_learned_cannot_tell_and_refuses_nothing() -> None:
    why = "nothing was learned yet: 12 rows have a label, and 100 are needed"
    made = Measures({}, unlearned={"order": why, "decision": why}, serving=ServingMeasures({100: np.full(500, 0.01)}))
    for metric in ("order.log_loss", "order.ndcg@5", "decision.mrr", "decision.engagement"):
        found = verdict(made, metric=metric, at_least=0.5)
        assert found.status == "cannot tell" and not found.refuses
        assert found.sentence == f"ml cannot tell yet: {metric} is not known: {why}"
    fast = verdict(made, metric="latency_p99", at_most="100ms", candidates=100)
    assert fast.status == "pass" and "latency_p99 with 100 candidates 10ms" in fast.sentence
    assert fast.to_dict()["text"] == "latency_p99 at most 100ms, with 100 candidates"


def test_lists_that_were_not_measured_are_too_little_evidence() -> None:
    made = Measures({"order": ObjectiveMeasures("binary", ORDERED, MODEL, BLOCKS)})
    for metric in ("order.ndcg", "decision.ndcg"):
        assert verdict(made, metric=metric, at_least=0.5).status == "insufficient"


def test_the_evidence_compares_the_model_with_every_order() -> None:
    scores = {"model": MODEL, "rule": RULE, "order alone": MODEL}
    rows = compare_orders(ranked(scores=scores))
    assert [row["policy"] for row in rows[:4]] == ["model", "rule", "order alone", "constant"]
    assert [row["metric"] for row in rows[::4]] == ["ndcg@5", "mrr@5", "recall@5"]
    made = {(row["policy"], row["metric"]): row for row in rows}
    own, chance = made["model", "ndcg@5"], made["constant", "ndcg@5"]
    assert own["gain"] is None and own["left_out"] == EMPTY and own["lists"] == LISTS - EMPTY
    assert chance["gain"] == pytest.approx(own["value"] - chance["value"]) and chance["gain_low"] > 0
    assert made["order alone", "mrr@5"]["gain"] == made["order alone", "mrr@5"]["gain_low"] == 0
    assert compare_orders(ranked(scores=scores), metrics=["mrr"]) == rows[4:8]
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    json.dumps(rows, allow_nan=False)


def test_the_evidence_has_no_recall_that_says_nothing() -> None:
    assert {row["metric"] for row in compare_orders(ranked(), 10)} == {"ndcg@10", "mrr@10", "recall@4"}
    assert compare_orders(ranked(relevance=np.zeros(N))) == []


def test_terms_are_checked_where_errors_gather() -> None:
    predicted = np.clip(0.2 + MODEL / 10, 0.01, 0.99)
    realised = (np.random.default_rng(1).random(N) < 0.2 + TASTE / 20).astype(float)
    realised[3] = np.nan
    scores = np.where(np.arange(N) % SIZE == 3, np.nan, MODEL)
    scores[:SIZE] = np.nan  # nothing of the first list is eligible, so nothing of it is shown
    made = list_calibration(predicted, realised, CODES, scores, 2, BLOCKS)
    assert [made[over]["rows"] for over in ("all", "chosen", "first")] == [N - 1, 2 * LISTS - 2, LISTS - 1]
    assert (
        made["first"]["off"] and made["first"]["difference"] > made["chosen"]["difference"] > made["all"]["difference"]
    )


def test_sentences_say_whose_rule_sorted_and_the_evidence_what_was_gained() -> None:
    own = verdict(metric="order.ndcg@5", better_than="rule")
    decisions = verdict(metric="decision.ndcg@5", better_than="rule")
    assert "of the rule for order (a gain of" in own.sentence and "of the decision's rule (a gain" in decisions.sentence
    assert own.to_dict()["text"] == "order.ndcg@5 better than that of the rule for order"
    lists = Lists.of(CODES)
    model, rule = (np.nanmean(Ndcg(5).per_list(lists, ORDERED, scores)) for scores in (MODEL, RULE))
    found = own.to_dict()["against"]
    assert found["name"] == "the rule for order" and found["value"] == pytest.approx(rule)
    assert found["gain"] == pytest.approx(model - rule) and found["gain_low"] < found["gain"] < found["gain_high"]
    assert own.to_dict()["counts"] == "lists" and verdict(metric="order.ndcg", at_least=0.1).against is None
    relative = verdict(metric="order.ndcg@5", at_least="95%", relative_to="rule").to_dict()["against"]
    assert relative == found, "a share of a baseline is compared with the same one"


def test_what_is_known_before_is_said_to_be_no_merit_of_the_models() -> None:
    half = measures(ranked(predicted=0.41))
    assert (
        "; 41 % of the relevance is predicted, the rest is known before)"
        in verdict(half, metric="decision.ndcg", at_least=0.1).sentence
    )
    assert "predicted" not in verdict(measures(ranked(predicted=1.0)), metric="decision.ndcg", at_least=0.1).sentence
