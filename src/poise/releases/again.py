"""What answers, learned once more: the judged model with the same settings, from the rows that judged it too.

Models are judged on the newest rows, so what was judged never learned from them, and is as much older. Where updates
ask for it, the model that was chosen, calibrated and judged is fitted again on all rows that may be learned from, with
the settings and the calibration that were judged. What was judged is kept, and releases are compared by it, like with
like: for what answers no row is left that it has not learned from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poise.clock import to_text
from poise.errors import NotEnoughData
from poise.evaluation.parts import Index
from poise.models.base import Learner, Problem
from poise.models.losses import losses
from poise.models.predictor import Predictor
from poise.releases.examples import ObjectiveData


@dataclass(frozen=True, slots=True, eq=False)
class LearnedAgain:
    """A judged model that was learned again. predictor: what answers; None where it does not, and `why` says why.

    rows: what it learned from; since, until: T of the first and the last (microseconds).
    """

    predictor: Predictor | None
    rows: Index
    since: int
    until: int
    why: str = ""

    def to_dict(self, zone: str) -> dict[str, Any] | None:
        """For the evidence: the rows, as of a part; None where what was judged answers."""
        if self.predictor is None:
            return None
        return {"rows": len(self.rows), "from": to_text(self.since, zone), "to": to_text(self.until, zone)}


def learned_again(data: ObjectiveData, problem: Problem, learner: Learner, judged: Predictor) -> LearnedAgain | None:
    """The judged model, fitted on `data.again`; None where nothing is to be learned again.

    It answers only if it reads nothing that callers were not asked for, and is not worse on the rows that judged than
    what was judged: as it has learned from them, that would show that something is wrong with it.
    """
    if data.again is None:
        return None
    examples = replace(data, ages=data.again.ages).examples(data.again.rows)
    ends = int(examples.time.min()), int(examples.time.max())
    try:
        model = learner.refit(judged.model, problem, examples)
    except NotEnoughData as reason:
        return LearnedAgain(None, data.again.rows, *ends, f"It was not learned again: {reason.message}.")
    made = Predictor(model, judged.calibration)
    why = _against(data, problem, made, judged)
    return LearnedAgain(made if why is None else None, data.again.rows, *ends, why or "")


def _against(data: ObjectiveData, problem: Problem, made: Predictor, judged: Predictor) -> str | None:
    """What speaks against letting it answer; None where nothing does."""
    more = sorted(set(made.inputs) - set(judged.inputs))
    if more:
        return f"What was judged answers: learned again, it reads {', '.join(more)} too."
    rows = data.examples(data.split.judge)
    after, before = (float(losses(problem, one.predict(rows.features), rows.target).mean()) for one in (made, judged))
    if not np.isfinite(after) or after > before:
        scores = f"{after:.4g} against {before:.4g}"
        return f"What was judged answers: learned again, it is worse on the rows that judged ({scores})."
    return None
