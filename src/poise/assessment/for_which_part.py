"""PA03: for which part? Rows for which the model is of use, rows to leave to people or a rule, and its surest rows."""

from __future__ import annotations

from typing import Any, ClassVar

from poise.assessment.base import Answer, Finding, Question
from poise.assessment.case import Case
from poise.assessment.no_use import Found, Parts, weight
from poise.assessment.percent import percent
from poise.assessment.surest import surest
from poise.assessment.trials import Trials

LEAST_LEFT = 0.2
"""The verdict is only for a part where so many rows are left out; fewer are a warning."""


class ForWhichPart(Question):
    """Where is the model good enough, and which rows are better left to a rule or a person?"""

    code: ClassVar[str] = "PA03"
    title: ClassVar[str] = "For which part?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """No where the model is shown to be of no use in a fifth of the rows that can be named; `part` says the rest.

        Regions are tested together (Holm's first step: at `ALPHA` over their number), by blocks.
        """
        whole = trials.skill(trials.learned)
        parts = Parts(case, trials)
        found, tested = parts.found()
        kept = max(found, key=lambda one: (one.region.share >= LEAST_LEFT, weight(one)), default=None)
        chosen = surest(trials)
        details: dict[str, Any] = {
            "skill": whole.to_dict(),
            "regions_tested": tested,
            "left_out": [_to_dict(one) for one in sorted(found, key=weight, reverse=True)[:10]],
            "slices": parts.slices(),
            "surest": chosen.details,
        }
        figures: dict[str, Any] = {"figure": whole.value, "low": whole.low, "high": whole.high,
                                   "unit": "share of the uncertainty explained", "details": details}  # fmt: skip
        if kept is None:
            if not whole.low > 0:
                said = "Unclear: no part of the rows is shown to be one where the model is of use."
                return self.answer("unclear", said, "More rows, or columns that say more.", **figures)
            said = f"Everywhere: no part of the rows was found for which the model is of no use. {chosen.sentence}"
            return self.answer("yes", said.strip(), _CHANGE, **figures)
        if kept.region.share < LEAST_LEFT:
            said = (
                f"Nearly everywhere: where {kept.region.words} ({percent(kept.region.share)} of the rows) the model is"
                f" of no use. {chosen.sentence}"
            )
            finding = Finding(f"Leave to a rule or a person: {kept.region.words}.", "warn", (kept.region.column,))
            return self.answer("yes", said.strip(), _CHANGE, findings=(finding,), **figures)
        return self._part(case, kept, figures, details)

    def _part(self, case: Case, kept: Found, figures: dict[str, Any], details: dict[str, Any]) -> Answer:
        region = kept.region
        details["part"] = {
            "words": region.other_words,
            "expression": region.otherwise,
            "column": region.column,
            "share": 1 - region.share,
            "skill": kept.outside,
            "left_to": {"words": region.words, "expression": region.expression, "share": region.share,
                        "skill": kept.inside},
        }  # fmt: skip
        said = (
            f"Only where {region.other_words} ({percent(1 - region.share)} of the rows): there the model explains"
            f" {percent(kept.outside)} of what is uncertain about '{case.target_name}', among the others"
            f" {'nothing' if kept.inside < 0.005 else percent(kept.inside, 1)}."
        )
        more = {**figures, "figure": kept.outside, "low": kept.low, "high": float("nan")}
        finding = Finding(f"Leave to a rule or a person: {region.words}.", "warn", (region.column,))
        return self.answer("no", said, f"Columns that tell more where {region.words}.",
                           sure=1 - kept.chance, findings=(finding,), **more)  # fmt: skip


_CHANGE = "Rows that can be named and for which the model would be no better than their mean."


def _to_dict(one: Found) -> dict[str, Any]:
    return {
        "words": one.region.words,
        "expression": one.region.expression,
        "column": one.region.column,
        "share": one.region.share,
        "skill": one.inside,
        "skill_elsewhere": one.outside,
        "chance": one.chance,
    }
