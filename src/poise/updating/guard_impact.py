"""Does a model that learns from suspect rows do worse on trusted ones than a model that does not?

Reject on negative impact (Nelson et al., LEET 2008), for each suspect group by itself: what is odd and does no harm is
learned from, what is odd and does harm is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotEnoughData
from poise.evaluation.blocks import blocks_of
from poise.evaluation.bootstrap import BlockSums, Resampled
from poise.evaluation.parts import LEAST
from poise.features.scope import Scope
from poise.models.base import Examples, Model
from poise.models.losses import losses
from poise.releases.examples import SEED, ObjectiveData
from poise.releases.training import problem_of, rungs_of
from poise.spec.system import SystemSpec

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

MOST_LEARNED = 30_000
"""Rows that a trial learns from, evenly taken."""
LEAST_TRUSTED = 50
"""With fewer trusted rows nothing is told."""
LEVEL = 0.95
HELPS = 0.01
"""The part of their loss by which new rows must tell other new rows better."""
PLACEBOS = 6
"""Trainings without rows that nobody suspects, which say how much chance moves the loss."""
TUNED = 0.2
"""The share of the history, the newest, on which settings are chosen."""


@dataclass(frozen=True, slots=True)
class Impact:
    """What learning from some rows does to the mean loss on trusted rows: `change` as a share of the loss without them
    (positive = worse), with limits that are each one-sided at 95 %; rows: trusted ones."""

    change: float
    low: float
    high: float
    rows: int

    def to_dict(self) -> dict[str, float | int]:
        """For JSON."""
        return {"change": self.change, "low": self.low, "high": self.high, "rows": self.rows}


class Trial:
    """One objective, learned again and again from all rows but some, with the rung that is live, and judged on the
    trusted rows, (n,), from which nothing is learned.

    Settings are chosen once, on the history: what differs between two trials is what they learned from and nothing
    else. How much that does by chance is told by leaving out rows of the history that nobody suspects.
    """

    def __init__(
        self, system: SystemSpec, data: ObjectiveData, rung: str, trusted: Flags, history: Flags, threads: int
    ) -> None:
        self.system, self.data, self.trusted = system, data, np.flatnonzero(trusted)
        self.problem = problem_of(data, Scope(system, data.spec.per), threads)
        self.learner = next((one for one in rungs_of(data.spec) if one.name == rung), rungs_of(data.spec)[-1])
        self.rows = data.examples(self.trusted)
        self.blocks = blocks_of(self.rows.time)
        self.usable = _thinned(~trusted)
        self.settings = self._settled(history & self.usable)
        self.history = np.flatnonzero(history & self.usable)
        self._by_chance: float | None = None

    @property
    def tells(self) -> bool:
        """Whether there are enough trusted rows, and enough of a history to choose settings on."""
        return self.settings is not None and len(self.trusted) >= LEAST_TRUSTED

    def losses(self, without: Flags) -> Floats | None:
        """The loss of each trusted row under a model that learned from all rows but these (n,); None where too few are
        left to learn from."""
        return self._losses(without, self.rows)

    def helps(self, new: Flags, without: Flags) -> bool:
        """Whether learning from the older half of some new rows predicts their newer half surely better: then the world
        changed. Labels that somebody flipped at random teach nothing of other labels.

        without: (n,) rows that are held back already.
        """
        rows = np.flatnonzero(new)
        later = np.zeros(len(new), np.bool_)
        later[rows[len(rows) // 2 :]] = True
        judging = self.data.examples(np.flatnonzero(later))
        taught, untaught = self._losses(without | later, judging), self._losses(without | new, judging)
        if taught is None or untaught is None:
            return False
        blocks = blocks_of(judging.time)
        gained = np.bincount(blocks.codes, untaught - taught, blocks.count).astype(np.float64)
        sizes = np.bincount(blocks.codes, minlength=blocks.count).astype(np.float64)
        least = max(HELPS, self.by_chance(int(new.sum()) // 2)) * float(untaught.mean())
        return bool(Resampled(BlockSums(gained, sizes)).low(LEVEL) > least)

    def predicted(self, learned: Flags, rows: Ints) -> Floats | None:
        """What a model that learned from some rows (n,), the trusted ones left out, says of `rows`; None where too few
        are left to learn from."""
        return self._predicted(learned, self.data.examples(rows))

    def turned(self, rows: Flags, without: Flags, told: Floats) -> bool:
        """Whether it is the world that turned: of some new rows, learning from every other block of time, by itself or
        with the history, predicts those in between surely better than `told`, (n,), which knows that labels were turned
        round and nothing else.

        without: (n,) rows that are held back already.
        """
        index = np.flatnonzero(rows)
        later = np.zeros(len(rows), np.bool_)
        later[index[blocks_of(self.data.requests.time[index]).codes % 2 == 1]] = True
        judging = self.data.examples(np.flatnonzero(later))
        blocks = blocks_of(judging.time)
        sizes = np.bincount(blocks.codes, minlength=blocks.count).astype(np.float64)
        plain = losses(self.problem, told[later], judging.target)
        for learned in (rows & ~later, ~without & ~later):
            said = self._predicted(learned, judging)
            if said is not None:
                gained = plain - losses(self.problem, said, judging.target)
                sums = BlockSums(np.bincount(blocks.codes, gained, blocks.count).astype(np.float64), sizes)
                if Resampled(sums).low(LEVEL) > HELPS * float(plain.mean()):
                    return True
        return False

    def _losses(self, without: Flags, judging: Examples) -> Floats | None:
        said = self._predicted(~without, judging)
        return None if said is None else losses(self.problem, said, judging.target)

    def _predicted(self, learned: Flags, asked: Examples) -> Floats | None:
        rows = np.flatnonzero(self.usable & learned)
        if self.settings is None or len(rows) < LEAST["fit"]:
            return None
        try:
            model = self.learner.refit(self.settings, self.problem, self.data.examples(rows))
        except NotEnoughData:
            return None
        return model.predict(asked.features)

    def impact(self, one: Floats, other: Floats, among: Flags | None = None) -> Impact:
        """What the model with losses `one` has over that with `other`, paired row by row, in blocks of time; of those
        trusted rows alone that are `among` (trusted,)."""
        kept = np.ones(len(one), np.bool_) if among is None else among
        codes = self.blocks.codes[kept]
        sizes = np.bincount(codes, minlength=self.blocks.count).astype(np.float64)
        sums = np.bincount(codes, (one - other)[kept], self.blocks.count).astype(np.float64)
        spread, turned = (Resampled(BlockSums(sign * sums, sizes)) for sign in (1.0, -1.0))
        scale = max(float(other[kept].mean()), 1e-300)
        return Impact(spread.value / scale, spread.low(LEVEL) / scale, -turned.low(LEVEL) / scale, int(kept.sum()))

    def by_chance(self, rows: int) -> float:
        """How far the loss usually moves, as a share of it, where so many rows are learned from or not that are like
        the others: the root mean square of placebos."""
        if self._by_chance is None:
            random, size = np.random.default_rng(SEED), max(20, len(self.history) // 10)
            found, whole = [], self.losses(np.zeros(len(self.usable), np.bool_))
            for _ in range(PLACEBOS):
                without = np.zeros(len(self.usable), np.bool_)
                without[random.choice(self.history, size, replace=False)] = True
                made = self.losses(without)
                if whole is not None and made is not None:
                    found.append(self.impact(whole, made).change)
            spread = float(np.sqrt(np.mean(np.square(found)))) if found else 0.0
            self._by_chance = spread / np.sqrt(size)
        return self._by_chance * float(np.sqrt(rows))

    def _settled(self, history: Flags) -> Model | None:
        """The rung with its settings, chosen on the history."""
        rows = np.flatnonzero(history)
        border = int(len(rows) * (1 - TUNED))
        if border < LEAST["fit"] or len(rows) - border < LEAST["tune"]:
            return None
        try:
            fit, tune = self.data.examples(rows[:border]), self.data.examples(rows[border:])
            return self.learner.fit(self.problem, fit, tune)
        except NotEnoughData:
            return None


def _thinned(usable: Flags) -> Flags:
    """The rows that may be learned from, thinned evenly where they are many."""
    many = np.flatnonzero(usable)
    if len(many) <= MOST_LEARNED:
        return usable
    out = np.zeros(len(usable), np.bool_)
    out[many[np.linspace(0, len(many) - 1, MOST_LEARNED).astype(np.int64)]] = True
    return out
