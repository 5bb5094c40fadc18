"""What `metric` names where items are listed: metrics of lists, of the decision or of an objective, and terms."""

from __future__ import annotations

from typing import Any

import pytest

from poise.errors import SpecError
from poise.spec.check_requirements import check_requirements
from poise.spec.faults import Faults
from poise.spec.metric_name import ListName, MetricName, metric_name, named_list
from poise.spec.system import SystemSpec

OBJECTIVES: dict[str, Any] = {
    "order": {"type": "binary", "per": "shown", "label": {"take": "id"}},
    "value": {"type": "regression", "per": "shown", "given": "order", "label": {"take": "id"}},
    "cuisine": {"type": "multi-class", "per": "shown", "label": {"take": "id"}},
    "stay": {"type": "binary", "per": "users", "label": {"take": "id"}},
}


def system(decision: dict[str, Any] | None, requirements: tuple[dict[str, Any], ...] = ()) -> SystemSpec:
    source = {"path": "x.csv", "columns": {"id": "string", "list": "string"}}
    return SystemSpec.model_validate(
        {
            "format": 1,
            "system": "eat",
            "purpose": "Order.",
            "sources": {"shown": source, "users": source},
            "objectives": OBJECTIVES,
            "requirements": requirements,
            **({} if decision is None else {"decision": decision}),
        }
    )


LISTED = {"per": "shown", "list": "list", "item": "id", "terms": {"engagement": "order"}}
CHOSEN = {"per": "shown", "choose": ["a", "b"], "terms": {"mrr": {"a": "order", "b": 0}}}


@pytest.mark.parametrize(
    ("text", "owner", "name"),
    [
        ("decision.ndcg@10", "decision", ListName("ndcg", 10)),
        ("decision.mrr", "decision", ListName("mrr", None)),
        ("order.recall@5", "order", ListName("recall", 5)),
        ("order.ndcg", "order", ListName("ndcg", None)),
    ],
)
def test_metrics_of_lists(text: str, owner: str, name: ListName) -> None:
    listed = system(LISTED)
    assert metric_name(text, listed) == MetricName("list", owner, text.partition(".")[2])
    assert named_list(text, listed) == name


