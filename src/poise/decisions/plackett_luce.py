"""Plackett-Luce orders: places are filled one after the other, each in proportion to the weights exp(logit) of who is
left (Luce, Individual choice behavior, 1959; Plackett, The analysis of permutations, Applied Statistics 24, 1975).

Drawn by one exponential clock per item, E_i ~ Exp(w_i): who rings first comes first. That is the Gumbel-top-k trick
(-log E_i is a Gumbel variable around the logit; Kool, van Hoof and Welling, Stochastic beams and where to find them,
ICML 2019), and it also gives the probability that item i stands at place p without going through all orders: when i's
clock rings at t, exactly p - 1 of the others have rung,

    P(i at p) = integral of w_i exp(-w_i t) PB_{p-1}({1 - exp(-w_j t), j != i}) dt,

PB being the Poisson-binomial distribution of how many. It is built up from the items before and after i, so that
nothing is subtracted and even tiny probabilities keep their digits. The trapezoid rule in x, log t = x - exp(-x),
converges geometrically (Trefethen and Weideman, The exponentially convergent trapezoidal rule, SIAM Review 56, 2014):
some 60 points give 11 digits for 10 places.

Items come the best first. Where neighbours are more than `GAP` apart, those above always come before those below:
each such group is an order of its own.

Loops stand where arrays could be added or assigned: Numba takes seconds to compile its checks of their shapes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.decisions.terms import Floats
from poise.jit import compiled, compiled_part

Index = NDArray[np.int64]

SAME = 1e-12
"""Scores whose range is less than this share of their size are equal: what is between them is rounding."""
GAP = 27.6
"""Odds of 1e12 to 1 between neighbours: nobody will see the other order drawn."""
MOST, TINY = 1e300, 1e-300
STEP, NARROW = 0.25, 0.55
"""The step of x is `STEP`, and for k places at most `NARROW` / sqrt(k), since what is integrated is that narrow."""
START, BEYOND = -3.2, 40.0
"""x starts where 1e-12 of the first clock's mass is past, and ends so many means of the k-th clock after 0."""
COARSE = 2.4
"""How much coarser the points may be where 5 digits are enough."""


def standard(scores: Floats) -> Floats:
    """Scores of m items, the best first, (m,), below the best and in standard deviations: 0 and less; 0 where all are
    equal.

    NaN counts as the lowest score. Raises `ValueError` where they are not sorted.

    >>> standard(np.array([3.0, 1.0, np.nan])).round(4).tolist()
    [0.0, -2.1213, -2.1213]
    >>> standard(np.array([0.1 + 0.2, 0.3])).tolist()
    [0.0, 0.0]
    """
    unknown = np.isnan(scores)
    if unknown.all():
        return np.zeros(len(scores))
    if unknown.any():
        scores = np.where(unknown, np.nanmin(scores), scores)
    known = np.minimum(np.maximum(scores, -MOST), MOST)
    if (known[1:] > known[:-1]).any():
        raise ValueError("scores are explored the best first; these are not sorted")
    known = known / max(abs(known[0]), abs(known[-1]), TINY)
    known -= known[0]
    if known[-1] >= -SAME:
        return np.zeros(len(scores))
    away = known - np.add.reduce(known) / len(known)
    return np.asarray(known / np.sqrt(np.add.reduce(away * away) / len(known)))


def logits(scores: Floats, temperature: float) -> Floats:
    """The logits of m items, (m,), the largest 0: score / (temperature x s), s the standard deviation of `scores`.

    temperature > 0; `scores` as for `standard`.

    >>> logits(np.array([3.0, 1.0]), temperature=0.5).tolist()
    [0.0, -4.0]
    """
    return np.maximum(standard(scores) / max(temperature, TINY), -MOST)


