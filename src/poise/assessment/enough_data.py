"""PA04: is there enough data? The learning curve, what more rows would bring, and examples of each class."""

from __future__ import annotations

from math import ceil
from typing import Any, ClassVar

import numpy as np

from poise.assessment.base import Answer, Finding, Question
from poise.assessment.case import Case
from poise.assessment.extrapolation import Future, futures
from poise.assessment.few_examples import ENOUGH, few_examples, rarest
from poise.assessment.learnable import LITTLE, nothing, shown, sure_level
from poise.assessment.learning_curve import Curve, learning_curve, to_dict
from poise.assessment.percent import percent
from poise.assessment.trials import Trials
from poise.errors import NotEnoughData
from poise.evaluation.bootstrap import Resampled

TIMES = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
LEAST_OF_EACH = 10
"""With fewer examples of the rarer kind no figure about it can be trusted."""
MUCH_MORE, WORTH_WAITING = 2.0, 0.1
"""Data should come first where ten times the rows would surely explain twice as much, and so much more."""
KNOWN = 2 / 3
"""… and what these rows explain is not known well yet: its lower limit is less than this part of it. What is known well
can be used while more rows come."""
REACHED = 0.8
"""The rows that are named bring this much of what ten times the rows would."""
MOST_TIMES = 100


class EnoughData(Question):
    """Would more rows change the answer, and about how many?"""

    code: ClassVar[str] = "PA04"
    title: ClassVar[str] = "Is there enough data?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """No where too few rows leave the first question open, or what they say is not known well and far more would
        surely be learned from more."""
        made = trials.skill_spread(trials.learned)
        details, findings = few_examples(case)
        curve, later, why = self._curve(case, trials)
        details |= _details(curve, later, why)
        twice = next((one for one in later if one.times == 2.0), None)
        figures: dict[str, Any] = {"unit": "share of the uncertainty that twice the rows would add"}
        if twice is not None:
            value, low, high = twice.gained()
            figures |= {"figure": value, "low": low, "high": high}
        more: dict[str, Any] = {**figures, "details": details, "findings": tuple(findings)}
        rare = rarest(case)
        if rare is not None and case.problem == "binary" and rare < LEAST_OF_EACH:
            needed = _round(case.rows * ENOUGH / max(rare, 1))
            details["rows_needed"] = needed
            said = f"No: only {rare} rows are of the rarer kind; about {ENOUGH} would take {needed:,} rows in all."
            return self.answer("no", said, f"About {needed:,} rows in all.", sure=None, **more)
        if not (shown(case, trials, made) if later else made.low(sure_level(trials)) > 0):
            return self._open(case, trials, made, details, more)
        return self._shown(case, made, later, why, details, more)

    def _curve(self, case: Case, trials: Trials) -> tuple[Curve | None, list[Future], str]:
        try:
            curve = learning_curve(case, trials)
        except NotEnoughData as reason:
            return None, [], reason.message
        later = futures(curve.rows, curve.loss, curve.error, TIMES, curve.level_error, curve.luck, trials.seed)
        return curve, later, ""

    def _open(
        self, case: Case, trials: Trials, made: Resampled, details: dict[str, Any], more: dict[str, Any]
    ) -> Answer:
        """Nothing is shown to be learnable: because there is nothing, or because the rows are too few to show it."""
        smallest = (made.value - made.low()) + (made.value - made.low(0.8))
        if nothing(case, trials, made):
            said = (
                f"Enough to tell: {case.rows:,} rows would have shown anything from {percent(max(smallest, 0), 1)} of"
                " what is uncertain on."
            )
            return self.answer("yes", said, "Other columns, not more rows.", **more)
        wanted = max(made.value, LITTLE / 2)
        times = float(np.clip((smallest / wanted) ** 2, 1.5, MOST_TIMES))
        needed = _round(case.rows * times)
        details["rows_needed"] = needed
        said = (
            f"No: {case.rows:,} rows leave open whether there is anything to learn; about {needed:,} would show it, if"
            f" the columns explain {percent(wanted)} of what is uncertain."
        )
        return self.answer("no", said, f"About {needed:,} rows in all.", sure=None, **more)

    def _shown(
        self, case: Case, made: Resampled, later: list[Future], why: str, details: dict[str, Any], more: dict[str, Any]
    ) -> Answer:
        """Something is learned: what would more rows add?"""
        if not later:
            return self.answer("unclear", f"Unclear: {why}.", "More rows.", **more)
        skill, by_times = made.value, {one.times: one for one in later}
        ten, ten_low, ten_high = by_times[10.0].limits()
        two, two_low, two_high = by_times[2.0].limits()
        now = f"{case.rows:,} rows explain {percent(skill)} of what is uncertain"
        if ten_low > MUCH_MORE * skill and ten_low > skill + WORTH_WAITING:
            aim = skill + REACHED * (ten - skill)
            times = next((one.times for one in later if one.limits()[0] >= aim), 10.0)
            needed = _round(case.rows * max(times, 1.5))
            details["rows_needed"] = needed
            said = (
                f"{now}, and ten times as many would explain {percent(ten)} ({percent(ten_low)} to"
                f" {percent(ten_high)}). About {needed:,} bring most of that."
            )
            if made.low() >= KNOWN * skill:
                going_on = "Go on collecting, and learn again as rows come."
                more["findings"] = (*more["findings"], Finding(f"{said} {going_on}", "warn"))
                return self.answer("yes", f"Yes, to begin with: {said}", going_on, **more)
            surely = float((1 - by_times[10.0].loss > MUCH_MORE * skill).mean())
            return self.answer("no", f"No: {said}", f"About {needed:,} rows in all.", sure=surely, **more)
        said = (
            f"Yes: {now}; twice as many would explain {percent(two)} ({percent(two_low)} to {percent(two_high)}), ten"
            f" times as many {percent(ten)} ({percent(ten_low)} to {percent(ten_high)})."
        )
        return self.answer("yes", said, "Fewer rows of a kind than here, e.g. of a rare class.", **more)


def _details(curve: Curve | None, later: list[Future], why: str) -> dict[str, Any]:
    listed = []
    for one in later:
        skill, gain = one.limits(), one.gained()
        listed.append({"times": one.times, "skill": skill[0], "low": skill[1], "high": skill[2],
                       "gain": gain[0], "gain_low": gain[1], "gain_high": gain[2]})  # fmt: skip
    return {"curve": None if curve is None else to_dict(curve), "later": listed, "no_curve": why or None}


def _round(rows: float) -> int:
    """Rows as people say them: two digits, rounded up."""
    unit = 10 ** max(len(str(int(rows))) - 2, 0)
    return int(ceil(rows / unit) * unit)
