"""Judging `decision.ndcg@10` or `order.recall@5`: how well logged lists are ordered, in all or in the worst slice."""

from __future__ import annotations

import numpy as np

from poise import registry
from poise.evaluation.baseline import Baseline, baseline_of
from poise.evaluation.finding import Finding, column_by
from poise.evaluation.gate_mean import Floats, Means, judge_mean
from poise.evaluation.list_metric import ListMetric
from poise.evaluation.lists import Lists
from poise.evaluation.measures import Ranked
from poise.evaluation.words import counted, number
from poise.spec.metric_name import ListName
from poise.spec.requirement import Requirement
from poise.table import Column

ALL = 0.995
"""What rounds to the whole is called all."""


def judge_list(requirement: Requirement, name: ListName, ranked: Ranked | None, live: str | None) -> Finding:
    """What the judged lists say of a bound on a metric of lists.

    Lists without a relevant item are left out, and so are items whose relevance is not known; the sentence counts
    both. `insufficient` where every order of every list scores the same. Raises `SpecError` for a slice that was not
    measured.
    """
    if ranked is None:
        return Finding("insufficient", f"{requirement.metric} was not measured")
    metric = list_metric(name, ranked)
    lists = Lists.of(ranked.codes)
    column = column_by(requirement, ranked.slices)
    wanted = requirement.better_than or requirement.relative_to
    others = policies(ranked)
    names = {"constant": "a random order", "rule": rule_of(requirement.metric)}
    baseline = None if wanted is None else baseline_of(wanted, others, live, **names)
    if wanted is not None and baseline is None:
        return Finding("insufficient", f"there is no {wanted} to compare {requirement.metric} with")
    own = metric.per_list(lists, ranked.relevance, ranked.scores["model"])
    if not metric.order_matters(lists, ranked.relevance).any():
        words = f"{requirement.metric} cannot tell orders apart: {_why(own)}"
        return Finding("insufficient", words, n=int(np.isfinite(own).sum()))
    if baseline is not None:
        other = metric.per_list(lists, ranked.relevance, baseline.of)
        baseline = Baseline(baseline.name, other, baseline.instead)
    blocks = ranked.blocks.take(lists.first)
    notes = left_out(own, ranked.relevance) + ([] if column is None else _mixed(requirement, lists, column))
    notes += known_before(ranked.predicted)
    first = None if column is None else column.take(lists.first)
    return judge_mean(requirement, Means(own, blocks, baseline, first, metric.bounds, "list", tuple(notes)))


def rule_of(metric: str) -> str:
    """Whose order `rule` is, of a metric of lists: the decision's own, or that of the rung which predicts an objective.

    >>> rule_of("decision.ndcg@10"), rule_of("liked.ndcg@10")
    ("the decision's rule", 'the rule for liked')
    """
    owner = metric.partition(".")[0]
    return "the decision's rule" if owner == "decision" else f"the rule for {owner}"


def known_before(predicted: float | None) -> list[str]:
    """That not all of the relevance is predicted, in words; nothing where all is.

    >>> known_before(0.413), known_before(1.0)
    (['41 % of the relevance is predicted, the rest is known before'], [])
    """
    if predicted is None or predicted > ALL:
        return []
    return [f"{number(100 * predicted, 2)} % of the relevance is predicted, the rest is known before"]


def list_metric(name: ListName, ranked: Ranked) -> ListMetric:
    """The metric of that name, over as many places as it says or, where it does not say, as are shown."""
    made: ListMetric = registry.get("list-metric", name.metric)(name.k or ranked.show)
    return made


def policies(ranked: Ranked) -> dict[str, Floats]:
    """The scores of every policy, `constant` included: all are tied, which averages over every order."""
    return {**ranked.scores, "constant": np.zeros(len(ranked.codes))}


def left_out(per_list: Floats, relevance: Floats) -> list[str]:
    """How many lists and items did not count, in words; nothing where all did.

    >>> left_out(np.array([0.5, np.nan]), np.array([1.0, 0.0, np.nan]))
    ['1 list without a relevant item is left out', '1 item whose worth is not known is left out']
    """
    said = []
    for n, noun, why in (
        (int(np.isnan(per_list).sum()), "list", "without a relevant item"),
        (int((~np.isfinite(relevance)).sum()), "item", "whose worth is not known"),
    ):
        if n:
            said.append(f"{counted(n, noun)} {why} {'is' if n == 1 else 'are'} left out")
    return said


def _why(per_list: Floats) -> str:
    if not np.isfinite(per_list).any():
        return "no judged list holds a relevant item"
    return "every order of the judged lists scores the same (they are too short, or all of their items are relevant)"


def _mixed(requirement: Requirement, lists: Lists, column: Column) -> list[str]:
    """That a column has several values in some lists, of which that of the first row counts."""
    own, theirs = column.values, column.values[lists.first][lists.codes]
    gone = column.missing()
    differs = (gone != gone[lists.first][lists.codes]) | (~gone & (own != theirs))
    n = len(np.unique(lists.codes[differs]))
    if not n:
        return []
    return [f"{requirement.by} differs within {counted(n, 'list')}, whose first row counts"]
