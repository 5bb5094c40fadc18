"""Who departs from their own history among what is new: rates of feedback, bursts, and rows that say the same again.

Each group's new count is judged by a beta-binomial distribution whose mean is its own history, drawn to that of all
groups as far as it is short, and moved as all others moved; how wide it is, is estimated from how groups differed
between the halves of the history. One control of false discoveries stands over all tests of all groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom

from poise.evaluation.base import ratio
from poise.monitoring.discovery import RATE, discoveries
from poise.updating.guard_groups import Grouping

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

LEAST_ROWS = 8
"""A group with fewer new rows than this is not judged: it can hardly move a model."""
LEAST_CHANGE = 0.15
"""A rate that changed by less is no departure, …"""
LEAST_BURST = 3.0
"""… nor one that has less than three times the rows that were to be expected."""
LARGEST = 1e5
"""How sure a history can make of what comes: as if of so many rows."""


@dataclass(frozen=True, slots=True)
class Departure:
    """One group whose new rows are not like its history.

    kind: `rate` (of what: `label`), `burst` or `repeated`. rows: new ones; value: what they show, usual: what was to be
    expected; p: before the control of false discoveries.
    """

    source: str
    column: str
    level: str
    kind: str
    label: str
    rows: int
    value: float
    usual: float
    p: float

    @property
    def sentence(self) -> str:
        """What stands out, in words."""
        who = f"{self.source}.{self.column} = {self.level}"
        if self.kind == "burst":
            return f"{who} has {self.rows:,} of the new rows, where {self.usual:,.1f} were to be expected"
        said = "repeat an earlier row of the day" if self.kind == "repeated" else f"have {self.label}"
        return f"{self.value:.0%} of {self.rows:,} new rows of {who} {said}, where {self.usual:.0%} was to be expected"


def departures(
    groups: Sequence[Grouping], new: Flags, flags: dict[str, Flags], again: Flags, rate: float = RATE
) -> list[Departure]:
    """The groups that depart, after the control of false discoveries.

    new: (n,) the rows that came since; the others are the history. flags: what a label can say -> which rows have it,
    (n,). again: (n,) rows that repeat an earlier one. rate: of false discoveries, at most.
    """
    found: list[Departure] = []
    for group in groups:
        for label, has in flags.items():
            found += rates(group, new, has, "rate", label)
        found += rates(group, new, again, "repeated", "")
        found += [] if group.ours else bursts(group, new)
    real = discoveries(np.array([one.p for one in found], np.float64), rate)
    return [one for one, is_real in zip(found, real, strict=True) if is_real and _matters(one)]


def _matters(one: Departure) -> bool:
    if one.kind == "burst":
        return one.value >= LEAST_BURST * one.usual
    change = one.value - one.usual
    return change >= LEAST_CHANGE if one.kind == "repeated" else abs(change) >= LEAST_CHANGE


def rates(group: Grouping, new: Flags, has: Flags, kind: str, label: str) -> list[Departure]:
    """One test per group with enough new rows: is the share of them that `has` what its history lets expect?"""
    before, after = _counted(group, ~new), _counted(group, new)
    hits_before, hits_after = _counted(group, ~new & has), _counted(group, new & has)
    tested = np.flatnonzero(after >= LEAST_ROWS)
    if not len(tested) or not before.sum():
        return []
    whole = float(hits_before.sum() / before.sum())
    drawn = _concentration(group, ~new, has, between=True)
    own = (hits_before + drawn * whole) / (before + drawn)
    # As all moved: the odds of the others' new rows, without the group's own.
    others = ratio(hits_after.sum() - hits_after + whole, after.sum() - after + 1.0, whole)
    expected = np.clip(_moved(own, whole, others), 1e-4, 1 - 1e-4)
    sure = np.minimum(before + drawn, _concentration(group, ~new, has, between=False))
    p = _two_sided(hits_after[tested], after[tested], expected[tested], sure[tested])
    shares = ratio(hits_after, after, 0.0)
    return [
        Departure(
            group.source, group.column, group.levels[at], kind, label, int(after[at]), float(shares[at]),
            float(expected[at]), float(one),
        )
        for at, one in zip(tested, p, strict=True)
    ]  # fmt: skip


def bursts(group: Grouping, new: Flags) -> list[Departure]:
    """One test per group with enough new rows: are they more than its share of the history lets expect?"""
    before, after = _counted(group, ~new), _counted(group, new)
    tested = np.flatnonzero(after >= LEAST_ROWS)
    whole, total = before.sum(), after.sum()
    if not len(tested) or not whole:
        return []
    share = (before + 1.0) / (whole + len(before))
    sure = _share_concentration(group, ~new)
    at_once = _at_once(group, ~new)  # ten rows of one list are one visit, not ten
    times, of = np.round(after[tested] / at_once), np.round(total / at_once)
    p = betabinom.sf(times - 1, of, share[tested] * sure, (1 - share[tested]) * sure)
    usual = share * total
    return [
        Departure(
            group.source, group.column, group.levels[at], "burst", "", int(after[at]), float(after[at]),
            float(usual[at]), float(min(1.0, one)),
        )
        for at, one in zip(tested, p, strict=True)
    ]  # fmt: skip


def _at_once(group: Grouping, history: Flags) -> float:
    """How many rows of one level come in one list, on average over rows of the history: of a caller all of the list."""
    there = history & (group.codes >= 0)
    if group.lists is None or not there.any():
        return 1.0
    both = group.lists[there] * np.int64(len(group.levels)) + group.codes[there]
    _, count = np.unique(both, return_counts=True)
    return float((count**2).sum() / count.sum())


def _counted(group: Grouping, rows: Flags) -> Floats:
    there = rows & (group.codes >= 0)
    return np.bincount(group.codes[there], minlength=len(group.levels)).astype(np.float64)


def _moved(own: Floats, whole: float, others: Floats) -> Floats:
    """Rates with the odds moved as those of all others moved from `whole`."""
    safe = np.clip(own, 1e-6, 1 - 1e-6)
    usual = min(max(whole, 1e-6), 1 - 1e-6)
    now = np.clip(others, 1e-6, 1 - 1e-6)
    odds = safe / (1 - safe) * (now / (1 - now)) / (usual / (1 - usual))
    return np.asarray(odds / (1 + odds))


def _two_sided(hits: Floats, rows: Floats, mean: Floats, sure: Floats) -> Floats:
    a, b = mean * sure, (1 - mean) * sure
    below, above = betabinom.cdf(hits, rows, a, b), betabinom.sf(hits - 1, rows, a, b)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(below, above)), np.float64)


def _halves(history: Flags) -> tuple[Flags, Flags]:
    """The older and the newer half of the history, in the order of T."""
    rows = np.flatnonzero(history)
    first, second = np.zeros(len(history), np.bool_), np.zeros(len(history), np.bool_)
    first[rows[: len(rows) // 2]], second[rows[len(rows) // 2 :]] = True, True
    return first, second


def _concentration(group: Grouping, history: Flags, has: Flags, *, between: bool) -> float:
    """How much rates differ, as the a + b of a beta distribution: between groups, or of one group between the halves of
    the history (moments, without what binomial chance adds)."""
    if between:
        rows, hits = _counted(group, history), _counted(group, history & has)
        if not rows.sum():
            return 1.0
        mean = hits.sum() / rows.sum()
        there = rows > 0
        apart, chance = (ratio(hits, rows, mean) - mean) ** 2, ratio(np.full(len(rows), mean * (1 - mean)), rows, 0.0)
        extra = float(np.average((apart - chance)[there], weights=np.minimum(rows[there], 100)))
    else:
        one, two = _halves(history)
        n, m = _counted(group, one), _counted(group, two)
        there = (n > 0) & (m > 0)
        if not there.any():
            return 20.0
        k, j = _counted(group, one & has)[there], _counted(group, two & has)[there]
        n, m = n[there], m[there]
        shift = j.sum() / m.sum() - k.sum() / n.sum()
        mean = (k.sum() + j.sum()) / (n.sum() + m.sum())
        apart, chance = (j / m - k / n - shift) ** 2, mean * (1 - mean) * (1 / n + 1 / m)
        extra = float(np.average(apart - chance, weights=1 / (1 / n + 1 / m))) / 2
    spread = mean * (1 - mean)
    return float(np.clip(spread / extra - 1, 2.0, LARGEST)) if extra > 0 and spread > 0 else LARGEST


def _share_concentration(group: Grouping, history: Flags) -> float:
    """The same of the groups' shares of all rows between the halves of the history."""
    one, two = _halves(history)
    n, m = _counted(group, one), _counted(group, two)
    if not n.sum() or not m.sum():
        return 100.0
    a, b = n / n.sum(), m / m.sum()
    mean = (a + b) / 2
    chance = mean * (1 - mean) * (1 / n.sum() + 1 / m.sum())
    extra = float(((a - b) ** 2 - chance).sum()) / 2
    spread = float((mean * (1 - mean)).sum())
    return float(np.clip(spread / extra - 1, 10.0, LARGEST)) if extra > 0 else LARGEST
