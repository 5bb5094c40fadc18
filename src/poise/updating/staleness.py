"""Staleness, measured on past data: what a model that is learned no more loses as it grows older, and what pays.

At instants evenly over the later part of the rows the rung that the live release chose is learned from what was known
then, as training would have, and predicts everything that came later. A model of some age is compared with the one that
was learned just before the same rows, so that times that are hard for every model do not count. What it loses is given
as a share of what a fresh model gains over the constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import isfinite, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY
from poise.errors import NotEnoughData
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.bootstrap import BlockSums, Resampled
from poise.evaluation.words import number
from poise.models.losses import losses
from poise.models.predictor import Predictor
from poise.releases.examples import ObjectiveData
from poise.spec.system import SystemSpec
from poise.updating.windows import ALL, Trial

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Progress = Callable[[str], None]
EDGES, FIRST = 8, 0.4
"""So many models are learned, at instants from this share of the rows on."""
LEAST = 100
"""Rows between two instants."""
MOST_JUDGED = 5_000
"""Rows between two instants that judge, evenly over them."""


@dataclass(frozen=True, slots=True)
class Aged:
    """What models lose that are so many days old: a share of what a fresh one gains, with one-sided 95 % limits."""

    days: float
    lost: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True)
class Staleness:
    """How fast one objective's model loses value. rate: the share of its gain lost per day, with its limits; NaN, and
    nothing in `aged`, where fresh models are not sure to gain anything over the constant, so that nothing can be lost.
    None of half_life and interval where no loss is shown, or nothing says what the gain is worth. Ages and intervals
    are in days, costs in the file's currency: `cost` of learning once, `worth` of what a fresh model gains per day."""

    objective: str
    aged: tuple[Aged, ...]
    rate: float
    rate_low: float
    rate_high: float
    age: float | None
    half_life: float | None
    cost: float | None
    worth: float | None
    interval: float | None
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        made = asdict(self)
        return {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in made.items()}


def staleness(
    system: SystemSpec,
    data: Mapping[str, ObjectiveData],
    rungs: Mapping[str, str],
    keep: Mapping[str, NDArray[np.bool_] | None],
    *,
    learned_until: Mapping[str, int],
    now: int,
    cost: float | None,
    worth: float | None,
    threads: int,
    progress: Progress = lambda _: None,
) -> list[Staleness]:
    """Each objective's. data: every row, as `assemble` has it; rungs, keep: as for windows. learned_until: the last T
    that the live release was learned from; now: the system's clock (microseconds).

    Raises `NotEnoughData` where rows have no time, or are too few.
    """
    found = []
    for name, one in data.items():
        progress(f"{name}: {EDGES} models of other ages")
        made = _measured(system, one, rungs[name], keep[name], threads)
        age = (now - learned_until[name]) / DAY if name in learned_until else None
        if made is None:
            found.append(_nothing_gained(name, age, cost, worth))
        else:
            found.append(_told(name, *made, age=age, cost=cost, worth=worth))
    return found


