"""Labels that say the opposite: which share of what is new was turned round by no rule of its features.

A label that was turned round with chance e is true with probability (1 - e) q + e (1 - q), q being how likely it
was: the surest rows are wrong as often as others. A world that changed moves q itself. Both are fitted at once, e and a
move of the odds, by maximum likelihood (class-independent noise: Natarajan and others, NeurIPS 2013), on predictions of
a model that learned from the history alone, and set against the history's own e.

Held back is not the batch but, by chance, each row as likely as its label is wrong. What is left has labels as likely
as without any noise (importance reweighting: Liu and Tao, IEEE PAMI 2016, done by leaving out).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY, HOUR
from poise.data.id_hash import of_numbers, together
from poise.evaluation.blocks import blocks_of
from poise.updating.guard_expected import Expected

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

SURELY = 4.0
"""So many standard errors above what the history has …"""
LEAST_SHARE = 0.02
"""… and at least such a share of the labels is not chance."""
LEAST_ROWS = 100
"""A part of the new rows with fewer is not looked at by itself."""
MOST_SHARE = 0.4
"""Labels of which nearly half and more say the opposite are no noise: then the world has turned, or all of it lies."""
FEW_DAYS = 3
"""Hours of the day are parts of so many days at least: an hour of one day is a part of its time."""
MOVES = 0.5
"""The variance of how far the odds of a part may be expected to move by themselves (in log odds, a normal prior)."""
QUARTERS = 4
OLDEST = 100
"""The lots hang on the T of so many of the oldest rows."""
STEPS = 60


@dataclass(frozen=True, slots=True)
class Share:
    """The share of labels that say the opposite: `value` with its standard error, by how much the odds moved besides,
    and how likely both make the labels (log likelihood)."""

    value: float
    error: float
    moved: float
    likely: float


@dataclass(frozen=True, slots=True, eq=False)
class Turned:
    """A part of the new rows of which more labels were turned round than in the history. rows: all of it, (n,); wrong:
    how likely the label of each of them is wrong, (n,), 0 elsewhere; told: how likely yes is where labels are turned
    round so, (n,); lots: what decides whether a row is held, (n,); share, usual: of the labels, now and in the
    history."""

    part: str
    rows: Flags
    wrong: Floats
    told: Floats
    lots: Floats
    share: float
    usual: float
    hour: bool = False
    """Whether it is an hour of the day; the world seldom turns in one hour alone."""

    @property
    def sentence(self) -> str:
        """What stands out, in words."""
        return (
            f"{self.share:.1%} of the labels of {self.part} ({int(self.rows.sum()):,}) say the opposite of what was"
            f" known, where {self.usual:.1%} usually do: these are most likely of them"
        )

    def drawn(self) -> Flags:
        """The rows to hold, each as likely as its label is wrong, (n,); the same at every look."""
        return np.asarray(self.lots < self.wrong)


def turned(expected: Expected, target: Floats, time: Ints, local: Ints, held: Flags) -> list[Turned]:
    """The parts of what is new with turned labels; empty where there are none.

    All that is new is one part; quarters of its time and hours of the day are others. Of the ways to part it the
    likeliest is taken, and none where most labels of some time say the opposite: then it is rather the world that
    turned. local: time on the wall, (n,) microseconds; held: (n,) rows that are not looked at.
    """
    best: tuple[float, list[tuple[str, Flags, Share, float]], bool] = (0.0, [], False)
    new = expected.new(held)
    plain = _fit(expected.likely[new], target[new], 0.0, free=False)[2] if new.any() else 0.0
    for names, codes in _partings(time, local, new):
        usual, spread = _usual(expected, target, time, codes, held)
        found, gained = [], 0.0
        for code, name in enumerate(names):
            rows = new & (codes == code)
            if rows.sum() < LEAST_ROWS:
                continue
            share = share_turned(expected.likely[rows], target[rows], blocks_of(time[rows]).codes)
            above = share.value - usual
            if above >= LEAST_SHARE and above > SURELY * float(np.hypot(share.error, spread)):
                found.append((name, rows, share, usual))
                without = _likelihood(_moved(expected.likely[rows], plain), target[rows])
                gained += share.likely - without - float(np.log(new.sum()))
        if any(share.value > MOST_SHARE for _, _, share, _ in found) and len(names) <= QUARTERS:
            return []
        some = len(names) <= QUARTERS or len(found) <= len(names) / 4
        if gained > best[0] and some:
            best = gained, found, len(names) > QUARTERS
    if not best[1]:
        return []
    lots = lots_of(time)
    return [_turned(expected, target, lots, *one, hour=best[2]) for one in best[1]]


def _turned(
    expected: Expected, target: Floats, lots: Floats, name: str, rows: Flags, share: Share, usual: float, *, hour: bool
) -> Turned:
    wrong, told = np.zeros(len(target)), np.zeros(len(target))
    likely = _moved(expected.likely[rows], share.moved)
    wrong[rows] = likely_wrong(likely, target[rows], share.value - usual)
    told[rows] = _told(likely, share.value)
    return Turned(name, rows, wrong, told, lots, share.value, usual, hour)


def lots_of(time: Ints) -> Floats:
    """A number from 0 to 1 for each of n rows of T `time` (microseconds). It hangs on T and, of rows of one T, on which
    it is of them: labels that become known between two looks move no other row's lot, so that looking again and again
    does not hold ever more. It hangs on the T of the oldest rows too, so that nobody picks a T that is never held.

    >>> time = np.arange(300) // 2
    >>> bool((lots_of(np.delete(time, 201)) == np.delete(lots_of(time), 201)).all()), len(set(lots_of(time).tolist()))
    (True, 300)
    """
    order = np.argsort(time, kind="stable")
    first = np.flatnonzero(np.diff(time[order], prepend=time[order][:1] - 1))
    nth = np.empty(len(time), np.int64)
    nth[order] = np.arange(len(time)) - np.repeat(first, np.diff(first, append=len(time)))
    unknown = np.full(len(time), of_numbers(time[order][:OLDEST]).sum(dtype=np.uint64))
    mixed = together([of_numbers(time), of_numbers(nth), unknown])
    return np.asarray((mixed >> np.uint64(11)) / 2.0**53)


def likely_wrong(likely: Floats, target: Floats, share: float) -> Floats:
    """How likely each label is wrong where such a share of them is, given how likely yes was, (n,).

    >>> likely_wrong(np.array([0.01, 0.01, 0.5]), np.array([1.0, 0.0, 1.0]), 0.2).round(3).tolist()
    [0.961, 0.003, 0.2]
    """
    right = np.where(target > 0.5, likely, 1 - likely)
    return np.asarray(share * (1 - right) / (share * (1 - right) + (1 - share) * right))


def share_turned(likely: Floats, target: Floats, blocks: Ints) -> Share:
    """The share of labels that say the opposite of what they should, with a move of the odds, by maximum likelihood
    (Fisher scoring from several starts); the error allows for rows of one block that depend on one another.

    >>> rng = np.random.default_rng(0)
    >>> likely = rng.beta(1, 9, 20_000)
    >>> told = (rng.random(20_000) < likely) ^ (rng.random(20_000) < 0.1)
    >>> found = share_turned(likely, told.astype(float), np.arange(20_000) % 40)
    >>> abs(found.value - 0.1) < 0.01, found.error < 0.01
    (True, True)
    """
    best = (-np.inf, 0.0, 0.0)
    for start in (0.02, 0.2, 0.8):
        best = max(best, _fit(likely, target, start, free=True))
    value, share, moved = best
    score, information = _slopes(likely, target, share, moved)
    sums = np.stack([np.bincount(blocks, column) for column in score.T], axis=1)
    inverse = _inverse(information)
    covered = inverse @ (sums.T @ sums) @ inverse
    return Share(share, float(np.sqrt(max(covered[0, 0], 0.0))), moved, value)


def _fit(likely: Floats, target: Floats, start: float, *, free: bool) -> tuple[float, float, float]:
    """(log likelihood, share, move of the odds); the share stays 0 unless it is `free`."""
    share, moved = start, 0.0
    for _ in range(STEPS):
        score, information = _slopes(likely, target, share, moved)
        total = score.sum(axis=0) - np.array([0.0, moved / MOVES])
        step = _inverse(information) @ total
        if not free or not 0 <= share + step[0] <= 1:  # at its end the share stays, and the odds move alone
            share = float(np.clip(share + step[0], 0.0, 1.0)) if free else share
            step = np.array([0.0, total[1] / information[1, 1]])
        share, moved = share + float(step[0]), moved + float(np.clip(step[1], -1, 1))
        if np.abs(step).max() < 1e-4:
            break
    chance = _told(_moved(likely, moved), share)
    return _likelihood(chance, target) - moved**2 / (2 * MOVES), share, moved


def _inverse(square: Floats) -> Floats:
    """Of a (2, 2) matrix, at once; kept away from nothing."""
    (a, b), (_, d) = square
    return np.asarray(np.array([[d, -b], [-b, a]]) / max(a * d - b * b, 1e-9 * a * d, 1e-12), np.float64)


def _likelihood(chance: Floats, target: Floats) -> float:
    return float(np.log(np.where(target > 0.5, chance, 1 - chance)).sum())


def _slopes(likely: Floats, target: Floats, share: float, moved: float) -> tuple[Floats, Floats]:
    """Of the log likelihood by share and move: of each row, (n, 2), and the information, (2, 2)."""
    q = _moved(likely, moved)
    told = _told(q, share)
    by = np.stack([1 - 2 * q, (1 - 2 * share) * q * (1 - q)], axis=1)
    spread = told * (1 - told)
    return by * ((target - told) / spread)[:, None], (by / spread[:, None]).T @ by + np.diag([0.0, 1 / MOVES])


def _told(likely: Floats, share: float) -> Floats:
    return np.asarray(np.clip((1 - share) * likely + share * (1 - likely), 1e-6, 1 - 1e-6))


def _moved(likely: Floats, by: float) -> Floats:
    odds = likely / (1 - likely) * np.exp(by)
    return np.asarray(odds / (1 + odds))


def _partings(time: Ints, local: Ints, new: Flags) -> Iterator[tuple[list[str], Ints]]:
    """Ways to part what is new: names, and of each row the place of its part, (n,)."""
    if not new.any():
        return
    yield ["all new rows"], np.zeros(len(time), np.int64)
    edges = np.quantile(time[new], np.linspace(0, 1, QUARTERS + 1)[1:-1])
    names = ["the oldest quarter", "the second quarter", "the third quarter", "the newest quarter"]
    yield [f"{name} of the new rows" for name in names], np.searchsorted(edges, time, side="right")
    if time[new].max() - time[new].min() >= FEW_DAYS * DAY:
        yield [f"new rows from {hour}:00 to {hour + 1}:00" for hour in range(24)], local % DAY // HOUR


def _usual(expected: Expected, target: Floats, time: Ints, codes: Ints, held: Flags) -> tuple[float, float]:
    """The share of such a part in the history, and how far it varies from window to window by more than chance."""
    shares, errors = [], []
    for window in range(expected.windows):
        inside = (expected.window == window) & ~held
        for code in np.unique(codes[inside]):
            rows = inside & (codes == code)
            if rows.sum() >= LEAST_ROWS:
                one = share_turned(expected.likely[rows], target[rows], blocks_of(time[rows]).codes)
                shares.append(one.value)
                errors.append(one.error)
    if not shares:
        return 0.0, LEAST_SHARE
    weights = 1 / np.maximum(np.square(errors), 1e-4**2)
    usual = float(np.average(shares, weights=weights))
    extra = float(np.average((np.array(shares) - usual) ** 2, weights=weights)) - 1 / float(np.mean(weights))
    return usual, float(np.sqrt(max(extra, 0.0)))
