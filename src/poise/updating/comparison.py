"""A candidate against the live release: on the same rows, which neither was learned from, paired and significant.

The rows are those that judge the candidate, without those that the live release was learned from: for the candidate
they come after all that it learned from, and for the live release after the last that it was calibrated on: both as
they were judged, before either learned once more (`releases.again`). Gains are differences row by row, resampled by
blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Metric
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.bootstrap import Gain, Resampled, mean_sums, paired_gain
from poise.evaluation.measures import DecisionMeasures, ObjectiveMeasures
from poise.evaluation.words import number, plain
from poise.releases.judged import Judged
from poise.releases.training import metric_of
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME

LEAST_ROWS, LEAST_BLOCKS = 100, 20
"""With fewer rows, or blocks of them, nothing can be told: as gates have it."""
WORSE = 0.95
"""How sure it must be that something is worse to keep a candidate from being released."""
SIMPLEST = 0.9
"""The part of the error that goes to learning from all rows. A window takes over only after the world has turned; what
it gains then is large, and is seen with little of the error too."""

Verdict = Literal["better", "worse", "alike", "cannot tell"]
Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that both are compared by. gain: positive = the candidate is better, in the unit of the metric; low: at
    the level that a promotion takes, high: at the level at which something counts as worse."""

    name: str
    gain: float
    low: float
    high: float
    level: float
    rows: int
    blocks: int
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, and what follows: `better` where one measure is and none is worse."""

    verdict: Verdict
    measures: tuple[Measure, ...]
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"verdict": self.verdict, "sentence": self.sentence, "measures": [asdict(one) for one in self.measures]}


def compare(system: SystemSpec, judged: Judged, weights: Mapping[str, float], level: float) -> Comparison:
    """The candidate whose judged rows these are against the live release.

    Compared are each objective by the metric that chooses its rung and, where it is known what every action would have
    come to, the utility of what each chooses under `weights`. level: how sure a gain must be, of all measures together
    (each is asked for at 1 - (1 - level) / measures: Bonferroni).
    """
    asked: list[tuple[str, Callable[[float], Measure]]] = []
    for name, made in judged.objectives.items():
        if "live" in made.baselines:
            metric = metric_of(system.objectives[name])
            asked.append((name, _objective(f"{name}.{metric.name}", metric, made)))
    if judged.decision is not None and "live" in judged.decision.terms:
        asked.append(("decision", _utility(judged.decision, weights)))
    if not asked:
        said = "it cannot be compared with the live release, which predicts something else"
        return Comparison("cannot tell", (), said)
    each = 1 - (1 - level) / len(asked)
    measures = tuple(measure(each) for _, measure in asked)
    return Comparison(_all(measures), measures, "; ".join(one.sentence for one in _telling(measures)))


def _all(measures: tuple[Measure, ...]) -> Verdict:
    verdicts = {one.verdict for one in measures}
    if "worse" in verdicts:
        return "worse"
    if "better" in verdicts:
        return "better"
    return "alike" if "alike" in verdicts else "cannot tell"


def _telling(measures: tuple[Measure, ...]) -> list[Measure]:
    """Those that decide; all where none does."""
    return [one for one in measures if one.verdict in ("better", "worse")] or list(measures)


def _objective(name: str, metric: Metric, made: ObjectiveMeasures) -> Callable[[float], Measure]:
    rows, blocks = _compared(made)

    def measure(level: float) -> Measure:
        few = _few(name, rows, blocks)
        if few is not None:
            return few
        pair = made.baselines["live"][rows], made.prediction[rows]
        gain = paired_gain(metric, made.target[rows], *pair, blocks, level)
        worse = paired_gain(metric, made.target[rows], *pair, blocks, WORSE)
        return _measure(name, plain(metric.name), gain, worse.high, level)

    return measure


def _utility(made: DecisionMeasures, weights: Mapping[str, float]) -> Callable[[float], Measure]:
    """The worth of what each chooses, as it came true."""
    own, live = (sum(weights.get(t, 1.0) * v for t, v in made.terms[p].items()) for p in ("model", "live"))
    gained = np.asarray(own - live, np.float64)
    rows, blocks = _compared(made)

    def measure(level: float) -> Measure:
        few = _few("decision", rows, blocks)
        if few is not None:
            return few
        spread = Resampled(mean_sums(gained[rows], blocks))
        gain = Gain(spread.value, spread.low(level), spread.high(level), 0.0, int(rows.sum()), spread.blocks)
        return _measure("decision", "utility per row", gain, spread.high(WORSE), level)

    return measure


def _compared(made: ObjectiveMeasures | DecisionMeasures) -> tuple[Rows, Blocks]:
    """The rows that neither was learned from, and their blocks."""
    rows = np.ones(len(made.blocks.codes), bool) if made.fresh is None else made.fresh
    timed = made.time is not None and bool((made.time != MISSING_TIME).all())
    blocks = blocks_of(made.time[rows]) if timed and made.time is not None and rows.any() else made.blocks.take(rows)
    return rows, blocks


def _few(name: str, rows: Rows, blocks: Blocks) -> Measure | None:
    count, held = int(rows.sum()), len(np.unique(blocks.codes))
    if count >= LEAST_ROWS and held >= LEAST_BLOCKS:
        return None
    said = (
        f"{name}: {count:,} rows in {held} blocks that neither was learned from are too few to tell"
        f" ({LEAST_ROWS} in {LEAST_BLOCKS} are needed)"
    )
    nan = float("nan")
    return Measure(name, nan, nan, nan, 0.0, count, held, "cannot tell", said)


def _measure(name: str, words: str, gain: Gain, high: float, level: float) -> Measure:
    """The verdict on one measure: better where even the least that the gain could be is one."""
    if not np.isfinite(gain.value):
        said = f"{name} is not defined on the rows that neither was learned from"
        return Measure(name, gain.value, gain.low, high, level, gain.rows, gain.blocks, "cannot tell", said)
    verdict: Verdict = "better" if gain.low > 0 else "worse" if high < 0 else "alike"
    what = name if words in name or words.replace(" ", "_") in name else f"{name} ({words})"
    size = number(abs(gain.value))
    said = {
        "better": f"{what} is {size} better (at least {number(gain.low)}; n = {gain.rows:,})",
        "worse": f"{what} is {size} worse (at least {number(-high)}; n = {gain.rows:,})",
    }.get(verdict, f"{what} gains {number(gain.value)} ({number(gain.low)} to {number(gain.high)}; n = {gain.rows:,})")
    return Measure(name, gain.value, gain.low, high, level, gain.rows, gain.blocks, verdict, said)


def shared_level(level: float, windows: Mapping[str, Any] | None) -> float:
    """How sure a gain must be where the window was chosen on rows that judge too: nine tenths of the error that is
    allowed go to learning from all rows, and the windows that were tried beside that share the rest, so that whichever
    is taken the whole error holds (a weighted Bonferroni bound). windows: what was tried; None: nothing was.

    >>> tried = [{"window": "all"}, {"window": "the last 30d"}, {"window": "the last 15d"}]
    >>> [round(shared_level(0.95, {"chosen": one, "tried": tried}), 4) for one in ("all", "the last 15d")]
    [0.955, 0.9975]
    """
    tried = [] if windows is None else windows["tried"]
    if windows is None or len(tried) < 2:
        return level
    simplest = windows["chosen"] == tried[0]["window"]
    return 1 - (1 - level) * (SIMPLEST if simplest else (1 - SIMPLEST) / (len(tried) - 1))