def test_what_is_no_metric_of_lists() -> None:
    listed = system(LISTED)
    assert metric_name("order.auc", listed) == MetricName("objective", "order", "auc")
    assert metric_name("decision.engagement", listed) == MetricName("decision", "decision", "engagement")
    assert named_list("latency_p99", listed) is None and named_list("order.auc", listed) is None
    # Where actions are chosen, a term may be called so.
    assert metric_name("decision.mrr", system(CHOSEN)) == MetricName("decision", "decision", "mrr")
    assert named_list("decision.mrr", system(CHOSEN)) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("decision.mrr@0", "'mrr@0' looks at '0' places (write mrr@K with K from 1 to 10,000, e.g. mrr@10)"),
        ("decision.ndcg@abc", "'ndcg@abc' looks at 'abc' places"),
        ("decision.ndcg@", "'ndcg@' looks at '' places"),
        ("order.recall@-1", "'recall@-1' looks at '-1' places"),
        ("order.recall@2.5", "'recall@2.5' looks at '2.5' places"),
        ("order.recall@10001", "'recall@10001' looks at '10001' places"),
        ("order.recall", "'recall' does not say over how many places (write recall@K"),
        ("order.ncdg@5", "'ncdg@5': there is no metric of lists 'ncdg' (did you mean 'ndcg'?)"),
        ("order.auc@5", "'auc@5': there is no metric of lists 'auc' (allowed: mrr, ndcg, recall)"),
        ("order.ncdg", "there is no metric 'ncdg' (did you mean 'ndcg'?)"),
        ("decision.log_loss", "log_loss is a metric of objectives (write e.g. order.log_loss)"),
        ("decision.engagment", "the decision has no term 'engagment' (did you mean 'engagement'?)"),
        ("value.ndcg", "'value' is given 'order', so that most rows of a list have no label (write decision.ndcg"),
        ("cuisine.ndcg@3", "'cuisine' is multi-class; lists are ordered by one value per row"),
        ("stay.ndcg", "'stay' is per users, and lists are of shown"),
        ("stey.ndcg", "there is no objective 'stey' (did you mean 'stay'?)"),
    ],
)
def test_what_makes_no_sense_is_said(text: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        metric_name(text, system(LISTED))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("decision", "text", "says"),
    [
        (None, "order.ndcg@5", "'order.ndcg@5' says how well lists are ordered, and the system has no decision"),
        (CHOSEN, "order.ndcg@5", "and the system has one that chooses actions"),
        (CHOSEN, "decision.ndcg", "'decision.ndcg' says how well lists are ordered"),
        (None, "decision.ndcg", "the system has no 'decision'"),
    ],
)
def test_only_lists_have_an_order(decision: dict[str, Any] | None, text: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        metric_name(text, system(decision))
    assert says in str(caught.value)


def faults_of(decision: dict[str, Any], **requirement: Any) -> list[str]:
    faults = Faults(system(decision, ({"who": "ml", **requirement},)))
    columns = {name: {"id": "string", "list": "string"} for name in ("shown", "users")}
    faults.types = columns  # type: ignore[assignment]
    faults.untyped = {name: set() for name in columns}
    check_requirements(faults, None)
    return [str(error) for _, error in faults.found]


def test_bounds_of_lists_are_shares_and_slices_are_columns_of_their_rows() -> None:
    assert faults_of(LISTED, metric="order.recall@5", at_least="60%") == []
    assert faults_of({**LISTED, "rule": "1"}, metric="decision.ndcg@5", better_than="rule", by="shown.id") == []
    (found,) = faults_of(LISTED, metric="decision.ndcg@5", at_least="60ms")
    assert "'60ms' is no bound on decision.ndcg@5 (write a number or a percentage)" in found
    (found,) = faults_of(LISTED, metric="decision.ndcg@5", at_least=0.5, by="users.city")
    assert "source 'users' has no column 'city'" in found
    (found,) = faults_of(LISTED, metric="decision.ndcg@5", at_least=0.5, candidates=100)
    assert "'candidates' goes with latency_p50 and latency_p99" in found


@pytest.mark.parametrize("key", [{"better_than": "rule"}, {"relative_to": "rule", "at_least": "95%"}])
def test_the_order_of_a_rule_needs_a_rule(key: dict[str, Any]) -> None:
    (found,) = faults_of(LISTED, metric="decision.ndcg@5", **key)
    assert (
        f"requirements[0].{next(iter(key))}: the decision has no rule (give the decision a 'rule' to sort by" in found
    )
    assert faults_of(LISTED, metric="order.ndcg@5", **key) == [], "the rule that predicts an objective is a rung of it"


def test_a_latency_of_lists_says_how_many_candidates() -> None:
    (found,) = faults_of(LISTED, metric="latency_p99", at_most="100ms")
    assert "'candidates' is missing (write as many as callers send, e.g. candidates: 100)" in found
    assert faults_of(LISTED, metric="latency_p99", at_most="100ms", candidates=1) == []
    assert faults_of(CHOSEN, metric="latency_p99", at_most="100ms") == []


@pytest.mark.parametrize(
    ("metric", "key", "bound", "says"),
    [
        ("order.auc", "at_least", 1.2, "requirements[0].at_least: order.auc is never above 1, and '1.2' is"),
        ("order.ndcg@5", "at_least", "120%", "order.ndcg@5 is never above 1, and '120%' is (write e.g. 0.8 or 80%)"),
        ("order.log_loss", "at_most", -0.1, "order.log_loss is never below 0, and '-0.1' is"),
    ],
)
def test_a_bound_that_nothing_can_clear_is_a_slip(metric: str, key: str, bound: Any, says: str) -> None:
    (found,) = faults_of(LISTED, metric=metric, **{key: bound})
    assert says in found
    relative = {"at_least": "120%", "relative_to": "live"}
    assert faults_of(LISTED, metric=metric, **relative) == [], "a share of what another release reaches"


def test_no_term_of_a_list_is_called_like_a_metric_of_lists() -> None:
    clash = {**LISTED, "terms": {"mrr": "order"}}
    (found,) = faults_of(clash, metric="latency_p99", at_most="9ms", candidates=100)
    assert "decision.terms.mrr: a term cannot be named 'mrr': decision.mrr says how well lists are ordered" in found
    assert faults_of(CHOSEN, metric="decision.mrr", at_least=1) == []
