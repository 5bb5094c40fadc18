"""Which rows of a label's source belong to each request, and what they amount to together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.features.keys import Codes, joint_codes
from poise.jit import compiled
from poise.spec.aggregate import Aggregate
from poise.table import MISSING_TIME, Column, History

_HOW: dict[Aggregate, int] = {"sum": 0, "mean": 1, "min": 2, "max": 3}


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """For n requests: `order[low:high]` are the positions of their rows, by τ; `own` is the place in `order` of the
    request's own row, which is never among its matches, or -1. Shapes (n,)."""

    order: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    own: NDArray[np.int64]

    @property
    def count(self) -> NDArray[np.int64]:
        """How many rows match."""
        return self.high - self.low - ((self.own >= self.low) & (self.own < self.high))

    @property
    def earliest(self) -> NDArray[np.int64]:
        """The position of the earliest match in the history, or -1."""
        out = np.full(len(self.low), -1, np.int64)
        found = self.count > 0
        first = self.low + (self.low == self.own)
        out[found] = self.order[first[found]]
        return out

    def having(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many matches are among the rows of `mask` (history.height,)."""
        before = np.concatenate([[0], np.cumsum(mask[self.order])])
        total: NDArray[np.int64] = before[self.high] - before[self.low]
        inside = (self.own >= self.low) & (self.own < self.high)
        total[inside] -= mask[self.order[self.own[inside]]]
        return total

    def latest(self, known: NDArray[np.int64]) -> NDArray[np.int64]:
        """When the last of each request's matches became known; `known` (history.height,). The smallest integer where
        nothing matched."""
        latest = np.full(len(self.low), np.iinfo(np.int64).min)
        _latest(known[self.order], self.low, self.high, self.own, latest)
        return latest

    def amount(self, values: NDArray[np.float64], how: Aggregate) -> NDArray[np.float64]:
        """The aggregate of `values` (history.height,) over each request's matches; without any, count and sum are 0,
        others NaN."""
        if how == "count":
            return self.count.astype(np.float64)
        amount: NDArray[np.float64] = _amounts(values[self.order], self.low, self.high, self.own, _HOW[how])
        return amount


def matches(
    keys: list[Column],
    row_keys: list[Column],
    history: History,
    time: tuple[NDArray[np.int64], int] | None,
    own: NDArray[np.int64] | None,
    only: NDArray[np.int64] | None,
) -> Matches:
    """Rows of `history` with the request's key and, with `time` = (T, within), τ in [T, T + within].

    `own` are the positions of the requests' own rows, where the label's source is theirs; `only` the positions that
    may match, where not all do.
    """
    codes, row_codes = joint_codes(keys, row_keys)
    if only is not None:
        allowed = np.full(len(row_codes), -1, np.int64)
        allowed[only] = row_codes[only]
        row_codes = allowed
    order = np.argsort(row_codes, kind="stable")
    low, high = _ranges(codes, row_codes[order], order, history, time)
    place = np.full(len(codes), -1, np.int64)
    if own is not None:
        inverse = np.empty(len(order), np.int64)
        inverse[order] = np.arange(len(order))
        place = inverse[own]
    return Matches(order, low, high, place)


def _ranges(
    codes: Codes, sorted_codes: Codes, order: Codes, history: History, time: tuple[NDArray[np.int64], int] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bounds in `order`. Rows stand there by key and then τ; (key, position) as one integer is searched once each."""
    first = np.zeros(len(codes), np.int64)
    last = np.full(len(codes), history.height, np.int64)
    gone = codes < 0
    if time is not None:
        asked, within = time
        first = np.searchsorted(history.time, asked, side="left")
        last = np.searchsorted(history.time, asked + within, side="right")
        gone = gone | (asked == MISSING_TIME)
    step = np.int64(history.height + 1)
    place = sorted_codes * step + order
    low = np.searchsorted(place, codes * step + first, side="left")
    high = np.searchsorted(place, codes * step + last, side="left")
    high[gone] = low[gone]
    return low, high


@compiled
def _amounts(values, low, high, own, how):  # type: ignore[no-untyped-def]
    """Sums over each range, one after the other: exact in order, and no prefix sums that lose digits."""
    out = np.full(len(low), np.nan)
    for i in range(len(low)):
        total, least, most, n = 0.0, np.inf, -np.inf, 0
        for place in range(low[i], high[i]):
            if place == own[i]:
                continue
            value = values[place]
            total += value
            least = min(least, value)
            most = max(most, value)
            n += 1
        if how == 0:
            out[i] = total
        elif n > 0:
            out[i] = total / n if how == 1 else (least if how == 2 else most)
    return out


@compiled
def _latest(known, low, high, own, out):  # type: ignore[no-untyped-def]
    """The largest of `known` in each range, the request's own row left out, where it is larger than `out`."""
    for i in range(len(low)):
        for place in range(low[i], high[i]):
            if place != own[i] and known[place] > out[i]:
                out[i] = known[place]
