"""The training window by evidence: all rows, those of the last so long, or newer rows more.

Each window is tried as training would use it: at several instants before the newest rows the rung that the live release
chose is learned from what was known then, from the parts that training would have made of the window, and predicts the
rows that came next. From the simplest window on, another takes over only where it predicted them significantly better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY
from poise.errors import NotEnoughData
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.bootstrap import BlockSums, Resampled
from poise.evaluation.parts import split
from poise.evaluation.words import number
from poise.features.scope import Scope
from poise.models.base import Examples, Learner, Model, Problem
from poise.models.calibration import Calibration
from poise.models.losses import losses
from poise.models.predictor import Predictor
from poise.releases.examples import SEED, ObjectiveData
from poise.releases.learn_from import LearnFrom
from poise.releases.training import problem_of, rungs_of
from poise.spec.system import SystemSpec
from poise.spec.units import duration_text

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Progress = Callable[[str], None]

SHARES, HALF_LIVES = (2, 4, 8, 16), (4, 16)
"""Windows are these parts of the time that the rows span, and half-lives these."""
SHORTEST, FEWEST = 7 * DAY, 2000
"""A window is no shorter and holds no fewer rows: less would leave too few to judge by."""
ORIGINS, NEWEST = 3, 0.12
"""So many instants, evenly over the newest part of the rows."""
MOST_LEARNED = 20_000
"""Rows of a window that are learned from in a trial, evenly over it."""
LEVEL, WORTH = 0.95, 0.01
"""How sure it must be, of all windows that are tried together, that one is better, and by which part of the loss."""


@dataclass(frozen=True, slots=True)
class Window:
    """One way to learn: rows no older than `recent` (microseconds; None: all), which weigh half each `half_life`."""

    name: str
    recent: int | None = None
    half_life: int | None = None

    def limits(self, newest: int) -> LearnFrom:
        """What is learned from where the newest row was asked for at `newest`."""
        return LearnFrom(None if self.recent is None else newest - self.recent, self.half_life)


ALL = Window("all")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a window: its loss over the newest rows as a share of that of all rows, the gain over the one that
    was kept before it with its lower limit, and whether it replaced that."""

    name: str
    loss: float
    against: str | None
    gain: float
    low: float
    kept: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"window": self.name, "loss": self.loss, "against": self.against, "gain": self.gain,
                "gain_low": self.low, "kept": self.kept}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chosen:
    """The window that was kept, of so many that were tried on so many rows, and why."""

    window: Window
    tried: tuple[Tried, ...]
    rows: int
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"chosen": self.window.name, "rows": self.rows, "sentence": self.sentence,
                "tried": [one.to_dict() for one in self.tried]}  # fmt: skip


def windows_of(time: NDArray[np.int64]) -> list[Window]:
    """The windows that n rows at `time` (T, sorted) can carry, the simplest first.

    >>> [window.name for window in windows_of(np.arange(8000) * (DAY // 100))]
    ['all', 'the last 40d', 'the last 20d', 'weighted, half-life 20d', 'weighted, half-life 5d']
    """
    span = int(time[-1] - time[0])
    found = [ALL]
    for share in SHARES:
        recent = round(span / share / DAY) * DAY
        if recent >= SHORTEST and len(time) - int(np.searchsorted(time, time[-1] - recent)) >= FEWEST:
            found.append(Window(f"the last {duration_text(recent)}", recent=recent))
    for share in HALF_LIVES:
        half = round(span / share / DAY) * DAY
        if half > 0 and len(time) >= FEWEST:
            found.append(Window(f"weighted, half-life {duration_text(half)}", half_life=half))
    return found


def choose(
    system: SystemSpec,
    data: Mapping[str, ObjectiveData],
    rungs: Mapping[str, str],
    keep: Mapping[str, NDArray[np.bool_] | None],
    threads: int,
    progress: Progress = lambda _: None,
) -> Chosen:
    """Try the windows on the newest rows of all objectives together, each objective's losses as a share of those of
    `all`. data: every row, as `assemble` has it. rungs: objective -> the rung to try with. keep: objective -> the rows
    that may be learned from, (n,); None: all.
    """
    longest = max(data.values(), key=lambda one: len(one.requests.time))
    windows = windows_of(longest.requests.time) if longest.split.kind == "time" else [ALL]
    if len(windows) == 1:
        return Chosen(ALL, (), 0, "all rows are learned from: there are too few to try anything else")
    newest = longest.requests.time[-1 - round(NEWEST * len(longest.requests.time))]
    starts = np.linspace(newest, longest.requests.time[-1], ORIGINS + 1)[:-1].astype(np.int64)
    found: list[Floats] = []
    times: list[NDArray[np.int64]] = []
    for name, one in data.items():
        trial = Trial(system, one, rungs[name], keep[name], threads)
        for start, stop in zip(starts, [*starts[1:], one.requests.time[-1] + 1], strict=True):
            progress(f"{name}: {len(windows)} training windows")
            made = trial.at(int(start), int(stop), windows)
            if made is not None:
                found.append(made[1])
                times.append(made[0])
    if not found:
        return Chosen(ALL, (), 0, "all rows are learned from: too few are new to try anything else on")
    table, when = np.concatenate(found), np.concatenate(times)
    return _choice(windows, table, blocks_of(when))


