"""What the judged lists say of every order: by the model, the rule, what is live, each term alone, and chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from poise import registry
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import mean_interval
from poise.evaluation.gate_list import policies
from poise.evaluation.list_metric import ListMetric
from poise.evaluation.lists import Floats, Ints, Lists, places
from poise.evaluation.measures import Ranked
from poise.evaluation.policies import term_calibration


def compare_orders(ranked: Ranked, k: int | None = None, metrics: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Every metric of lists (or those of `metrics`) for every policy, with what the model gains on it list by list.

    k: how many places count; default as many as are shown. Recall looks at half of the longest list where no
    list is longer than that: over whole lists it is 1 for every order. Policies are in the order of `ranked.scores`;
    `constant`, a random order, is the last. Limits are one-sided 95 % each, over blocks of lists; `lists` counts those
    with a relevant item, and `left_out` the others. `gain` is what the model has on that policy (None for the model
    itself). Empty where no list holds a relevant item.

    >>> rng = np.random.default_rng(0); codes = np.repeat(np.arange(200), 5); worth = rng.random(1000)
    >>> ranked = Ranked(codes, worth, {"model": worth}, Blocks(codes % 40, "day", 40), show=5)
    >>> [(row["policy"], row["metric"], round(row["value"], 2)) for row in compare_orders(ranked)][:2]
    [('model', 'ndcg@5', 1.0), ('constant', 'ndcg@5', 0.86)]
    """
    lists = Lists.of(ranked.codes)
    blocks = ranked.blocks.take(lists.first)
    scores = policies(ranked)
    found = []
    for metric in _metrics(lists, k or ranked.show, metrics or registry.names("list-metric")):
        values = {policy: metric.per_list(lists, ranked.relevance, given) for policy, given in scores.items()}
        if np.isfinite(values["model"]).any():
            found += [_row(metric, policy, values, blocks) for policy in values]
    return found


def list_calibration(
    predicted: Floats, realised: Floats, codes: Ints, scores: Floats, show: int, blocks: Blocks
) -> dict[str, dict[str, Any]]:
    """The calibration of a term over all judged rows, over those that the decision would show, and its first of each
    list: keys `all`, `chosen`, `first`, each as of `policies.term_calibration`.

    predicted: (n,) at the place at which the row stood. codes: (n,) its list; scores: (n,) of the decision, NaN where a
    row is not eligible, which is then neither shown nor first. What is put on top for being predicted high is where
    errors gather: a term that holds over all rows need not hold there.

    >>> rng = np.random.default_rng(0); codes = np.repeat(np.arange(500), 4); x = rng.normal(size=2000)
    >>> made = list_calibration(x, np.zeros(2000), codes, x, 2, Blocks(codes % 50, "day", 50))
    >>> [(over, found["off"], found["rows"]) for over, found in made.items()]
    [('all', False, 2000), ('chosen', True, 1000), ('first', True, 500)]
    """
    place = np.where(np.isfinite(scores), places(codes, scores), np.iinfo(np.int64).max)
    made = {}
    for over, rows in (("all", np.ones(len(place), np.bool_)), ("chosen", place <= show), ("first", place == 1)):
        made[over] = term_calibration(predicted[rows], realised[rows], blocks.take(rows))
    return made


def _metrics(lists: Lists, k: int, names: Sequence[str]) -> list[ListMetric]:
    longest = int(np.bincount(lists.codes).max(initial=0))
    made = []
    for name in names:
        kind: type[ListMetric] = registry.get("list-metric", name)
        made.append(kind((longest + 1) // 2 if kind.needs_k and k >= longest else k))
    return made


def _row(metric: ListMetric, policy: str, values: dict[str, Floats], blocks: Blocks) -> dict[str, Any]:
    own, model = values[policy], values["model"]
    score = mean_interval(own, blocks, bounds=metric.bounds).to_dict()
    gain = {} if policy == "model" else mean_interval(model - own, blocks).to_dict()
    return {
        "policy": policy,
        "metric": f"{metric.name}@{metric.k}",
        **{key: score[key] for key in ("value", "low", "high", "blocks")},
        "lists": score["rows"],
        "left_out": int(np.isnan(own).sum()),
        **{name: gain.get(key) for name, key in (("gain", "value"), ("gain_low", "low"), ("gain_high", "high"))},
    }
