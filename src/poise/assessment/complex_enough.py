"""PA02: are the patterns complex enough for ML? What more than one column buys over the best rule on one column."""

from __future__ import annotations

from typing import Any, ClassVar

from poise.assessment.base import Answer, Finding, Question
from poise.assessment.case import Case
from poise.assessment.percent import percent
from poise.assessment.rules import in_words
from poise.assessment.trials import Trials
from poise.evaluation.climbing import Rung, climb
from poise.models.rule_model import RuleModel

WORTH = 0.03
"""ML must add more than this fraction of what the best rung gains over the constant."""
LEVEL = 0.99
SAID = {"linear": "a linear model explains", "trees": "trees explain"}
MAY = {"linear": "a linear model may explain", "trees": "trees may explain"}


class ComplexEnough(Question):
    """Does ML say more than the best rule over one column, which a person could remember?"""

    code: ClassVar[str] = "PA02"
    title: ClassVar[str] = "Are the patterns complex enough for ML?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """Yes where linear or trees are significantly better than the rule by what is worth it.

        What one column can say is the better of the rule and a smooth curve over it: a rule's steps alone need no ML.
        """
        rule = min((trials.prediction(rung) for rung in ("rule", "curve")), key=trials.loss)
        complex_rungs = [rung for rung in ("linear", "trees") if trials.failed(rung) is None]
        words = self._rule(case, trials)
        if not complex_rungs:
            return self.answer("no", f"Only a rule could be learned: {words}.", "More rows.", details={"rule": words})
        best = min(complex_rungs, key=lambda rung: trials.loss(trials.prediction(rung)))
        more = trials.skill_spread(trials.prediction(best), against=rule)
        total = trials.skill(trials.prediction(trials.best)).value
        alone = trials.skill(rule)
        needed = WORTH * max(total, 0.0)
        details = self._details(trials, words, needed, alone.to_dict())
        figures: dict[str, Any] = {
            "figure": more.value, "low": more.low(), "high": more.high(),
            "unit": "share of the uncertainty, beyond the rule", "details": details,
        }  # fmt: skip
        if more.low(LEVEL) > needed:
            said = (
                f"Yes: {SAID[best]} {percent(trials.skill(trials.prediction(best)).value)} of what is uncertain, the"
                f" best rule over one column {percent(max(alone.value, 0))}: {words}."
            )
            return self.answer("yes", said, "A better rule, over several columns.",
                               sure=1 - more.chance_below(needed), **figures)  # fmt: skip
        if alone.low <= 0:
            said = "Unclear: these rows cannot tell whether a rule over one column would do, or ML is needed."
            return self.answer("unclear", said, "More rows, or columns that say more.", **figures)
        if more.high() > needed and more.high() > 0.1 * max(alone.value, 0.0) + needed:
            said = (
                f"Not shown: {MAY[best]} up to {percent(more.high(), 1)} more of what is uncertain than this rule, or"
                f" nothing more: {words}."
            )
            return self.answer("no", said, "More rows could show that ML adds something.",
                               sure=1 - more.chance_above(needed), findings=(Finding(words),), **figures)  # fmt: skip
        said = (
            f"No: a rule over one column does it, and ML adds at most {percent(max(more.high(), 0), 1)}"
            f"{self._steps(trials)}. The rule: {words}."
        )
        return self.answer("no", said, "Columns that matter together.",
                           sure=1 - more.chance_above(max(needed, 1e-9)), **figures)  # fmt: skip

    def _steps(self, trials: Trials) -> str:
        """What is lost by a rule in steps, where a smooth curve over the same column says more."""
        lost = trials.skill(trials.prediction("curve"), against=trials.prediction("rule"))
        return f" over a smooth curve of it; in steps it loses {percent(lost.value, 1)}" if lost.low > WORTH else ""

    def _rule(self, case: Case, trials: Trials) -> str:
        model = trials.model("rule")
        return in_words(case, model) if isinstance(model, RuleModel) else f"always the same {case.target_name}"

    def _details(self, trials: Trials, words: str, needed: float, alone: dict[str, Any]) -> dict[str, Any]:
        rungs = [Rung(name, trials.prediction(name)) for name in trials.rungs if trials.failed(name) is None]
        climbed = climb(rungs, trials.target, trials.metric, trials.blocks)
        model = trials.model("rule")
        column = trials.case.column_of(model.inputs[0]) if model.inputs else None
        return {
            "rule": words,
            "rule_column": column,
            "rule_skill": alone,
            "needed": needed,
            "simplest_sufficient": climbed.chosen,
            "sentence": climbed.sentence,
            "steps": [step.to_dict() for step in climbed.steps],
        }