def _measured(
    system: SystemSpec, data: ObjectiveData, rung: str, keep: NDArray[np.bool_] | None, threads: int
) -> tuple[list[Aged], Resampled] | None:
    """What is lost by age, and the loss per day over all ages, as shares of what a fresh model gains over the constant;
    None where it is not sure to gain anything."""
    time = data.requests.time
    if data.split.kind != "time":
        raise NotEnoughData(f"rows of {data.name} have no time, so that no model of them has an age")
    starts = np.linspace(time[round(FIRST * (len(time) - 1))], time[-1], EDGES + 1).astype(np.int64)
    later = [_evenly(np.flatnonzero((time >= a) & (time < b))) for a, b in pairwise(starts)]
    if min(map(len, later)) < LEAST:
        raise NotEnoughData(f"{min(map(len, later)):,} rows of {data.name} in {1 / EDGES:.0%} of the time are too few"
                            f" ({LEAST} are needed)")  # fmt: skip
    trial = Trial(system, data, rung, keep, threads)
    models = [trial.learned(int(start), ALL) for start in starts[:-1]]
    constant = Trial(system, data, "constant", keep, threads).learned(int(starts[0]), ALL)
    base = [_losses(trial, constant, rows) for rows in later]
    fresh = [_losses(trial, models[i], rows) for i, rows in enumerate(later)]
    gains = np.concatenate(base) - np.concatenate(fresh)
    found = _spread(gains, np.ones(len(gains)), blocks_of(time[np.concatenate(later)]))
    gain = found.value
    if not found.low() > 0:
        return None
    width = float(starts[1] - starts[0]) / DAY
    ages, rates = [], []
    for age in range(1, EDGES):
        pairs = [(b, _losses(trial, models[b - age], later[b]) - fresh[b]) for b in range(age, EDGES)]
        lost = np.concatenate([one for _, one in pairs])
        when = np.concatenate([time[later[b]] for b, _ in pairs])
        spread = _spread(lost, np.ones(len(lost)), blocks_of(when))
        ages.append(Aged(age * width, spread.value / gain, spread.low() / gain, spread.high() / gain, len(lost)))
        rates.append((lost * age * width, np.full(len(lost), (age * width) ** 2), when))
    sums, sizes, when = (np.concatenate([one[i] for one in rates]) for i in range(3))
    return ages, _spread(np.asarray(sums / gain), np.asarray(sizes, np.float64), blocks_of(when))


def _evenly(rows: Index) -> Index:
    return rows if len(rows) <= MOST_JUDGED else rows[np.linspace(0, len(rows) - 1, MOST_JUDGED).astype(np.int64)]


def _losses(trial: Trial, predictor: Predictor, rows: Index) -> Floats:
    found = trial.data.examples(rows)
    return losses(trial.problem, predictor.predict(found.features), found.target)


def _spread(values: Floats, sizes: Floats, blocks: Blocks) -> Resampled:
    """Sums of values over sums of sizes, by block."""
    sums, weights = (np.bincount(blocks.codes, one, blocks.count) for one in (values, sizes))
    return Resampled(BlockSums(np.asarray(sums, np.float64), np.asarray(weights, np.float64)))


def _nothing_gained(name: str, age: float | None, cost: float | None, worth: float | None) -> Staleness:
    said = (
        f"{name}: models that were just learned are not sure to be better than the constant on the rows that came next,"
        " so that there is nothing to lose with age."
    )
    return Staleness(name, (), nan, nan, nan, age, None, cost, worth, None, said)


def _told(
    name: str,
    aged: list[Aged],
    rate: Resampled,
    *,
    age: float | None,
    cost: float | None,
    worth: float | None,
) -> Staleness:
    """The sentence, and the interval that pays: what learning costs is spread over it, and half of what is lost at its
    end is lost on average, so that it is sqrt(2 cost / (worth x rate))."""
    value, low, high = rate.value, rate.low(), rate.high()
    shown = low > 0
    half = 0.5 / value if shown else None
    pays = sqrt(2 * cost / (worth * value)) if shown and cost and worth else None
    if not shown:
        said = (
            f"{name}: no loss with age is shown (at most {number(100 * max(high, 0.0))}% of what it gains per day):"
            " learning again pays only where something changes"
        )
    else:
        limits = f"{number(100 * low)} to {number(100 * high)}%"
        said = f"{name} loses {number(100 * value)}% of what it gains per day ({limits})"
        said += f", half of it in {number(0.5 / value)} days"
        if pays is not None:
            said += f"; learning every {number(pays)} days pays best"
        if age is not None:
            said += (
                f"; the live release is {number(age)} days old, {number(100 * min(age * value, 1.0))}% of it is lost"
            )
    return Staleness(name, tuple(aged), value, low, high, age, half, cost, worth, pays, said + ".")
