"""Bounds: what a first release can be asked to keep, as far as the judged rows tell, and who asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor, log10, sqrt

import numpy as np

from poise.assessment.assess import Assessment
from poise.assessment.costs import costs_of
from poise.assessment.policies import played
from poise.assessment.trials import Trials
from poise.evaluation.accuracy import Accuracy
from poise.evaluation.auc import Auc
from poise.evaluation.base import Metric
from poise.evaluation.bootstrap import Resampled, interval, mean_sums
from poise.evaluation.mae import MeanAbsoluteError

JUDGED = 0.15
"""The share of the rows by which a release is judged (`parts:`)."""
LEAST_JUDGED = 110
"""Gates want 100 judged rows; with fewer than this they may not find them."""
LIMITS = 2.6
"""A bound stands so many one-sided limits of a release's own judged rows away from the value: one is what the gate asks
for, one is what chance may take, and the rest is for the rows that a release has fewer to learn from."""
POINTS = {"auc": 0.5}


@dataclass(frozen=True, slots=True)
class Bound:
    """One requirement. sure: whether there are enough rows for it; else it is written as a comment."""

    who: str
    metric: str
    bound: str
    why: str = ""
    sure: bool = True
    few: bool = False

    def text(self) -> str:
        """The line of the file."""
        allow = ", allow: insufficient" if self.few and self.sure else ""
        why = f"   # {self.why}" if self.why else ""
        return f"- {{who: {self.who}, metric: {self.metric}, {self.bound}{allow}}}{why}"


def bounds_of(assessment: Assessment, objective: str, left_out: bool = False) -> list[Bound]:
    """First requirements for an objective of this name. `decision.value` is among them where costs are declared.

    left_out: whether suspected columns are no inputs of the system: then what was found with them bounds nothing.
    """
    case, trials = assessment.case, assessment.trials
    judged = JUDGED * case.rows
    few = judged < LEAST_JUDGED
    learnable = assessment.answer("PA01")
    nothing = learnable is not None and learnable.answer == "no"
    gained = _clear(trials, trials.losses(trials.prediction("constant")) - trials.losses(trials.learned), judged)
    late = "too few rows to show it yet: take it in when there are more"
    better = Bound(
        "data_science", f"{objective}.{trials.metric.name}", "better_than: constant",
        "else nobody needs a model" if gained or nothing else late, gained or nothing, few,
    )  # fmt: skip
    first = _first(trials, objective, judged, few)
    if left_out:
        found_with_them = first.why.partition(",")[0]
        why = f"{found_with_them}, with columns that are left out here: set it by what the first release shows"
        first = replace(first, why=why, sure=False)
    found = [better, first]
    costs = costs_of(case)
    if costs is not None and costs.outcomes is not None and case.problem != "regression":
        made = played(case, trials, costs)
        clear = _clear(trials, made.ml - made.fixed, judged)
        why = "else always the same does as well" if clear else late
        found.append(Bound("finance", "decision.value", "better_than: rule", why, clear, few))
    size = "50MB" if "text" in case.types.values() else "20MB"
    found += [
        Bound("product", "latency_p99", "at_most: 100ms"),
        Bound("platform", "release_size", f"at_most: {size}"),
    ]
    return found


def _clear(trials: Trials, gain: np.ndarray, judged: float) -> bool:
    """Whether a gain is so large that a release's own judged rows will show it."""
    made = Resampled(mean_sums(gain, trials.blocks), seed=trials.seed)
    return bool(made.value - LIMITS * _less(trials, judged) * (made.value - made.low()) > 0)


def _less(trials: Trials, judged: float) -> float:
    """How much wider limits are by a release's own judged rows than by those of the assessment."""
    return max(1.0, sqrt(len(trials.judge) / max(judged, 1.0)))


def _first(trials: Trials, objective: str, judged: float, few: bool) -> Bound:
    """The bound on what people look at: AUC, accuracy, or how far answers are off on average."""
    metric: Metric = {"binary": Auc, "multi-class": Accuracy, "regression": MeanAbsoluteError}[trials.problem.type]()
    found = interval(metric, trials.target, trials.learned, trials.blocks)
    base = metric.score(trials.target, trials.prediction("constant"))
    base = POINTS.get(metric.name, base)
    wide = LIMITS * _less(trials, judged)
    if metric.bigger_is_better:
        bound = found.value - wide * (found.value - found.low)
        digits, text = 100, f"at_least: {floor(bound * 100) / 100:g}"
        sure = np.isfinite(bound) and floor(bound * digits) / digits > base
    else:
        bound = found.value + wide * (found.high - found.value)
        sure = bool(np.isfinite(bound)) and bound < base
        text = f"at_most: {_up(bound):g}" if np.isfinite(bound) else "at_most: 0"
    shown = f"{found.value:.3g} on {len(trials.judge):,} rows"
    why = (
        f"the assessment found {shown}"
        if sure
        else f"the assessment found {shown}, too few to ask for more than chance"
    )
    return Bound("product", f"{objective}.{metric.name}", text, why, bool(sure), few)


def _up(value: float) -> float:
    """Rounded up to two digits."""
    if value <= 0:
        return value
    unit = 10.0 ** (floor(log10(value)) - 1)
    return float(f"{ceil(value / unit) * unit:.2g}")
