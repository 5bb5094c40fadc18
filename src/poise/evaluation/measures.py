"""Measures: everything that requirements are judged by, gathered once for a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import Array
from poise.evaluation.blocks import Blocks
from poise.evaluation.foreseen import Foresight
from poise.spec.objective import ProblemType
from poise.table import Column

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The judged rows as items of lists: what each turned out to be worth, and how each policy scores it.

    codes: (n,) the list of each row; equal = the same list. The first row of a list speaks for it: its block is the
    list's block, and its value of a column is the slice that the list belongs to.
    relevance: (n,) what the item turned out to be worth; negative counts as 0, and a row with NaN (not known) is taken
    out of its list, counted.
    scores: policy -> (n,), larger = higher up; NaN (not eligible, or no score) comes last, tied. `model` is the release
    itself; `rule` and `live` where they exist (of an objective its own rung `rule`, of the decision the decision's
    rule); `engagement alone` for a term by itself. The policy
    `constant`, whose ties are a random order, is known without being given.
    show: the number of places that a metric without `@K` looks at.
    blocks and slices: per row, as elsewhere.
    predicted: the share of the relevance that lies in terms in which something is predicted; the rest is known before,
    to whoever sorts. None where that was not measured.
    """

    codes: NDArray[np.int64]
    relevance: Floats
    scores: Mapping[str, Floats]
    blocks: Blocks
    show: int
    slices: Mapping[str, Column] = field(default_factory=dict)
    predicted: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ObjectiveMeasures:
    """The judged rows of one objective: what came true, what was predicted, and what baselines predict.

    baselines: `constant`, `rule`, `live` (those that exist) -> prediction of the same rows. slices: the columns that
    requirements name in `by` -> one value per row. ranked: the same rows as items of lists, where the decision lists
    them; the relevance is the label. time: T of each row, (n,). fresh: the rows that the live release was not learned
    from, (n,); None where none is live.
    """

    type: ProblemType
    target: Array
    prediction: Array
    blocks: Blocks
    baselines: Mapping[str, Array] = field(default_factory=dict)
    slices: Mapping[str, Column] = field(default_factory=dict)
    ranked: Ranked | None = None
    time: NDArray[np.int64] | None = None
    fresh: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DecisionMeasures:
    """The judged rows of the decision: each term as it came true under each policy.

    terms: policy (`model`, `rule`, `live`, `always warn`, …) -> term -> (n,), NaN where it is not known.
    unknown: why the terms cannot be told for other actions than those taken (no full information and no
    propensities), as a sentence; None where they can.
    ranked: the logged lists re-ranked, where the decision lists; the relevance is the utility that came true.
    time and fresh: as of an objective.
    foresight: what the log of the live release tells of the terms beside it; None where nobody asked it.
    """

    terms: Mapping[str, Mapping[str, Floats]]
    blocks: Blocks
    units: Mapping[str, str | None] = field(default_factory=dict)
    slices: Mapping[str, Column] = field(default_factory=dict)
    unknown: str | None = None
    ranked: Ranked | None = None
    time: NDArray[np.int64] | None = None
    fresh: NDArray[np.bool_] | None = None
    foresight: Foresight | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A number that was measured, with what it could also be (the number itself where it is exact)."""

    value: float
    low: float
    high: float
    n: int = 1

    @classmethod
    def exact(cls, value: float) -> Measured:
        """A number without uncertainty, such as the size of a folder."""
        return cls(value, value, value)


@dataclass(frozen=True, slots=True, eq=False)
class ServingMeasures:
    """What driving the real server with sampled requests showed, and what training took.

    latencies: rows per request -> seconds of each request (n,), measured one after another.
    cost_per_1000 and training_cost are in the file's currency; None where the file names no price of a core hour.
    """

    latencies: Mapping[int, Floats] = field(default_factory=dict)
    release_size: Measured | None = None
    cost_per_1000: Measured | None = None
    training_cost: Measured | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """All of it. `live` is the release that serves now; `reads` counts how often these judged rows were read for a
    gate, this time included: a number that is looked at often is no longer out of sample.

    unlearned: objective, or `decision` -> why nothing was learned for it, as a sentence without its full stop. Its
    metrics `cannot tell`, which refuses nothing.
    """

    objectives: Mapping[str, ObjectiveMeasures]
    decision: DecisionMeasures | None = None
    serving: ServingMeasures = ServingMeasures()
    live: str | None = None
    reads: int = 1
    unlearned: Mapping[str, str] = field(default_factory=dict)


def quantile_measured(sample: Floats, q: float, level: float = 0.95) -> Measured:
    """The quantile `q` of `sample` (n,), with limits by order statistics, each one-sided at `level`.

    The number of values below the true quantile is binomial (David & Nagaraja, Order Statistics, 2003, 7.1). A limit
    that so few values cannot give is infinite: an upper limit of the 99 % quantile needs 299 of them.

    >>> made = quantile_measured(np.arange(1000) / 1000, 0.5)
    >>> made.value, made.low < 0.48, made.high > 0.52
    (0.4995, True, True)
    >>> quantile_measured(np.arange(298.0), 0.99).high, quantile_measured(np.arange(299.0), 0.99).high
    (inf, 298.0)
    """
    ordered = np.sort(np.asarray(sample, np.float64))
    n = len(ordered)
    if not n:
        nan = float("nan")
        return Measured(nan, -np.inf, np.inf, 0)
    at_most = _binomial(n, q)
    above = int(np.searchsorted(at_most, level))
    below = int(np.searchsorted(at_most, 1 - level, side="right")) - 1
    high = float(ordered[above]) if above < n else float("inf")
    low = float(ordered[below]) if below >= 0 else float("-inf")
    return Measured(float(np.quantile(ordered, q)), low, high, n)


def needed_for_quantile(q: float, level: float = 0.95) -> int:
    """How many values give an upper limit of the quantile `q`.

    >>> needed_for_quantile(0.99)
    299
    """
    return int(np.ceil(np.log(1 - level) / np.log(q)))


def _binomial(n: int, q: float) -> Floats:
    """P(at most k of n values lie below the quantile q) for k = 0 … n - 1."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    k = np.arange(n)
    terms = logs[n] - logs[k] - logs[n - k] + k * np.log(q) + (n - k) * np.log1p(-q)
    return np.asarray(np.cumsum(np.exp(terms)))
