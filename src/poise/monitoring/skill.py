"""How much of what a model gains over a constant is left: a loss that has no unit, by which objectives compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poise.evaluation.base import Array, Metric
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import paired_gain
from poise.releases.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Skill:
    """`share`: how far the score has come from the constant's to the best there is (1: all the way, 0: no better), with
    one-sided limits."""

    score: float
    constant: float
    share: float
    low: float
    high: float


def skill(metric: Metric, score: float, constant: float) -> float:
    """The share of the way from the constant's score to the best one.

    >>> from poise.evaluation.log_loss import LogLoss
    >>> round(skill(LogLoss(), 0.45, 0.6), 12), skill(LogLoss(), 0.6, 0.6) == 0
    (0.25, True)
    """
    best = metric.bounds[1] if metric.bigger_is_better else metric.bounds[0]
    way = best - constant
    return float((score - constant) / way) if np.isfinite(way) and way else float("nan")


def skill_of(metric: Metric, target: Array, prediction: Array, constant: Array, blocks: Blocks, level: float) -> Skill:
    """The skill of predictions on n rows against a constant's on the same ones; limits by blocks, paired."""
    score, plain = metric.score(target, prediction), metric.score(target, constant)
    gain = paired_gain(metric, target, constant, prediction, blocks, level)
    share = skill(metric, score, plain)
    scale = gain.value / share if share else float("nan")
    return Skill(score, plain, share, gain.low / scale, gain.high / scale)


def judged_skill(evidence: Evidence, name: str, metric: Metric) -> tuple[float, float]:
    """The score and the skill that a release was judged at; NaN where they were not measured."""
    judged = evidence.objectives[name].judge if name in evidence.objectives else None
    score = next((m.value for m in judged.metrics if m.name == metric.name), None) if judged else None
    plain = judged.baselines.get("constant", {}).get(metric.name) if judged else None
    nan = float("nan")
    if score is None or plain is None:
        return (nan if score is None else score), nan
    return score, skill(metric, score, plain)
