"""Since which day is it worse? One answer from look to look, where windows that end at the newest row move with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY
from poise.releases.training import Learned
from poise.table import MISSING_TIME

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def turning_day(time: Ints, loss: Floats, first: int, length: int) -> int:
    """The day's begin (microseconds) from which `loss` (n,) of rows at `time` (n,), ascending, is larger than before.

    first: the begin of the first window of `length` that is worse. Of the days from one window before to one after it,
    that which parts the rows best: the largest difference of means, weighed by the rows on both sides (least squares;
    Bai, Econometric Theory 1997). Where no row lies before, `first`.

    >>> time = np.arange(0, 40 * DAY, DAY // 10)
    >>> turning_day(time, (time >= 21 * DAY) * 1.0, 19 * DAY + 5, 7 * DAY) // DAY
    21
    """
    ends = np.arange((first - length) // DAY, (first + length) // DAY + 1) * DAY
    cuts = np.searchsorted(time, ends)
    begin = int(np.searchsorted(time, first - 2 * length))
    stop = len(time)
    kept = (cuts > begin) & (cuts < stop)
    if not kept.any():
        return first
    ends, cuts = ends[kept], cuts[kept]
    sums = np.concatenate([[0.0], np.cumsum(loss)])
    before, after = (cuts - begin).astype(float), (stop - cuts).astype(float)
    apart = (sums[stop] - sums[cuts]) / after - (sums[cuts] - sums[begin]) / before
    parts = np.where(apart > 0, apart**2 * before * after / (before + after), 0.0)
    return int(ends[int(np.argmax(parts))]) if parts.max() > 0 else first


def worse_since(one: Learned, first: int | None, length: int) -> int | None:
    """From which day an objective is predicted worse; `first` as above, None: not told."""
    rows = one.data.split.judge
    time = one.data.requests.time[rows]
    if first is None or not len(time) or time[0] == MISSING_TIME:
        return first
    return turning_day(time, _error(one, one.judged), first, length)


def _error(one: Learned, predicted: NDArray[np.generic]) -> Floats:
    """How far each row is off, (n,), whatever the objective's metric."""
    target, said = one.data.target[one.data.split.judge], np.asarray(predicted, np.float64)
    if said.ndim > 1 and np.ndim(target) == 1:
        return np.asarray(1 - said[np.arange(len(said)), target.astype(np.int64)], np.float64)
    found = np.abs(np.asarray(target, np.float64) - said)
    return np.asarray(found.mean(axis=1) if found.ndim > 1 else found, np.float64)
