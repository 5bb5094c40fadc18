"""How well logged lists are ordered, by who sorts, and what they would have come to in another order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise import registry
from poise.evaluation.bootstrap import mean_interval
from poise.evaluation.list_metric import ListMetric
from poise.evaluation.lists import Lists, places
from poise.evaluation.measures import Floats, Ranked
from poise.releases.list_trial import RANDOM, Trial
from poise.releases.ranked import Listed

LOGGED = "logged"
"""A policy: the order in which lists were shown."""


def ranking(made: Listed, ranked: Ranked) -> list[dict[str, Any]]:
    """How well each policy orders the logged lists by the utility that came true. `logged` is the order in which they
    were shown, `constant` a random one. Metrics by which every order of every list scores the same are left out.

    What stood on top was seen more, which flatters the logged order and whatever resembles it. Weighing items by place
    would not help: most lists have one relevant item, whose weight cancels within the list. `reordered` does it.
    """
    scores = {**ranked.scores, RANDOM: np.zeros(len(ranked.codes))}
    if (place := made.place) is not None:
        scores[LOGGED] = -place
    metrics, _ = shown_metrics(ranked)
    return [
        {"policy": policy, **list_score(metric, ranked, ranked.relevance, values)}
        for metric in metrics
        for policy, values in scores.items()
    ]


def shown_metric(name: str, show: int) -> ListMetric:
    """A metric over the places that are shown, or half of them where over all it would say nothing."""
    kind: type[ListMetric] = registry.get("list-metric", name)
    return kind(max(1, show // 2) if kind.needs_k else show)


def shown_metrics(ranked: Ranked) -> tuple[list[ListMetric], list[str]]:
    """The metrics of lists that tell orders apart, and the names of those that do not: every order scores the same, as
    where all items of a list are relevant, or lists are too short."""
    made = [shown_metric(name, ranked.show) for name in registry.names("list-metric")]
    tell = [telling(metric, ranked) > 0 for metric in made]
    silent = [f"{metric.name}@{metric.k}" for metric, tells in zip(made, tell, strict=True) if not tells]
    return [metric for metric, tells in zip(made, tell, strict=True) if tells], silent


def telling(metric: ListMetric, ranked: Ranked) -> int:
    """In how many lists one order scores above another."""
    return int(metric.order_matters(Lists.of(ranked.codes), ranked.relevance).sum())


def list_score(metric: ListMetric, ranked: Ranked, truth: Floats, scores: Floats) -> dict[str, Any]:
    """A metric of lists with its limits: over how many `lists`, how many of them could score otherwise in another order
    (`telling`), and how many were left out as nothing in them is relevant."""
    lists = Lists.of(ranked.codes)
    per_list = metric.per_list(lists, truth, scores)
    made = mean_interval(per_list, ranked.blocks.take(lists.first)).to_dict()
    told = int(np.isfinite(per_list).sum())
    limits = {key: made[key] for key in ("value", "low", "high")}
    counts = {"lists": told, "left_out": len(per_list) - told, "telling": telling(metric, ranked)}
    return {"metric": f"{metric.name}@{metric.k}", **limits, **counts}


def reordered(made: Listed, ranked: Ranked, found: Trial | None) -> list[dict[str, Any]]:
    """What a logged list would have come to, on average, in another order of its items: term by term, by who sorts.

    What came of an item counts by what its new place keeps over what its old one kept (the position-based model of
    Joachims, Swaminathan & Schnabel, WSDM 2017). `logged` is what did come of them. Empty where the log does not say
    where items stood, or no curve says that places differ. `gain` is by how much that is more than `logged`.
    """
    if found is None or found.assumed or made.place is None or flat(found.curves):
        return []
    curves, lists = found.curves, Lists.of(ranked.codes)
    blocks = ranked.blocks.take(lists.first)
    evened, logged = made.evened(curves), np.nan_to_num(made.place, nan=1.0)
    kept = {LOGGED: made.kept(curves, logged)}
    for policy, scores in ranked.scores.items():
        kept[policy] = made.kept(curves, moved(ranked.codes, logged, scores))
    kept[RANDOM] = {term: _mean_of_list(lists, values) for term, values in kept[LOGGED].items()}
    out = []
    for policy, keeps in kept.items():
        for term, values in evened.items():
            per_list, was = (np.bincount(lists.codes, values * k[term], lists.count) for k in (keeps, kept[LOGGED]))
            limits, gain = (mean_interval(each, blocks).to_dict() for each in (per_list, per_list - was))
            out.append(
                {"policy": policy, "term": term, "unit": made.ranker.decision.terms[term].unit}
                | {key: limits[key] for key in ("value", "low", "high")}
                | {"gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"]}
            )
    return out


def moved(codes: NDArray[np.int64], place: Floats, scores: Floats) -> Floats:
    """The place of each row, (n,), when each list's items are put into the list's own places in the order of `scores`.

    >>> moved(np.array([0, 0, 0]), np.array([1.0, 2.0, 5.0]), np.array([0.1, 0.9, 0.5])).tolist()
    [5.0, 1.0, 2.0]
    """
    ranks, own = places(codes, scores), places(codes, -place)
    out = np.empty(len(codes))
    out[np.lexsort((ranks, codes))] = place[np.lexsort((own, codes))]
    return out


def flat(curves: Mapping[str, Floats]) -> bool:
    """Whether every place keeps all of every term: the chosen models saw no difference between places."""
    return all(bool(np.allclose(curve, 1.0)) for curve in curves.values())


def _mean_of_list(lists: Lists, values: Floats) -> Floats:
    """The mean of the values of a list's rows, at each of them, (n,)."""
    means = np.bincount(lists.codes, values, lists.count) / np.bincount(lists.codes, minlength=lists.count)
    return np.asarray(means[lists.codes])


def differs(ranked: Ranked) -> dict[str, float]:
    """In what share of the lists another item stands first than the rule (or the live release) would put there."""
    own = places(ranked.codes, ranked.scores["model"]) == 1
    found = {}
    for policy in ("rule", "live"):
        if policy in ranked.scores:
            theirs = places(ranked.codes, ranked.scores[policy]) == 1
            found[policy] = float(1 - (own & theirs).sum() / max(own.sum(), 1))
    return found