class Trial:
    """One objective, learned from each window at an instant and judged on what came next."""

    def __init__(
        self, system: SystemSpec, data: ObjectiveData, rung: str, keep: NDArray[np.bool_] | None, threads: int
    ) -> None:
        self.system, self.data, self.keep = system, data, keep
        self.problem: Problem = problem_of(data, Scope(system, data.spec.per), threads)
        self.learner: Learner = next(one for one in rungs_of(data.spec) if one.name == rung)
        self.first: Model | None = None

    def at(self, start: int, stop: int, windows: Sequence[Window]) -> tuple[NDArray[np.int64], Floats] | None:
        """T and losses (n, windows) of the rows with start <= T < stop, as a share of the mean loss of `all`; None with
        too few rows."""
        time = self.data.requests.time
        later = np.flatnonzero((time >= start) & (time < stop))
        if len(later) < 20:
            return None
        rows = self.data.examples(later)
        columns: list[Floats] = []
        for window in windows:
            try:
                predictor = self.learned(start, window)
            except NotEnoughData:
                if window is ALL:
                    return None
                columns.append(columns[0])  # what cannot be learned is no better than all
                continue
            columns.append(losses(self.problem, predictor.predict(rows.features), rows.target))
        table = np.stack(columns, axis=1)
        return time[later], table / max(float(table[:, 0].mean()), 1e-300)

    def learned(self, start: int, window: Window) -> Predictor:
        """As training would have learned at `start`, from the parts that it would have made."""
        data = self.data
        usable = data.known_at < start
        if self.keep is not None:
            usable &= self.keep
        if window.recent is not None:
            usable &= data.requests.time >= start - window.recent
        many = np.flatnonzero(usable)
        if len(many) > MOST_LEARNED:
            usable = np.zeros(len(usable), bool)
            usable[many[np.linspace(0, len(many) - 1, MOST_LEARNED).astype(np.int64)]] = True
        parts = split(
            self.system.parts, data.requests.time, data.known_at, usable, data.groups, data.target, data.spec.type, SEED
        )
        fit, tune, calibrate = (self._examples(part, parts.learning, window) for part in
                                (parts.fit, parts.tune, parts.calibrate))  # fmt: skip
        if self.first is None:
            self.first = made = self.learner.fit(self.problem, fit, tune)
        else:
            made = self.learner.fit_like(self.first, self.problem, fit, tune)
        both = self._examples(np.concatenate([parts.fit, parts.tune]), parts.learning, window)
        model = self.learner.refit(made, self.problem, both)
        settled = Calibration.fit(
            self.problem, model.predict(calibrate.features), calibrate.target, calibrate.weight, calibrate.time
        )
        return Predictor(model, settled)

    def _examples(self, rows: Index, learned: Index, window: Window) -> Examples:
        time = self.data.requests.time
        found = self.data.examples(rows)
        ages = LearnFrom(half_life=window.half_life).ages(time[rows], time[learned])
        if ages is None:
            return found
        weight = found.weights * ages
        return Examples(found.features, found.types, found.target, weight, found.time)


def _choice(windows: Sequence[Window], table: Floats, blocks: Blocks) -> Chosen:
    """From the simplest on, the next takes over where it is significantly better. The error is divided among those that
    may take over: of six at 95 % each, one that is no better than all rows would often be taken."""
    means, level = table.mean(axis=0), 1 - (1 - LEVEL) / (len(windows) - 1)
    kept, tried = 0, [Tried(windows[0].name, float(means[0]), None, 0.0, 0.0, True)]
    sizes = np.bincount(blocks.codes, minlength=blocks.count).astype(np.float64)
    for i in range(1, len(windows)):
        gained = np.bincount(blocks.codes, table[:, kept] - table[:, i], blocks.count)
        spread = Resampled(BlockSums(np.asarray(gained, np.float64), sizes))
        low = spread.low(level)
        better = low > WORTH * float(means[kept])
        tried.append(Tried(windows[i].name, float(means[i]), windows[kept].name, spread.value, low, better))
        kept = i if better else kept
    chosen = windows[kept]
    if kept == 0:
        best = min(tried[1:], key=lambda one: one.loss)
        said = f"all rows are learned from: no window is sure to be better (the best, {best.name}, has"
        return Chosen(chosen, tuple(tried), len(table), f"{said} {number(100 * best.loss)}% of the loss)")
    said = f"{chosen.name} is learned from: on the newest {len(table):,} rows it has {number(100 * means[kept])}%"
    return Chosen(chosen, tuple(tried), len(table), f"{said} of the loss of all rows")
