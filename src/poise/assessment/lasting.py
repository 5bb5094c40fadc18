"""PA07: will unseen data share the patterns, and do patterns change? Inputs, effects and a frozen model over time."""

from __future__ import annotations

from typing import Any, ClassVar

from poise.assessment.base import Answer, Finding, Question
from poise.assessment.case import Case
from poise.assessment.decay import Decay, decay
from poise.assessment.effects import Effect, effects
from poise.assessment.percent import percent
from poise.assessment.shifting import Shift, shift
from poise.assessment.time_words import like_times, span
from poise.assessment.trials import Trials
from poise.errors import NotEnoughData

SURE_LEVEL = 0.995
"""Two views of the decay are looked at (all later rows, the last third): each at half of 1 %."""
WORTH = 0.1
"""Losing less than this part of its gain, a frozen model may stay frozen for that long."""
MUCH = 0.5
APART = 0.55
"""Columns that alone tell earlier from later rows with such an AUC are named."""


class Lasting(Question):
    """Do the inputs, what they say, and a model that is never learned again stay what they were?"""

    code: ClassVar[str] = "PA07"
    title: ClassVar[str] = "Do the patterns last?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """No where a frozen model loses its gain or effects turn; yes where a loss that matters can be ruled out."""
        if not case.timed:
            return self._untimed(case)
        moved, changed = shift(case), [] if _nothing(trials) else effects(case, trials.model(trials.best).importance)
        try:
            curve = None if _nothing(trials) else decay(case, trials)
        except NotEnoughData:
            curve = None
        found = [*_of_effects(changed), *_of_shift(moved)]
        details = {
            "shift": None if moved is None else moved.to_dict(),
            "effects": [one.to_dict() for one in changed],
            "decay": None if curve is None else curve.to_dict(),
        }
        figures: dict[str, Any] = {"details": details, "findings": tuple(found)}
        if curve is not None and curve.gain.low() > 0:
            figures |= {
                "figure": curve.lost.value, "low": curve.lost.low(), "high": curve.lost.high(),
                "unit": "share of the gain that a frozen model loses",
            }  # fmt: skip
        return self._said(case, curve, changed, moved, figures)

    def _said(
        self, case: Case, curve: Decay | None, changed: list[Effect], moved: Shift | None, figures: dict[str, Any]
    ) -> Answer:
        shifted = moved is not None and moved.sure
        turned = [one for one in changed if one.turned]
        if curve is not None and decayed(curve):
            lost = curve.lost if curve.lost.low(SURE_LEVEL) > 0 else curve.lately
            said = f"No, patterns change: {_in_words(curve)}."
            return self.answer("no", said, "Learning again more often than that; a rule would have to be rewritten as"
                               " often.", sure=1 - lost.chance_below(0.0), **figures)  # fmt: skip
        if turned:
            said = f"No: what '{turned[0].column}' says about '{case.target_name}' turns around over time."
            return self.answer("no", said, "Learning from recent rows only, and watching this column.",
                               sure=1 - turned[0].chance, **figures)  # fmt: skip
        different = [one for one in changed if one.changed]
        open_ = curve is None or max(curve.lost.high(), curve.lately.high()) > MUCH
        if different and open_:
            said = f"Unclear: '{different[0].column}' says more at some times than at others, though a model that was"
            return self.answer("unclear", f"{said} never learned again was not seen to lose by it.",
                               "More rows over a longer time.", **figures)  # fmt: skip
        if curve is None or curve.gain.low() <= 0:
            inputs = " Later rows look different from earlier ones." if shifted else ""
            why = (
                "too few rows or instants to follow a model over time" if curve is None else "no gain is seen to decay"
            )
            said = f"Unclear: {why}.{inputs}"
            return self.answer("unclear", said, "More rows over a longer time.", **figures)
        if max(curve.lost.high(), curve.lately.high()) > MUCH:
            said = f"Unclear: {_seen(curve)} a model that is never learned again may lose nothing, or more than half"
            return self.answer("unclear", f"{said} of its gain.", "More rows over a longer time.", **figures)
        inputs = f" Inputs move ({_named(moved)}), but what they say stays." if shifted and moved is not None else ""
        most = max(curve.lost.high(), 0.0)
        said = f"Yes: {_seen(curve)} a model that is never learned again loses at most {percent(most)} of its gain."
        return self.answer("yes", said + inputs, "A change in the world after the last rows: watch for it.",
                           sure=1 - curve.lost.chance_above(MUCH), **figures)  # fmt: skip

    def _untimed(self, case: Case) -> Answer:
        found = like_times(case)
        said = "Rows without a time cannot tell whether patterns last: nothing says which of them are earlier."
        change = f"--time {found[0]}, if it says when a row was asked." if found else (
            "The time of each row (--time), over at least as long as a model would be used."
        )  # fmt: skip
        return self.answer("unclear", said, change, details={"like_times": found})


def decayed(curve: Decay) -> bool:
    """Whether the frozen model surely loses, and enough to matter, over all later rows or lately."""
    return curve.gain.low() > 0 and any(
        one.low(SURE_LEVEL) > 0 and one.value >= WORTH for one in (curve.lost, curve.lately)
    )


def _nothing(trials: Trials) -> bool:
    return all(trials.failed(rung) is not None for rung in trials.rungs[1:])


def _seen(curve: Decay) -> str:
    return f"over {span(curve.age[-1])}"


def _in_words(curve: Decay) -> str:
    """How often what was learned, or a rule written, once would have to be renewed."""
    if curve.half is not None and curve.half < curve.age[-1]:
        return (
            f"of a model or a rule that is never renewed, half of the gain over the constant is gone after about"
            f" {span(curve.half)}"
        )
    lost = percent(min(max(curve.lately.value, 0), 1))
    return f"a model or a rule that is never renewed has lost {lost} of its gain after {span(curve.age[-1])}"


def _of_effects(changed: list[Effect]) -> list[Finding]:
    found = []
    for one in changed:
        if one.changed:
            how = "turns around" if one.turned else "changes"
            said = (
                f"What '{one.column}' says {how} over time: its correlation goes from {one.blocks[0]:+.2f} to"
                f" {one.blocks[-1]:+.2f} (between {min(one.blocks):+.2f} and {max(one.blocks):+.2f})."
            )
            found.append(Finding(said, "warn" if one.turned else "note", (one.column,)))
    return found


def _of_shift(moved: Shift | None) -> list[Finding]:
    if moved is None or not moved.sure:
        return []
    said = (
        f"Later rows differ from earlier ones: a model tells them apart with AUC {moved.auc:.2f} (at least"
        f" {moved.low:.2f}), most by {_named(moved)}."
    )
    return [Finding(said, "note", tuple(moved.columns)[:3])]


def _named(moved: Shift) -> str:
    """The columns that differ most, at least one."""
    names = [name for name, area in moved.columns.items() if area >= APART]
    return ", ".join(f"'{name}'" for name in (names or list(moved.columns))[: 3 if names else 1])
