"""Break-even: without declared values, what they would have to be for ML to be worth it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case
from poise.assessment.costs import Costs
from poise.assessment.percent import percent
from poise.assessment.policies import chosen, played, threshold
from poise.assessment.trials import Trials
from poise.evaluation.bootstrap import Interval, mean_interval
from poise.evaluation.words import number

LEVEL = 0.99
"""Many ratios are tried on the same rows."""
RATIOS = np.logspace(-2, 2, 41)
"""Times the ratio at which always and never are worth the same; ML has most to add there."""
SHOWN = 8
"""Ratios in the table: every fifth."""


@dataclass(frozen=True, slots=True, eq=False)
class BreakEven:
    """What values would have to be. gain: per decision, in what `unit` says, at the best ratio; its limits at 99 %.

    low, best, high: the ratios (binary: a miss in false alarms) from which to which ML is shown to be worth it, NaN
    where it is at none. table: JSON-able rows.
    """

    sentence: str
    unit: str
    gain: Interval
    low: float = float("nan")
    best: float = float("nan")
    high: float = float("nan")
    table: tuple[dict[str, Any], ...] = ()

    @property
    def shown(self) -> bool:
        """Whether there are values under which ML is shown to be worth more than looking at nothing."""
        return bool(self.gain.low > 0)


def break_even(case: Case, trials: Trials) -> BreakEven:
    """What values would have to be, by the predictions of the judged rows."""
    if case.problem == "binary":
        return _binary(case, trials)
    if case.problem == "regression":
        return _regression(case, trials)
    return _classes(case, trials)


def _binary(case: Case, trials: Trials) -> BreakEven:
    base = float(np.clip(trials.target.mean(), 1 / (2 * len(trials.target)), 1 - 1 / (2 * len(trials.target))))
    ratios = RATIOS * (1 - base) / base
    rows = [_at(case, trials, float(ratio)) for ratio in ratios]
    gains = np.array([row["gain"]["value"] for row in rows])
    best = int(np.argmax(gains / (1 + ratios)))
    holds = np.array([row["gain"]["low"] is not None and row["gain"]["low"] > 0 for row in rows])
    start, end = best, best
    while start > 0 and holds[start - 1]:
        start -= 1
    while end + 1 < len(rows) and holds[end + 1]:
        end += 1
    one = rows[best]["gain"]
    gain = Interval(one["value"], _or(one["low"], -np.inf), _or(one["high"], np.inf), one["rows"], one["blocks"])
    table = tuple(rows)
    if not holds[best]:
        said = f"At no ratio between a missed '{case.classes[1]}' and a false alarm is ML shown to be worth more than"
        return BreakEven(
            f"{said} always answering the same.", "false alarms", gain, best=float(ratios[best]), table=table
        )
    low, middle, high = (float(ratios[i]) for i in (start, best, end))
    open_ = (start == 0, end == len(rows) - 1)
    between = f"between {number(low, 2)} and {number(high, 2)} times" if not any(open_) else (
        f"at least {number(low, 2)} times" if not open_[0] else f"at most {number(high, 2)} times"
        if not open_[1] else f"{number(low, 2)} to {number(high, 2)} times (all that was tried)")  # fmt: skip
    said = (
        f"ML is worth it if a missed '{case.classes[1]}' costs {between} as much as a false alarm. At"
        f" {number(middle, 2)} times, 1,000 decisions save what {number(1000 * gain.value, 2)} false alarms cost"
        f" (at least {number(1000 * gain.low, 2)})."
    )
    return BreakEven(said, "false alarms", gain, low, middle, high, table)


def _at(case: Case, trials: Trials, ratio: float) -> dict[str, Any]:
    """ML where a miss costs `ratio` false alarms: what it does, and what it saves per decision."""
    outcomes = np.array([[0.0, -1.0], [-ratio, 0.0]])
    truth = trials.target.astype(np.int64)
    made = played(case, trials, Costs(outcomes))
    alarm = chosen(trials.learned, outcomes) == 1
    gain = mean_interval(made.ml - made.fixed, trials.blocks, LEVEL)
    return {
        "ratio": ratio,
        "threshold": threshold(outcomes),
        "instead_of": made.always,
        "alarms": float(alarm.mean()),
        "caught": _share(alarm[truth == 1]),
        "right_alarms": _share(truth[alarm] == 1),
        "gain": gain.to_dict(),
        "beyond_rule": float((made.ml - made.rule).mean()),
    }


def _classes(case: Case, trials: Trials) -> BreakEven:
    k = len(case.classes)
    made = played(case, trials, Costs(np.eye(k)))
    gain = mean_interval(made.ml - made.fixed, trials.blocks, LEVEL)
    right, others, rule = float(made.ml.mean()), float(made.fixed.mean()), float(made.rule.mean())
    start = (
        f"ML is right in {percent(right)} of the rows, {made.always} in {percent(others)}, the rule in {percent(rule)}"
    )
    table = ({"right": right, "always": others, "rule": rule, "gain": gain.to_dict()},)
    if gain.low <= 0:
        return BreakEven(f"{start}: not shown to be right more often.", "right answers", gain, table=table)
    said = (
        f"{start}: 1,000 decisions have {number(1000 * gain.value, 3)} more right answers (at least"
        f" {number(1000 * gain.low, 3)}) than always the same. It is worth it if one of them is worth more than what"
        " running it costs."
    )
    return BreakEven(said, "right answers", gain, table=table)


def _regression(case: Case, trials: Trials) -> BreakEven:
    made = played(case, trials, Costs(np.array([-1.0, -1.0])))
    gain = mean_interval(made.ml - made.fixed, trials.blocks, LEVEL)
    own, others, rule = (float(-values.mean()) for values in (made.ml, made.fixed, made.rule))
    start = f"ML is off by {number(own)} on average, {made.always} by {number(others)}, the rule by {number(rule)}"
    table = ({"off": own, "always": others, "rule": rule, "gain": gain.to_dict()},)
    unit = f"units of {case.target_name}"
    if gain.low <= 0:
        return BreakEven(f"{start}: not shown to be nearer.", unit, gain, table=table)
    said = (
        f"{start}: each answer is nearer by {number(gain.value)} (at least {number(gain.low)}). It is worth it if so"
        " much nearness is worth more than what running it costs."
    )
    return BreakEven(said, unit, gain, table=table)


def _share(hits: NDArray[np.bool_]) -> float | None:
    return float(hits.mean()) if len(hits) else None


def _or(value: float | None, instead: float) -> float:
    return instead if value is None else float(value)
