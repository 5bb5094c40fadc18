"""Rungs by how well they sort: what predicts best need not sort best, and the report says where that is so."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from poise.evaluation.blocks import Blocks
from poise.evaluation.measures import Ranked
from poise.interfaces.system import System
from poise.releases.judged import Judged
from poise.releases.list_part import ListEvidence
from poise.releases.list_rungs import outsorted, rung_orders
from poise.releases.list_scores import shown_metrics
from poise.releases.list_wording import known_words, silent_words
from poise.releases.report import render
from poise.releases.summary import summary

LISTS, SIZE = 600, 6
CODES = np.repeat(np.arange(LISTS), SIZE)
RNG = np.random.default_rng(0)
TASTE = RNG.normal(size=LISTS * SIZE)
LIKED = (RNG.random(LISTS * SIZE) < 1 / (1 + np.exp(1 - 2 * TASTE))).astype(float)
BLOCKS = Blocks(CODES // 20, "day", LISTS // 20)


def learned(chosen: str, **sorting: np.ndarray) -> Any:
    """As much of a learned objective as says how its rungs sort."""
    steps = [SimpleNamespace(rung=name) for name in sorting]
    return SimpleNamespace(climb=SimpleNamespace(chosen=chosen, steps=steps), sorting=sorting)


def ranked(model: np.ndarray, relevance: np.ndarray = LIKED) -> Ranked:
    return Ranked(CODES, relevance, {"model": model}, BLOCKS, 5)


NOISY = TASTE + RNG.normal(size=LISTS * SIZE) * 3
RUNGS = {"constant": np.zeros(LISTS * SIZE), "rule": TASTE, "trees": NOISY}


def test_each_rung_is_scored_by_its_own_order_simplest_first() -> None:
    found = {one["rung"]: one for one in rung_orders(learned("trees", **RUNGS), ranked(NOISY))}
    assert list(found) == ["constant", "rule", "trees"] and "gain" not in found["trees"]
    assert found["rule"]["gain"] == pytest.approx(found["rule"]["value"] - found["trees"]["value"])
    assert found["rule"]["gain_low"] > 0 > found["constant"]["gain_high"]
    assert {one["metric"] for one in found.values()} == {"ndcg@5"}


def test_a_simpler_rung_that_sorts_better_is_warned_of() -> None:
    said = outsorted(rung_orders(learned("trees", **RUNGS), ranked(NOISY)), "trees")
    assert said is not None and said.startswith("By itself the rule sorts lists better than trees, beyond chance: ndcg")
    assert outsorted(rung_orders(learned("rule", **RUNGS), ranked(TASTE)), "rule") is None, "the simplest that sorts"
    nearly = {**RUNGS, "trees": TASTE + 1e-3 * NOISY}
    assert outsorted(rung_orders(learned("trees", **nearly), ranked(nearly["trees"])), "trees") is None, "chance"


def test_where_every_order_scores_the_same_nothing_is_said() -> None:
    assert rung_orders(learned("trees", **RUNGS), ranked(NOISY, np.zeros(len(CODES)))) == []
    assert rung_orders(learned("trees", **RUNGS), None) == []


def test_metrics_that_tell_no_orders_apart_are_left_out_and_named() -> None:
    stars = RNG.integers(1, 6, len(CODES)).astype(float)
    metrics, silent = shown_metrics(ranked(NOISY, stars))
    assert [metric.name for metric in metrics] == ["ndcg"] and silent == ["mrr@5", "recall@2"]
    assert shown_metrics(ranked(NOISY))[1] == []


def test_the_rule_of_an_objective_is_its_own_rung(market: System) -> None:
    """The market's decision sorts by price; its objective has no rung of that name, so no rule stands beside it."""
    judged = Judged.load(market.settings.judged / "c1")
    order, decision = judged.objectives["order"].ranked, judged.decision
    assert order is not None and "rule" not in order.scores
    assert decision is not None and decision.ranked is not None and "rule" in decision.ranked.scores
    assert decision.ranked.predicted == 1.0, "all that counts is predicted"


def test_the_page_and_the_terminal_say_which_rung_sorts_better() -> None:
    orders = rung_orders(learned("trees", **RUNGS), ranked(NOISY))
    said = outsorted(orders, "trees")
    objective = {"chosen": "trees", "orders": orders, "outsorted": said, "warnings": [said]}
    decision = {"item": "film", "silent": ["mrr@5"], "predicted_share": 0.41, "known_before": ["margin"]}
    evidence = {"system": "films", "objectives": {"liked": objective}, "decision": decision}
    page = render(evidence)
    assert "Each rung of “liked” alone: NDCG@5" in page and "More than trees" in page
    assert "By itself the rule sorts lists better than trees" in page
    assert "41 % lies in what is predicted. The rest (margin) is known before" in page
    assert "every order of every list scores the same" in page and "MRR@5." in page
    assert any(line.startswith("  ○ liked: By itself the rule sorts") for line in summary(evidence))


def test_a_page_without_any_of_it_says_none_of_it() -> None:
    page = render({"system": "films", "objectives": {"liked": {"chosen": "trees"}}, "decision": {"item": "film"}})
    assert "Each rung of" not in page and "is known before" not in page and "Not shown, as" not in page
    assert silent_words(ListEvidence()) == known_words(ListEvidence(predicted_share=1.0)) == ""


def test_what_a_requirement_was_compared_with_stands_in_the_page() -> None:
    against = {"name": "the rule for liked", "value": 0.871, "gain": 0.013, "gain_low": 0.004, "gain_high": 0.02}
    verdict = {"who": "ml", "metric": "liked.ndcg@10", "status": "pass", "value": 0.884, "n": 226, "blocks": 30}
    page = render({"system": "films", "requirements": [{**verdict, "counts": "lists", "against": against}]})
    assert "Measured 0.884, against 0.871 of the rule for liked: a gain of 0.013 (0.004 to 0.02)" in page
    assert "from 226 lists in 30 blocks" in page
    assert "from 226 rows in 30 blocks" in render({"system": "films", "requirements": [verdict]})


def test_the_share_that_is_predicted_is_kept_with_the_judged_rows(market: System, tmp_path: Any) -> None:
    judged = Judged.load(market.settings.judged / "c1")
    assert judged.decision is not None and judged.decision.ranked is not None
    half = replace(judged.decision, ranked=replace(judged.decision.ranked, predicted=0.5))
    replace(judged, decision=half).save(tmp_path / "c9")
    again = Judged.load(tmp_path / "c9").decision
    assert again is not None and again.ranked is not None and again.ranked.predicted == 0.5