def order(logits: Floats, random: Floats) -> Index:
    """One order of all items, (m,) indices, made of uniform numbers between 0 and 1, (m,).

    >>> order(np.array([0.0, -0.7]), np.array([0.5, 0.9])).tolist()
    [1, 0]
    """
    group = np.zeros(len(logits), np.int64)
    group[1:] = np.cumsum(logits[:-1] - logits[1:] > GAP)
    return np.lexsort((np.log(-np.log(random)) - logits, group))


def marginals(logits: Floats, places: int) -> Floats:
    """P(item i at place p) for places 1..`places` <= m, (m, places).

    logits: (m,), the best first. Takes m x places^2 steps for each of about 100 points.

    >>> marginals(np.log([1.0, 0.5]), 2).round(6).tolist()
    [[0.666667, 0.333333], [0.333333, 0.666667]]
    """
    return np.asarray(_marginals(logits, places))


def shown(logits: Floats, order: Index) -> Floats:
    """P(item order[p] at place p), (k,), of the first k places of one order: k entries of `marginals`, at a k-th of
    its price.

    >>> shown(np.log([1.0, 0.5]), np.array([1])).round(6).tolist()
    [0.333333]
    """
    out = np.zeros(len(order))
    _shown(logits, order, out)
    return out


def expected_worth(standards: Floats, sizes: Index, values: Floats, exposure: Floats, temperature: float) -> Floats:
    """What drawn lists are worth on average: the sum over lists, items and places of value x exposure x P, (terms,).

    standards: `standard` scores of each list, (lists, m), of which the first `sizes` (lists,) count; values: (terms,
    lists, m); exposure: (terms, places). To 5 digits, in some 50 microseconds per list of 20.

    >>> standards, values, exposure = np.array([[0.0, -2.0]]), np.array([[[1.0, 0.0]]]), np.array([[1.0, 0.5]])
    >>> expected_worth(standards, np.array([2]), values, exposure, 2 / np.log(2)).round(4).tolist()
    [0.8333]
    """
    out = np.zeros(len(values))
    _expected_worth(standards, sizes, values, exposure, max(temperature, TINY), out)
    return out


@compiled_part
def _end(logits: Floats, start: int) -> int:
    """Where the group that begins at `start` ends."""
    end = start + 1
    while end < len(logits) and logits[end - 1] - logits[end] <= GAP:
        end += 1
    return end


@compiled_part
def _group(logits: Floats, start: int, end: int) -> Floats:
    """The logits of a group, the largest 0."""
    out = np.empty(end - start)
    for i in range(start, end):
        out[i - start] = logits[i] - logits[start]
    return out


@compiled_part
def _points(logits: Floats, places: int, coarse: float) -> tuple[float, float, int]:
    """The log of the mean time of the first clock, the step of x, and how many points there are, where the largest of
    `logits` is 0 (so that digits are not spent on how far a group lies behind)."""
    step = coarse * min(STEP, NARROW / np.sqrt(places))
    rate = 0.0
    for i in range(len(logits)):
        rate += np.exp(logits[i])
    first = -np.log(rate)
    last = np.log(BEYOND + 2.0 * places) - logits[places - 1] - first
    return first, step, int((last - START) / step) + 2


@compiled_part
def _time(first: float, step: float, point: int) -> tuple[float, float]:
    """The log of the time of a point, and which share of its own size that time stands for."""
    x = START + point * step
    return x - np.exp(-x) + first, step * (1.0 + np.exp(-x))


@compiled_part
def _rung(logits: Floats, time: float, yes: Floats, no: Floats, now: Floats) -> None:
    """The probabilities that each clock has rung by now and that it has not, both to all digits, and the density of
    ringing now, on a logarithmic clock."""
    for i in range(len(logits)):
        due = np.exp(logits[i] + time)
        if due < 0.5:
            yes[i] = -np.expm1(-due)
            no[i] = 1.0 - yes[i]
        else:
            no[i] = np.exp(-due)
            yes[i] = 1.0 - no[i]
        now[i] = due * no[i] if no[i] > 0.0 else 0.0


