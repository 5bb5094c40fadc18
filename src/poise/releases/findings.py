"""What is written down of one learned objective: the part of the evidence that programs and people read."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np

from poise import registry
from poise.evaluation.base import Metric
from poise.evaluation.bootstrap import interval, paired_gain
from poise.evaluation.calibration_table import calibration_table
from poise.evaluation.measures import ObjectiveMeasures, Ranked
from poise.evaluation.slices import scores_by_slice
from poise.evaluation.words import number, plain
from poise.releases.actors import trust_results, trust_words
from poise.releases.censoring import censoring_words
from poise.releases.list_rungs import outsorted, rung_orders
from poise.releases.list_scores import list_score, shown_metrics
from poise.releases.list_trial import RANDOM
from poise.releases.training import BASELINES, Learned
from poise.spec.objective import ProblemType
from poise.table import Column

FEW = 100
"""A class with fewer rows to learn from is warned of."""
SLICED = 5
"""So many of the most important categories are shown by slice, beside the columns that requirements name."""
SHOWN_SLICES = 40


def metrics_for(problem: ProblemType) -> list[Metric]:
    """Every metric that fits a problem type, in the order of the registry."""
    made: list[Metric] = [registry.get("metric", name)() for name in registry.names("metric")]
    return [metric for metric in made if problem in metric.works_with]


def objective_evidence(learned: Learned, measures: ObjectiveMeasures, zone: str) -> dict[str, Any]:
    """The evidence of one objective: labels, parts, rungs, what was judged, and what to be careful about."""
    data, climb = learned.data, learned.climb
    engine = learned.predictor.model.engine
    orders = rung_orders(learned, measures.ranked)
    sorted_better = outsorted(orders, climb.chosen)
    trust = trust_results(data.actors, data.split.learning)
    told = [*trust_words(trust), *censoring_words(data.censoring)]
    again = [learned.again.why] if learned.again is not None and learned.again.why else []
    worse = [*beaten(learned, measures), *([] if sorted_better is None else [sorted_better])]
    return {
        "type": data.spec.type,
        "per": data.spec.per,
        "metric": learned.metric,
        "chosen": climb.chosen,
        "describes": learned.predictor.model.describe(),
        "engine": None if engine is None else asdict(engine),
        "calibration_method": learned.predictor.calibration.method,
        "reason": climb.sentence,
        "smallest_gain": climb.smallest_gain,
        "labels": dict(data.counts),
        "balance": balance(learned),
        "parts": data.split.to_dict(zone),
        "again": None if learned.again is None else learned.again.to_dict(zone),
        "rungs": [step.to_dict() for step in climb.steps],
        "judge": judge_evidence(learned, measures),
        "importance": importance(learned),
        "orders": orders,
        "outsorted": sorted_better,
        "trust": trust,
        "censoring": data.censoring,
        "warnings": [*worse, *told, *learned.warnings, *again, *few_examples(learned), *learned.predictor.notes],
    }


def beaten(learned: Learned, measures: ObjectiveMeasures) -> list[str]:
    """A warning for each simpler baseline that did better on the judged rows than what was chosen before them."""
    metric: Metric = registry.get("metric", learned.metric)()
    target, prediction = measures.target, measures.prediction
    own, said = metric.score(target, prediction), []
    for name in BASELINES:
        other = measures.baselines.get(name)
        if name == learned.climb.chosen or other is None or not metric.better(metric.score(target, other), own):
            continue
        gain = paired_gain(metric, target, prediction, other, measures.blocks)
        sure = "beyond chance" if gain.low > 0 else "which may be chance"
        scores = f"{plain(metric.name)} {number(metric.score(target, other))} against {number(own)}"
        said.append(
            f"On the judged rows the {name} did better ({scores}), {sure}: what was learned did not hold there."
        )
    return said


def judge_evidence(learned: Learned, measures: ObjectiveMeasures) -> dict[str, Any]:
    """Scores of the judged rows with intervals, those of the baselines, slices and the calibration table."""
    target, prediction, blocks = measures.target, measures.prediction, measures.blocks
    scores: list[dict[str, Any]] = []
    baselines: dict[str, dict[str, float | None]] = {name: {} for name in measures.baselines}
    for metric in metrics_for(measures.type):
        found = interval(metric, target, prediction, blocks)
        scores.append({"name": metric.name, "bigger_is_better": metric.bigger_is_better, **found.to_dict()})
        for name, other in measures.baselines.items():
            score = metric.score(target, other)
            baselines[name][metric.name] = score if isfinite(score) else None
    if measures.ranked is not None:
        scores += _list_scores(measures.ranked, baselines)
    metric = registry.get("metric", learned.metric)()
    sliced: list[dict[str, Any]] = []
    for by, column in {**measures.slices, **_category_slices(learned)}.items():
        sliced += scores_by_slice(metric, target, prediction, blocks, by, column)
    table = [] if measures.type == "regression" else calibration_table(target, prediction, blocks)
    return {
        "rows": len(target),
        "blocks": blocks.count,
        "block": blocks.unit,
        "metrics": scores,
        "baselines": baselines,
        "slices": sliced[:SHOWN_SLICES],
        "calibration": table,
    }


def _list_scores(ranked: Ranked, baselines: dict[str, dict[str, float | None]]) -> list[dict[str, Any]]:
    """How well the objective by itself orders its lists; what baselines reach is put among `baselines`.

    Metrics by which every order scores the same are left out."""
    found = []
    others = {**ranked.scores, RANDOM: np.zeros(len(ranked.codes))}
    for metric in shown_metrics(ranked)[0]:
        made = list_score(metric, ranked, ranked.relevance, ranked.scores["model"])
        name, limits = made["metric"], {key: made[key] for key in ("value", "low", "high")}
        found.append({"name": name, "bigger_is_better": True, **limits, "rows": made["lists"]})
        for policy in baselines.keys() & others.keys():
            baselines[policy][name] = list_score(metric, ranked, ranked.relevance, others[policy])["value"]
    return found


def _category_slices(learned: Learned) -> dict[str, Column]:
    """The most important categories, at the judged rows."""
    data = learned.data
    categories = {output.name for output in data.outputs if output.type == "category"}
    ranked = sorted(learned.predictor.importance.items(), key=lambda item: -item[1])
    chosen = [name for name, _ in ranked if name in categories][:SLICED]
    return {name: data.columns[name].take(data.split.judge) for name in chosen}


def importance(learned: Learned) -> list[dict[str, Any]]:
    """The share of each feature in what the model does, largest first, with where it comes from."""
    origins = {output.name: output.origin for output in learned.data.outputs}
    ranked = sorted(learned.predictor.importance.items(), key=lambda item: (-item[1], item[0]))
    return [{"feature": name, "share": share, "origin": origins.get(name, "")} for name, share in ranked]


def balance(learned: Learned) -> dict[str, int]:
    """Rows per class (per label: rows that have it); empty for a regression."""
    data = learned.data
    if data.spec.type == "regression":
        return {}
    if data.spec.type == "binary":
        true = int((data.target == 1).sum())
        return {"true": true, "false": len(data.target) - true}
    if data.spec.type == "multi-class":
        counts = np.bincount(data.target.astype(np.int64), minlength=len(data.classes))
    else:
        counts = (data.target == 1).sum(axis=0)
    return {name: int(n) for name, n in zip(data.classes, counts, strict=True)}


def few_examples(learned: Learned) -> list[str]:
    """A warning for classes with so few rows that what is learned of them is hardly more than chance."""
    few = {name: n for name, n in balance(learned).items() if n < FEW}
    if not few:
        return []
    named = ", ".join(f"'{name}' ({n:,})" for name, n in sorted(few.items(), key=lambda item: item[1])[:5])
    more = f" and {len(few) - 5} more" if len(few) > 5 else ""
    return [f"Fewer than {FEW} rows of {named}{more}: predictions of these are hardly more than chance."]
