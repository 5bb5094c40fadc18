"""PA01: is there anything to learn? The best rung against the constant, and against a truth that was shuffled."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.assessment.base import Answer, Question
from poise.assessment.case import Case
from poise.assessment.folds import shuffles
from poise.assessment.percent import percent
from poise.assessment.permutation import permuted
from poise.assessment.trials import Trials
from poise.evaluation.base import Floats
from poise.evaluation.bootstrap import Resampled
from poise.models.losses import losses

SURE_LEVEL = 0.99
"""A gain must clear 0 with this one-sided level, and as rarely come from a shuffled truth."""
WORTH_NAMING = 0.005
"""A smaller share of the uncertainty is not worth a model, however significant: it is an AUC of about 0.55."""
BOTH_WAYS = 2**0.5
"""In folds without time each pair of rows counts twice, once in each direction, so that chance gains have twice the
variance that independent predictions would have."""
SHUFFLED = 0.005
"""A gain is also believed where a shuffled truth is as seldom tied so closely to the columns: of noise, so often."""
WEAK_ROWS = 5_000
"""From so many rows on shuffling shows ties below `WORTH_NAMING`: a chi-square of 30, which is rare among the columns
of a table, is there a share of 0.5 %."""
SHUFFLES, FEW_SHUFFLES, MANY_ROWS = 999, 299, 30_000
LITTLE = 0.08
"""Where the share is below this even at its upper limit, there is nothing (worth) to learn."""
SHOWN = 0.15
"""That can be said only where the data would have shown a share of so much …"""
ENOUGH_ROWS, ENOUGH_OF_EACH = 100, 20
"""… and where there are so many rows, and so many of the rarer kind: of fewer, models learn nothing but the mean."""


class Learnable(Question):
    """Do the columns say anything about the target, on rows that nothing was learned from?"""

    code: ClassVar[str] = "PA01"
    title: ClassVar[str] = "Is there anything to learn?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """Yes where the gain is significant by resampling and by shuffling, and worth naming."""
        made = trials.skill_spread(trials.learned)
        low, high = made.low(), made.high()
        chance, shuffled = tied(case, trials)
        smallest = (made.value - made.low()) + (made.value - made.low(0.8))
        sure = shown(case, trials, made)
        details = self._details(case, trials, chance, smallest) | {"permuted": shuffled}
        figures: dict[str, Any] = {
            "figure": made.value, "low": low, "high": high, "unit": _unit(case), "details": details
        }  # fmt: skip
        what = f"'{case.target_name}'"
        if sure and made.value >= WORTH_NAMING:
            said = (
                f"Yes: the other columns explain {_share(made.value)} of what is uncertain about {what}"
                f" (at least {_share(low)}), on {len(trials.judge):,} {_rows(case)} that nothing was learned from."
            )
            return self.answer("yes", said, "It would be no if new rows came from elsewhere than these.",
                               sure=1 - max(min(chance, shuffled), made.chance_below(0.0)), **figures)  # fmt: skip
        if sure:
            said = f"There is something to learn about {what}, but hardly: {_share(made.value)} of what is uncertain."
            return self.answer("no", said, _CHANGE, sure=made.chance_below(WORTH_NAMING), **figures)
        if nothing(case, trials, made):
            said = (
                f"No: what the other columns say about {what} is no more than chance would give"
                f" (at most {_share(max(high, 0.0))} of what is uncertain could be explained{_where(case)})."
            )
            return self.answer("no", said, _CHANGE, sure=1 - made.chance_above(LITTLE), **figures)
        said = _cannot_tell(case, max(low, 0.0), max(high, 0.0))
        return self.answer("unclear", said, "More rows: " + _CHANGE, sure=None, **figures)

    def _details(self, case: Case, trials: Trials, chance: float, smallest: float) -> dict[str, Any]:
        rungs = []
        for rung in trials.rungs:
            found = trials.skill(trials.prediction(rung))
            score = trials.metric.score(trials.target, trials.prediction(rung))
            rungs.append(
                {"name": rung, "skill": found.to_dict(), trials.metric.name: score, "failed": trials.failed(rung)}
            )
        return {
            "chance": chance,
            "smallest": smallest,
            "judged_rows": len(trials.judge),
            "later_rows": case.timed,
            "blocks": trials.blocks.count,
            "block": trials.blocks.unit,
            "chosen": list(trials.chosen),
            "rungs": rungs,
        }


def tied(case: Case, trials: Trials) -> tuple[float, float]:
    """How often chance would predict the judged rows as well, and tie all rows as closely to the columns: p-values."""
    chance = trials.once("by chance", lambda: by_chance(trials, trials.learned))
    return chance, trials.once("permuted", lambda: permuted(case))


def shown(case: Case, trials: Trials, made: Resampled) -> bool:
    """Whether a gain is no luck: by a high level of resampling and as seldom from a shuffled truth; or by an ordinary
    one where both ways of shuffling, of the judged rows and of all, hardly ever give so much."""
    chance, shuffled = tied(case, trials)
    if chance <= 1 - SURE_LEVEL:
        return made.low(sure_level(trials)) > 0 or (made.low() > 0 and shuffled <= SHUFFLED)
    return made.low(SURE_LEVEL) > 0 and shuffled <= SHUFFLED


def nothing(case: Case, trials: Trials, made: Resampled) -> bool:
    """Whether it is shown that there is nothing (worth) to learn: little at most, on rows that would have shown more.

    A tie that chance hardly gives speaks against it, however little models make of it yet, unless rows are so many that
    it may be too weak to name. Of later rows a tie counts that predictions show: what held once need not hold any more.
    """
    smallest = (made.value - made.low()) + (made.value - made.low(0.8))
    if made.high() >= LITTLE or smallest > SHOWN or not _enough(case):
        return False
    chance, shuffled = tied(case, trials)
    by_luck = chance > 1 - SURE_LEVEL and (case.timed or shuffled > SHUFFLED)
    return by_luck or (len(trials.judge) >= WEAK_ROWS and made.high() < WORTH_NAMING)


def _enough(case: Case) -> bool:
    return case.rows >= ENOUGH_ROWS and _rarer(case) >= ENOUGH_OF_EACH


def _rarer(case: Case) -> int:
    """Rows of the rarer kind of a binary target; of others all rows."""
    if case.problem != "binary":
        return case.rows
    ones = int(case.target.sum())
    return min(ones, case.rows - ones)


def _cannot_tell(case: Case, low: float, high: float) -> str:
    if _rarer(case) < ENOUGH_OF_EACH:
        rarer = case.classes[int(case.target.mean() < 0.5)]
        return (
            f"Only {_rarer(case):,} of {case.rows:,} rows are '{rarer}': too few to tell whether the other columns say"
            f" anything about '{case.target_name}'."
        )
    return (
        f"{case.rows:,} rows cannot tell: between {_share(low)} and {_share(high)} of what is uncertain about"
        f" '{case.target_name}' could be explained."
    )


def _rows(case: Case) -> str:
    return "later rows" if case.timed else "rows"


def _where(case: Case) -> str:
    return ", on later rows than were learned from" if case.timed else ""


_CHANGE = "Columns that are known before the outcome and have to do with it."


def by_chance(trials: Trials, prediction: Floats, seed: int = 0) -> float:
    """How often predictions of the judged rows would be as good if the truth had nothing to do with them.

    The truth is shuffled as its rows allow (`folds.shuffles`); the p-value counts the shuffles that are as good. Where
    rows judge each other (`both_ways`) luck is larger than shuffling shows, and the p-value is that of the larger.
    """
    count = SHUFFLES if len(trials.judge) <= MANY_ROWS else FEW_SHUFFLES
    table = _table(trials, prediction)
    real = _mean(table, trials.target, None)
    drawn = shuffles(trials.case, trials.judge, count, seed)
    return max(
        _as_good(real, np.array([_mean(table, trials.target, order) for order in orders]), both_ways(trials))
        for orders in drawn
    )


def _as_good(real: float, shuffled: Floats, twice: bool) -> float:
    """The p-value of a loss among those of shuffled truths."""
    counted = (1 + int((shuffled <= real + 1e-12 * abs(real)).sum())) / (1 + len(shuffled))
    spread = float(shuffled.std())
    if not twice or spread == 0:
        return counted
    return max(counted, NormalDist().cdf(-float(shuffled.mean() - real) / spread / BOTH_WAYS))


def both_ways(trials: Trials) -> bool:
    """Whether two rows may each have been learned from to judge the other: folds without time."""
    return not trials.case.timed and len(trials.folds) > 1


def sure_level(trials: Trials) -> float:
    """The one-sided level that a gain must clear: 99 %, and more where rows judge each other (`both_ways`)."""
    if not both_ways(trials):
        return SURE_LEVEL
    return NormalDist().cdf(BOTH_WAYS * NormalDist().inv_cdf(SURE_LEVEL))


def _table(trials: Trials, prediction: Floats) -> Floats:
    """What each judged row loses for each truth, (n, k); of a regression its prediction, (n, 1)."""
    problem, n = trials.problem, len(prediction)
    if problem.type == "regression":
        return prediction[:, None]
    codes = range(2 if problem.type == "binary" else problem.width)
    return np.stack([losses(problem, prediction, np.full(n, code)) for code in codes], axis=1)


def _mean(table: Floats, target: NDArray[Any], order: NDArray[np.int64] | None) -> float:
    truth = target if order is None else target[order]
    if table.shape[1] == 1:
        return float(np.mean((table[:, 0] - truth) ** 2))
    return float(table[np.arange(len(truth)), truth.astype(np.int64)].mean())


def _share(value: float) -> str:
    return percent(value, 1 if abs(value) < 0.1 else 0)


def _unit(case: Case) -> str:
    return "share of the variance" if case.problem == "regression" else "share of the uncertainty (log loss)"