@compiled_part
def _count(out: Floats, so_far: Floats, yes: float, no: float) -> None:
    """The distribution of how many have rung, (k,) and no further, when one more clock is heard."""
    out[0] = so_far[0] * no
    for a in range(1, len(out)):
        out[a] = so_far[a] * no + so_far[a - 1] * yes


@compiled
def _marginals(logits: Floats, places: int) -> Floats:
    out = np.zeros((len(logits), places))
    start = 0
    while start < places:
        end = _end(logits, start)
        last = min(places, end)
        if end - start == 1:
            out[start, start] = 1.0
        else:
            _add_marginals(out[start:end, start:last], _group(logits, start, end))
        start = end
    return out


@compiled_part
def _add_marginals(out: Floats, logits: Floats) -> None:
    n, k = out.shape
    yes, no, now = np.empty(n), np.empty(n), np.empty(n)
    before, after = np.zeros((n + 1, k)), np.zeros((n + 1, k))
    before[0, 0] = after[n, 0] = 1.0
    first, step, points = _points(logits, k, 1.0)
    for point in range(points):
        time, share = _time(first, step, point)
        _rung(logits, time, yes, no, now)
        for i in range(n):
            _count(before[i + 1], before[i], yes[i], no[i])
        for i in range(n - 1, -1, -1):
            _count(after[i], after[i + 1], yes[i], no[i])
        for i in range(n):
            for a in range(k):
                for b in range(k - a):
                    out[i, a + b] += share * now[i] * before[i, a] * after[i + 1, b]


@compiled
def _shown(logits: Floats, order: Index, out: Floats) -> None:
    start = np.int64(0)  # a plain 0 is a type of its own: `_end` and `_group` would be compiled for both
    while start < len(order):
        end = _end(logits, start)
        last = min(len(order), end)
        if end - start == 1:
            out[start] = 1.0 if order[start] == start else 0.0
        else:
            _add_shown(out[start:last], _group(logits, start, end), order[start:last], start)
        start = end


@compiled_part
def _add_shown(out: Floats, logits: Floats, order: Index, start: int) -> None:
    """One group, whose items begin at `start`; those of other groups that stand there keep 0."""
    own, place, rest = np.empty(len(order)), np.empty(len(order), np.int64), np.empty(len(logits))
    is_shown = np.zeros(len(logits), np.bool_)
    n, others = 0, 0
    for i in range(len(order)):
        item = order[i] - start
        if item >= 0 and item < len(logits):
            own[n], place[n] = logits[item], i
            is_shown[item] = True
            n += 1
    for i in range(len(logits)):
        if not is_shown[i]:
            rest[others] = logits[i]
            others += 1
    _add_shown_of(out, rest[:others], own[:n], place, _points(logits, len(order), 1.0))


@compiled_part
def _add_shown_of(out: Floats, rest: Floats, own: Floats, place: Index, points: tuple[float, float, int]) -> None:
    """Of the items that are shown, `own`, only the place of each; the rest is counted but once.

    The points stand side by side in the innermost loops, so that a processor takes several of them at a time.
    """
    n, k, first, step, size = len(own), len(out), points[0], points[1], points[2]
    clock, share = np.empty(size), np.empty(size)
    for point in range(size):
        time, share[point] = _time(first, step, point)
        clock[point] = np.exp(time)
    yes, no, now = np.empty((n + 1, size)), np.empty((n + 1, size)), np.empty((n + 1, size))
    before, after = np.zeros((n + 1, k, size)), np.zeros((n + 1, k, size))
    for point in range(size):
        before[0, 0, point] = after[n, 0, point] = 1.0
    for j in range(len(rest)):
        _rung_at(np.exp(rest[j]), clock, yes[n], no[n], now[n])
        for a in range(k - 1, 0, -1):
            for point in range(size):
                before[0, a, point] = before[0, a, point] * no[n, point] + before[0, a - 1, point] * yes[n, point]
        for point in range(size):
            before[0, 0, point] *= no[n, point]
    for i in range(n):
        _rung_at(np.exp(own[i]), clock, yes[i], no[i], now[i])
        _count_at(before[i + 1], before[i], yes[i], no[i])
    for i in range(n - 1, -1, -1):
        _count_at(after[i], after[i + 1], yes[i], no[i])
    for i in range(n):
        total = 0.0
        for a in range(place[i] + 1):
            for point in range(size):
                total += share[point] * now[i, point] * before[i, a, point] * after[i + 1, place[i] - a, point]
        out[place[i]] += total


