"""The evidence in a terminal: who refuses by which number, what is used, what it is worth."""

from __future__ import annotations

from typing import Any

import pytest

from poise.errors import StateError
from poise.releases.evidence import DecisionEvidence, Evidence
from poise.releases.summary import decision_words, headline, summary


def test_a_release_in_a_few_lines(evidence: dict[str, Any]) -> None:
    lines = summary(evidence)
    assert lines[0].startswith("✓ flights r4: released: 2 of 4 requirements hold")
    assert "  ✓ operations agrees: late.auc 0.712 (at least 0.699) >= 0.65 (n = 48,211)" in lines
    assert "  late: trees, log loss 0.501 (0.471 to 0.532), constant 0.57, rule 0.553" in lines
    assert all("\n" not in line for line in lines)


def test_a_refusal_names_who_and_what_stays_live(refused: dict[str, Any]) -> None:
    lines = summary(refused)
    assert lines[0] == "✗ flights c9: refused by operations; r3 stays live"
    assert lines[1] == "  ✗ operations refuses: late.auc 0.61 < 0.68 (n = 48,211); live stays r3"
    del refused["live"]
    refused["requirements"][1] |= {"allowed": False, "who": "the people\nwho fly"}
    assert summary(refused)[0] == "✗ flights c9: refused by operations and the people who fly; nothing goes live"


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ([], "Released: nobody requires anything of it."),
        (["pass"], "Released: the one requirement holds."),
        (["pass", "pass"], "Released: all 2 requirements hold."),
        (["pass", "cannot tell"], "Released: 1 of 2 requirements hold, 1 cannot be told yet."),
    ],
)
def test_what_is_said_of_a_release(statuses: list[str], said: str) -> None:
    evidence = Evidence.of({"verdict": "released", "requirements": [{"status": s} for s in statuses]})
    assert headline(evidence)[1] == said


def test_what_was_not_measured_is_said_to_be_so() -> None:
    assert summary({"system": "shop", "candidate": "c1", "objectives": {"sale": {"chosen": "linear"}}}) == [
        "○ shop c1: not judged yet: no requirement has been put to this candidate",
        "  sale: linear, not measured",
    ]
    with pytest.raises(StateError, match="format 9"):
        summary({"format": 9})


def decision(*values: tuple[str, str, float | None], weights: dict[str, float] | None = None) -> DecisionEvidence:
    terms = [{"term": term, "policy": policy, "value": value} for policy, term, value in values]
    return DecisionEvidence.model_validate({"terms": terms, "weights": weights or {}})


def test_terms_are_weighed_before_policies_are_compared() -> None:
    worth = decision(
        ("model", "orders", 1.0),
        ("model", "revenue", 10.0),
        ("rule", "orders", 3.0),
        ("rule", "revenue", 1.0),
        ("always x", "orders", 0.0),
        ("always x", "revenue", 11.0),
        weights={"orders": 4.0, "revenue": 0.5},
    )
    said = decision_words(worth)
    assert "the weighed terms come to 9 per row on average, no more than the 12.5 of the best without them" in said
    assert "(the rule decides)" in said


def test_nothing_is_said_where_there_is_nothing_to_compare() -> None:
    assert decision_words(decision()) == ""
    assert decision_words(decision(("model", "cost", 1.0))) == ""
    assert decision_words(decision(("model", "cost", 1.0), ("rule", "cost", None))) == ""
    assert decision_words(decision(("rule", "cost", 1.0), ("always x", "cost", 2.0))) == ""


def test_one_term_is_told_in_its_own_unit_whatever_it_weighs() -> None:
    worth = decision(("model", "cost", 3.0), ("rule", "cost", 2.0), weights={"cost": 10.0})
    assert "cost comes to 3 per row on average, more than the 2 of" in decision_words(worth)


def test_the_live_release_is_no_way_to_decide_without_models() -> None:
    worth = decision(("model", "cost", 3.0), ("live", "cost", 2.9), ("rule", "cost", 2.0))
    assert "the 2 of the best without them (the rule decides)" in decision_words(worth)
