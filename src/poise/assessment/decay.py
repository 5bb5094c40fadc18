"""Decay: what a model that is never learned again loses against one that is, block of time by block of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.assessment.case import Case, Index
from poise.assessment.folds import apart, most_compared, sides
from poise.assessment.probing import evenly
from poise.assessment.shifting import blocks_in_time
from poise.assessment.time_words import day_of
from poise.assessment.trials import Trials
from poise.evaluation.base import Floats
from poise.evaluation.bootstrap import BlockSums, Resampled
from poise.models.losses import losses

PARTS, FIRST = 9, 3
"""The rows in the order of time, in so many parts: the frozen model learns from the first, and all others judge it."""
LEAST_PER_PART = 20
MOST_LEARNED, MOST_JUDGED = 10_000, 10_000
RUNS = 5
"""Runs of consecutive rows in a part: what intervals resample."""
HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """Per later part: when it starts, how long after learning its middle lies (microseconds), and the gain over the
    constant, as a share of its loss, of the frozen model and of one learned from the rows just before the part."""

    start: tuple[int, ...]
    age: tuple[float, ...]
    frozen: tuple[float, ...]
    renewed: tuple[float, ...]
    lost: Resampled
    """What the frozen model loses against the renewed one, as a share of `gain`, over all later parts but the first."""
    lately: Resampled
    """The same in the last two parts."""
    gain: Resampled
    """What a fresh model gains over the constant: the renewed one in all later parts, or the frozen one in the first of
    them where that is more, since after a turn a renewed model too is lost for a while."""
    half: float | None
    """After how long half of the gain is gone (microseconds); None where that was not seen."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "start": [day_of(t) for t in self.start], "days": [a / 86_400e6 for a in self.age],
            "frozen": list(self.frozen), "renewed": list(self.renewed), "lost": self.lost.value,
            "lost_lately": self.lately.value, "half_days": None if self.half is None else self.half / 86_400e6,
        }  # fmt: skip


def decay(case: Case, trials: Trials) -> Decay | None:
    """The decay of the best rung; None with too few rows or instants. Raises `NotEnoughData`."""
    order = np.argsort(case.time, kind="stable")
    parts = blocks_in_time(case.time[order], PARTS)
    if parts is None or np.bincount(parts).min() < LEAST_PER_PART:
        return None
    # Of equals the one of the earliest fold, as the frozen model learns from the earliest rows.
    rung = max(trials.chosen, key=trials.chosen.count)
    like = trials.model(rung) if trials.tried(rung)[-1].failed is None else None
    ends = np.searchsorted(parts, np.arange(PARTS + 1))
    size = int(ends[FIRST])
    learned, later_ones = apart(case, _known(case, order[:size], order[size]), order[size:], trials.seed)
    if len(learned) < LEAST_PER_PART:
        return None
    halved = len(later_ones) < case.rows - size  # keys live on: some are learned from, the others judged
    judges = np.isin(np.arange(case.rows), later_ones)
    most = most_compared(case, MOST_LEARNED)
    fixed = trials.learn(rung, evenly(learned, most), like)
    learned_at = float(case.time[order[size - 1]])
    later = range(FIRST, PARTS)
    parts_of = [order[ends[part] : ends[part + 1]] for part in later]
    judged = [evenly(rows[judges[rows]], MOST_JUDGED) for rows in parts_of]
    if min(map(len, judged)) < LEAST_PER_PART:
        return None

    def table(part: int) -> Floats:
        """The losses of the constant, the frozen and the renewed model in one part."""
        trials.progress(f"frozen model, part {part - FIRST + 1} of {PARTS - FIRST}")
        before = _known(case, order[: ends[part]], order[ends[part]])[-size:]
        recent = evenly(before[sides(case, trials.seed)[before] == 0] if halved else before, most)
        model = fixed if part == FIRST else trials.learn(rung, recent, like)
        constant = trials.learn("constant", recent)
        there = judged[part - FIRST]
        rows, truth = case.table.take(there), case.target[there]
        return _sums(
            np.stack([losses(trials.problem, m.predict(rows), truth) for m in (constant, fixed, model)], axis=1)
        )

    tables = trials.each(table, later)
    starts = [int(case.time[rows[0]]) for rows in judged]
    ages = [float(np.median(case.time[rows])) - learned_at for rows in judged]
    return _decay(np.stack(tables), starts, ages)


def _known(case: Case, rows: Index, first: int) -> Index:
    """Of `rows` those whose outcome was known when the row `first` was asked about."""
    return rows if case.known_at is None else rows[case.known_at[rows] < case.time[first]]


def _sums(table: Floats) -> Floats:
    """Mean losses of each run of consecutive rows, (runs, 3)."""
    return np.stack([part.mean(axis=0) for part in np.array_split(table, RUNS)])


def _decay(tables: Floats, starts: list[int], ages: list[float]) -> Decay:
    """tables: (parts, runs, 3), losses of the constant, the frozen and the renewed model."""
    base, frozen, renewed = tables.transpose(2, 0, 1)
    means = tables.mean(axis=1)
    gains = [(means[:, 0] - means[:, i]) / np.maximum(means[:, 0], 1e-300) for i in (1, 2)]
    gained = [(base - renewed, base), ((base - frozen)[:1], base[:1])]
    overall, fresh = (Resampled(BlockSums(saved.ravel(), of.ravel())) for saved, of in gained)
    gain = max((overall, fresh), key=lambda one: (one.low() > 0, one.value))
    ratio = max(gain.value, 1e-9)
    lost, lately = (
        Resampled(BlockSums((frozen - renewed)[part].ravel() / ratio, base[part].ravel()))
        for part in (slice(1, None), slice(-2, None))
    )
    return Decay(tuple(starts), tuple(ages), tuple(gains[0].tolist()), tuple(gains[1].tolist()), lost, lately, gain,
                 _half((means[:, 1] - means[:, 2]) / np.maximum(means[:, 0], 1e-300) / ratio, ages))  # fmt: skip


def _half(lost: Floats, ages: list[float]) -> float | None:
    """When the share that is lost, made to grow only (means of what falls), first reaches a half."""
    grown = [[float(v), 1] for v in lost]
    i = 0
    while i + 1 < len(grown):
        if grown[i][0] <= grown[i + 1][0]:
            i += 1
            continue
        (a, m), (b, n) = grown[i], grown[i + 1]
        grown[i : i + 2] = [[(a * m + b * n) / (m + n), int(m + n)]]
        i = max(0, i - 1)
    smooth = [v for v, n in grown for _ in range(int(n))]
    at = next((k for k, v in enumerate(smooth) if v >= HALF), None)
    if at is None:
        return None
    if at == 0 or smooth[at] == smooth[at - 1]:
        return ages[at]
    part = (HALF - smooth[at - 1]) / (smooth[at] - smooth[at - 1])
    return ages[at - 1] + part * (ages[at] - ages[at - 1])