@compiled_part
def _rung_at(rate: float, clock: Floats, yes: Floats, no: Floats, now: Floats) -> None:
    """As `_rung`, of one clock at many times."""
    for point in range(len(clock)):
        due = rate * clock[point]
        if due < 0.5:
            yes[point] = _soon(due)
            no[point] = 1.0 - yes[point]
        else:
            no[point] = np.exp(-due)
            yes[point] = 1.0 - no[point]
        now[point] = due * no[point] if no[point] > 0.0 else 0.0


@compiled_part
def _soon(due: float) -> float:
    """1 - exp(-due) to all digits, for due < 0.5: the Taylor series, whose rest is below 5e-17 of it."""
    total = 1.0
    for term in range(15, 1, -1):
        total = 1.0 - due / term * total
    return due * total


@compiled_part
def _count_at(out: Floats, so_far: Floats, yes: Floats, no: Floats) -> None:
    """As `_count`, (k, times)."""
    for point in range(len(yes)):
        out[0, point] = so_far[0, point] * no[point]
    for a in range(1, len(out)):
        for point in range(len(yes)):
            out[a, point] = so_far[a, point] * no[point] + so_far[a - 1, point] * yes[point]


@compiled
def _expected_worth(
    standards: Floats, sizes: Index, values: Floats, exposure: Floats, temperature: float, out: Floats
) -> None:
    for each in range(len(sizes)):
        logits = np.empty(sizes[each])
        for i in range(len(logits)):
            logits[i] = standards[each, i] / temperature
        places = min(exposure.shape[1], sizes[each])
        start = np.int64(0)
        while start < places:
            end = _end(logits, start)
            last = min(places, end)
            if end - start == 1:
                for term in range(len(out)):
                    out[term] += values[term, each, start] * exposure[term, start]
            else:
                _add_worth(out, _group(logits, start, end), values[:, each, start:end], exposure[:, start:last])
            start = end


@compiled_part
def _add_worth(out: Floats, logits: Floats, values: Floats, exposure: Floats) -> None:
    """One group. What a place is worth to item i is summed from behind, over how many of those after i have rung."""
    n, k = len(logits), exposure.shape[1]
    yes, no, now, before, ahead = np.empty(n), np.empty(n), np.empty(n), np.zeros((n + 1, k)), np.empty(k)
    before[0, 0] = 1.0
    found = np.zeros((len(values), k))  # by how many rang before: side by side, so that sums need not wait
    first, step, points = _points(logits, k, COARSE)
    for point in range(points):
        time, share = _time(first, step, point)
        _rung(logits, time, yes, no, now)
        for i in range(n):
            _count(before[i + 1], before[i], yes[i], no[i])
        for term in range(len(values)):
            for a in range(k):
                ahead[a] = exposure[term, a]
            for i in range(n - 1, -1, -1):
                for a in range(k):
                    found[term, a] += share * now[i] * values[term, i] * before[i, a] * ahead[a]
                for a in range(k - 1):
                    ahead[a] = no[i] * ahead[a] + yes[i] * ahead[a + 1]
                ahead[k - 1] *= no[i]
    for term in range(len(values)):
        total = 0.0
        for a in range(k):
            total += found[term, a]
        out[term] += total
