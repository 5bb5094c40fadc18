"""PA05: does what is learned hold on later rows? The same rows predicted from earlier rows, and from shuffled ones."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from poise.assessment.base import Answer, Finding, Question, Weight
from poise.assessment.case import Case, Index
from poise.assessment.folds import Fold, most_compared
from poise.assessment.learnable import ENOUGH_OF_EACH, WORTH_NAMING
from poise.assessment.percent import percent
from poise.assessment.probing import evenly
from poise.assessment.time_words import day_of, like_times
from poise.assessment.trials import Trials
from poise.errors import NotEnoughData
from poise.evaluation.base import Floats
from poise.evaluation.bootstrap import BlockSums, Resampled
from poise.models.losses import losses

SURE_LEVEL = 0.99
MOST_LEARNED = 20_000
"""Both models of a comparison learn from so many rows at most, and equally many."""
WORSE = 0.01
"""Models of noise are worse than the constant by less; more is a relation that turned."""
HALF = 0.5
"""A loss of so much of what shuffled rows promise belongs into the summary."""


class PredictiveInTime(Question):
    """Is there as much value on later rows as a shuffled split promises?"""

    code: ClassVar[str] = "PA05"
    title: ClassVar[str] = "Does it hold on later data?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """Yes where later rows are predicted better than by the constant, no where only shuffled ones are."""
        if not case.timed:
            return self._untimed(case)
        later, shuffled, base, codes = compared(case, trials)
        count = trials.blocks.count
        spread = {
            "later": share(base - later, base, codes, count),
            "shuffled": share(base - shuffled, base, codes, count),
            "difference": share(later - shuffled, base, codes, count),
        }
        own = trials.skill_spread(trials.learned)
        details = {
            **{name: _told(made) for name, made in spread.items()},
            "learned": _told(own), "judged_from": day_of(int(case.time[trials.judge].min())),
            "judged_to": day_of(int(case.time[trials.judge].max())),
        }  # fmt: skip
        unit = "share of the variance, later rows" if case.problem == "regression" else (
            "share of the uncertainty (log loss), later rows"
        )  # fmt: skip
        figures: dict[str, Any] = {
            "figure": own.value, "low": own.low(), "high": own.high(), "unit": unit, "details": details
        }  # fmt: skip
        return self._said(case, own, spread["shuffled"], spread["difference"], figures)

    def _said(
        self, case: Case, own: Resampled, shuffled: Resampled, lost: Resampled, figures: dict[str, Any]
    ) -> Answer:
        falls = lost.low(SURE_LEVEL) > 0 and lost.value >= WORTH_NAMING
        promised = f"a shuffled split would promise {percent(max(shuffled.value, 0))}"
        if own.low(SURE_LEVEL) > 0 and own.value >= WORTH_NAMING:
            least = percent(own.low())
            said = f"Yes: on later rows {percent(own.value)} of what is uncertain is explained (at least {least})"
            if not falls:
                said += f"; {promised}, which is no surer."
                return self.answer("yes", said, _CHANGE, sure=1 - own.chance_below(0.0), **figures)
            weight: Weight = "warn" if lost.value >= HALF * shuffled.value else "note"
            said += f", though {promised}: {percent(lost.value)} more than there is."
            told = Finding(f"A shuffled split flatters: {said[5:]}", weight)
            return self.answer("yes", said, _CHANGE, sure=1 - own.chance_below(0.0), findings=(told,), **figures)
        if falls and shuffled.low(SURE_LEVEL) > 0:
            said = (
                f"No: {promised}, but of later rows only {percent(max(own.value, 0))} is explained (at most"
                f" {percent(max(own.high(), 0))}): what was learned does not hold when it is used."
            )
            return self.answer("no", said, "Columns whose relation to the target lasts, or learning from recent rows.",
                               sure=1 - lost.chance_below(0.0), **figures)  # fmt: skip
        if own.high(SURE_LEVEL) < -WORSE and _many(case):
            said = (
                "No: what earlier rows teach misleads on later ones, which are predicted worse than by always saying"
                f" the same ({percent(-own.value)} of what is uncertain is added)."
            )
            return self.answer("no", said, "Columns whose relation to the target lasts, or learning from recent rows.",
                               sure=1 - own.chance_above(0.0), **figures)  # fmt: skip
        said = (
            f"Unclear: on later rows between {percent(max(own.low(), 0))} and {percent(max(own.high(), 0))} of what is"
            f" uncertain is explained, and {promised}."
        )
        return self.answer("unclear", said, "More rows over a longer time.", **figures)

    def _untimed(self, case: Case) -> Answer:
        found = like_times(case)
        said = f"No column says when each row was asked, so it cannot be told whether '{case.target_name}' could be"
        said += " predicted of later rows: all figures are about rows of the same time."
        change = "A column with the time of each row (--time)."
        if not found:
            return self.answer("unclear", said, change, details={"like_times": []})
        listed = ", ".join(f"'{name}'" for name in found[:3])
        one = Finding(f"{listed} may be the time of a row: ask again with --time {found[0]}.", "note", tuple(found[:3]))
        return self.answer("unclear", f"{said} {one.sentence}", f"--time {found[0]}, if it says when a row was asked.",
                           details={"like_times": found}, findings=(one,))  # fmt: skip


_CHANGE = "It would be no if the world changed after the last rows."


def _many(case: Case) -> bool:
    """Whether there are enough rows of the rarer kind that models learn more than the mean."""
    return case.problem != "binary" or min(case.target.sum(), case.rows - case.target.sum()) >= ENOUGH_OF_EACH


def compared(case: Case, trials: Trials) -> tuple[Floats, Floats, Floats, Index]:
    """The losses of judged rows as learned from earlier rows, from shuffled ones, and of the constant, and blocks.

    Both learn from equally many rows with the same rung and settings, so that nothing but the time differs.
    Raises `NotEnoughData`.
    """
    twin = Trials(case.shuffled(), trials.threads, trials.progress, trials.seed)
    rng = np.random.default_rng(trials.seed)
    parts: list[tuple[Floats, Floats, Floats, Index]] = []
    at = 0
    for number, fold in enumerate(trials.folds):
        place = np.arange(at, at + len(fold.judge))
        at += len(fold.judge)
        made = _fold(case, trials, twin, fold, number, rng)
        if made is not None:
            parts.append((*made, trials.blocks.codes[place]))
    if not parts:
        raise NotEnoughData("too few rows to compare later with shuffled ones")
    later, shuffled, base, codes = (np.concatenate(part) for part in zip(*parts, strict=True))
    return later, shuffled, base, codes


def _fold(
    case: Case, trials: Trials, twin: Trials, fold: Fold, number: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats] | None:
    """The judged rows of one fold, each half by what the other half and all else teach."""
    rung, train = trials.chosen[number], fold.train
    tried = trials.tried(rung)[number]
    if tried.failed is not None:
        return None
    like = tried.model
    target = case.target[fold.judge]
    base = losses(trials.problem, trials.tried("constant")[number].judged, target)
    later = tried.judged
    most = most_compared(case, MOST_LEARNED)
    if len(train) > most:
        train = evenly(train[np.argsort(case.time[train], kind="stable")], most)
        later = trials.learn(rung, train, like).predict(case.table.take(fold.judge))
    shuffled = np.empty_like(later)
    halves = _halves(case, fold.judge, rng)
    drawn = []
    for half in halves:
        others = np.setdiff1d(np.arange(case.rows), fold.judge[half])
        if case.together is not None:
            others = others[~np.isin(case.together[others], case.together[fold.judge[half]])]
        drawn.append((half, np.sort(rng.choice(others, min(len(train), len(others)), replace=False))))
    try:
        made = twin.each(lambda one: twin.learn(rung, one[1], like).predict(case.table.take(fold.judge[one[0]])), drawn)
    except NotEnoughData:
        return None
    for half, predicted in zip(halves, made, strict=True):
        shuffled[half] = predicted
    return losses(trials.problem, later, target), losses(trials.problem, shuffled, target), base


def _halves(case: Case, rows: Index, rng: np.random.Generator) -> list[Index]:
    """Two random halves as positions in `rows`; what belongs together stays together."""
    together = np.arange(len(rows)) if case.together is None else case.together[rows]
    _, codes = np.unique(together, return_inverse=True)
    side = rng.permutation(np.arange(codes.max() + 1) % 2)[codes]
    return [half for half in (np.flatnonzero(side == 0), np.flatnonzero(side == 1)) if len(half)]


def share(saved: Floats, base: Floats, codes: Index, count: int) -> Resampled:
    """What is saved as a share of what the constant loses, over draws of blocks."""
    sums = [np.asarray(np.bincount(codes, one, count), np.float64) for one in (saved, base)]
    return Resampled(BlockSums(sums[0], sums[1]))


def _told(made: Resampled) -> dict[str, float | None]:
    ends = {"value": made.value, "low": made.low(), "high": made.high()}
    return {name: end if np.isfinite(end) else None for name, end in ends.items()}
