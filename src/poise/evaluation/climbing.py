"""Climbing: a more complex rung is kept only where it is shown to be better by more than it is worth.

From the simplest rung up, each is compared with the one kept so far on the same validation rows. It replaces that one
only if its gain is significantly greater than `worth` (a fraction of what the best rung gains over the first).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from poise.errors import NotEnoughData
from poise.evaluation.base import Array, Metric
from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import Gain, Interval, interval, paired_gain
from poise.evaluation.words import apart, number, plain

WORTH = 0.01
"""A rung must gain more than this fraction of what the best rung gains over the simplest."""


@dataclass(frozen=True, slots=True, eq=False)
class Rung:
    """A candidate: its prediction of each validation row, (n,) or (n, k), and what it costs.

    seconds: training time; size: bytes; latency: seconds per row. None where it was not measured.
    """

    name: str
    prediction: Array
    seconds: float | None = None
    size: int | None = None
    latency: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What happened at one rung. `gain` is over the rung `against`, in the unit of the metric (positive = better)."""

    rung: str
    score: Interval
    against: str | None
    gain: Gain | None
    needed: float
    kept: bool
    """Whether it replaced the rung kept before it."""
    sentence: str
    seconds: float | None = None
    size: int | None = None
    latency: float | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For the evidence."""
        gain = self.gain
        return {
            "name": self.rung,
            "score": _finite(self.score.value),
            "low": _finite(self.score.low),
            "high": _finite(self.score.high),
            "against": self.against,
            "gain": None if gain is None else _finite(gain.value),
            "gain_low": None if gain is None else _finite(gain.low),
            "needed": _finite(self.needed),
            "kept": self.kept,
            "seconds": self.seconds,
            "bytes": self.size,
            "latency_us": None if self.latency is None else self.latency * 1e6,
            "notes": list(self.notes),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Climb:
    """The rung that was chosen, why, and each step.

    `smallest_gain` is the gain over the chosen rung that this data would have shown in 80 % of cases, as the best of
    the other rungs was compared with it; None where there was nothing to compare.
    """

    chosen: str
    steps: tuple[Step, ...]
    sentence: str
    smallest_gain: float | None

    @property
    def step(self) -> Step:
        """The step of the chosen rung."""
        return next(step for step in self.steps if step.rung == self.chosen)


def climb(
    rungs: Sequence[Rung],
    target: Array,
    metric: Metric,
    blocks: Blocks,
    worth: float = WORTH,
    prefer: Literal["simple", "best"] = "simple",
) -> Climb:
    """The simplest of `rungs` (in order of complexity) that no other is shown to beat by more than `worth`.

    `target` and each rung's prediction stand for the same validation rows, as do `blocks`. `prefer="best"` takes the
    rung with the best score instead, and the sentences say so.
    Raises `NotEnoughData` where no rung can be scored.

    >>> from poise.evaluation.blocks import blocks_of
    >>> from poise.evaluation.rmse import RootMeanSquaredError
    >>> import numpy as np
    >>> rng = np.random.default_rng(0); x = rng.normal(size=600); y = x + rng.normal(size=600) / 9
    >>> rungs = [Rung("constant", np.zeros(600)), Rung("linear", x), Rung("trees", x + rng.normal(size=600) / 99)]
    >>> climb(rungs, y, RootMeanSquaredError(), blocks_of(np.full(600, -(2**63)))).chosen
    'linear'
    """
    field = _Field(tuple(rungs), target, metric, blocks)
    best, kept = field.best(range(len(rungs))), field.scored[0]
    needed = worth * abs(field.scores[kept].value - field.scores[best].value)
    steps: list[Step] = []
    for i, rung in enumerate(rungs):
        if i not in field.scored:
            why = metric.reason(target, rung.prediction)
            steps.append(field.step(i, f"{rung.name} cannot be scored: {why}.", needed))
        elif i == field.scored[0]:
            score = f"{plain(metric.name)} {number(field.scores[i].value)}"
            steps.append(field.step(i, f"{rung.name} is the simplest: {score}.", needed, kept=True))
        else:
            gain = field.gain(kept, i)
            better = gain.low > needed
            steps.append(field.step(i, field.sentence(kept, i, gain, needed), needed, kept, gain, better))
            kept = i if better else kept
    if prefer == "best" and best != kept:
        gain = field.gain(kept, best)
        return Climb(rungs[best].name, tuple(steps), field.overridden(kept, best, gain, needed), gain.smallest + needed)
    above = [i for i in field.scored if i > kept]
    if not above:
        return Climb(rungs[kept].name, tuple(steps), steps[kept].sentence, None)
    rival = field.best(above)
    smallest = field.gain(kept, rival).smallest + needed
    words = (
        f" {rungs[rival].name} stays out; this data would have shown a gain from {number(smallest)} on"
        f" ({blocks.count} blocks by {blocks.unit})."
    )
    return Climb(rungs[kept].name, tuple(steps), steps[kept].sentence + words, smallest)


class _Field:
    """The rungs with their scores on the same rows."""

    def __init__(self, rungs: tuple[Rung, ...], target: Array, metric: Metric, blocks: Blocks) -> None:
        self.rungs, self.target, self.metric, self.blocks = rungs, target, metric, blocks
        self.scores = [interval(metric, target, rung.prediction, blocks) for rung in rungs]
        self.scored = [i for i, score in enumerate(self.scores) if isfinite(score.value)]
        if not self.scored:
            why = metric.reason(target, rungs[0].prediction) if rungs else "there are none"
            raise NotEnoughData(f"no rung can be scored by {plain(metric.name)}: {why}")

    def best(self, among: Iterable[int]) -> int:
        """The rung with the best score, the simplest of equals."""
        sign = -1.0 if self.metric.bigger_is_better else 1.0
        return min((i for i in among if i in self.scored), key=lambda i: (sign * self.scores[i].value, i))

    def gain(self, kept: int, other: int) -> Gain:
        """What `other` gains over `kept`."""
        one, two = self.rungs[kept].prediction, self.rungs[other].prediction
        return paired_gain(self.metric, self.target, one, two, self.blocks)

    def step(
        self,
        i: int,
        sentence: str,
        needed: float,
        against: int | None = None,
        gain: Gain | None = None,
        kept: bool = False,
    ) -> Step:
        """The record of one rung."""
        rung = self.rungs[i]
        name = None if against is None else self.rungs[against].name
        costs = (rung.seconds, rung.size, rung.latency, rung.notes)
        return Step(rung.name, self.scores[i], name, gain, needed, kept, sentence, *costs)

    def sentence(self, kept: int, i: int, gain: Gain, needed: float) -> str:
        """What the comparison of rung `i` with the kept one says."""
        name, simple = self.rungs[i].name, self.rungs[kept].name
        one, other = apart(self.scores[i].value, self.scores[kept].value)
        scores = f"{plain(self.metric.name)} {one} against {other} of {simple}"
        worth = f"the {number(needed)} it has to be worth"
        if gain.low > needed:
            gained = f"a gain of {number(gain.value)} (at least {number(gain.low)})"
            return f"{name} replaces {simple}: {scores}, {gained}, more than {worth}."
        if gain.high < 0:
            return f"{simple} stays: {name} is significantly worse ({scores})."
        said = f"a gain of {number(gain.value)}" if gain.value > 0 else f"worse by {number(-gain.value)}"
        between = f"(between {number(gain.low)} and {number(gain.high)})"
        return f"{simple} stays: {name} has {scores}, {said} {between}, which is not shown to be more than {worth}."

    def overridden(self, kept: int, best: int, gain: Gain, needed: float) -> str:
        """What `prefer: best` did."""
        name, simple = self.rungs[best].name, self.rungs[kept].name
        return (
            f"{name} is used because the file says `prefer: best`, although its gain of {number(gain.value)} over"
            f" {simple} (at least {number(gain.low)}) is not shown to be more than the {number(needed)} it has to be"
            f" worth; by evidence {simple} would stay."
        )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
