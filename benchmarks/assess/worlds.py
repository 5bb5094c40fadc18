"""Worlds: what the target depends on, drawn at random, with the verdicts that are right there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf

import numpy as np
import polars as pl
from scipy.stats import norm

from benchmarks.assess.inputs import Column, Random, Values, clutter, columns, standard, with_holes

ML, RULE, PART = "use ML", "use the rule", "use ML for this part"
COLLECT, NOT, PERSON = "collect data first", "do not use ML", "needs a person"
NOTHING = frozenset({NOT, COLLECT})


@dataclass(frozen=True)
class World:
    """One table whose truth is known.

    right: the verdicts that are right. named: columns that a finding must name. evidence: how much these rows say, in
    nats, in favour of what is right against what is simpler; infinite where nothing is simpler than what is right.
    """

    frame: pl.DataFrame
    right: frozenset[str]
    time: str | None = None
    key: str | None = None
    named: tuple[str, ...] = ()
    evidence: float = inf


@dataclass(frozen=True)
class Draw:
    """What a kind may choose from: the generator, sizes, and whether rows have a time."""

    random: Random
    rows: int
    problem: str
    timed: bool
    rate: float = field(default=0.5)
    """Share of the positives, for a binary target."""

    def columns(self, low: int = 4, high: int = 25) -> list[Column]:
        """Some columns."""
        return columns(self.random, self.rows, int(self.random.integers(low, high)))

    def pick(self, among: list[Column], low: int, high: int) -> list[Column]:
        """Some of these columns, in a random order."""
        count = min(int(self.random.integers(low, high)), len(among))
        return [among[at] for at in self.random.permutation(len(among))[:count]]


def target(draw: Draw, score: Values, share: float) -> pl.Series:
    """The target of a score, of whose variation this share is the score's and the rest is chance."""
    random, rows = draw.random, draw.rows
    noisy = standard(score) * share**0.5 + random.normal(0, (1 - share) ** 0.5, rows)
    if draw.problem == "regression":
        if random.random() < 0.25:  # amounts: many small, few large
            noisy = np.exp(random.uniform(0.3, 0.8) * noisy)
        return pl.Series("outcome", np.round(random.uniform(-100, 100) + noisy * 10 ** random.uniform(-1, 3), 6))
    if draw.problem == "binary":
        return pl.Series("outcome", np.where(noisy > np.quantile(noisy, 1 - draw.rate), "won", "lost"))
    levels = int(random.integers(3, 7))
    edges = np.quantile(noisy, np.cumsum(random.dirichlet(np.full(levels, 8.0)))[:-1])
    names = np.array([f"kind {letter}" for letter in "ABCDEFG"[:levels]])
    return pl.Series("outcome", random.permutation(names)[np.searchsorted(edges, noisy)])


def clock(draw: Draw) -> pl.Series:
    """When rows happened, in order, over some weeks to years."""
    start = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=float(draw.random.uniform(0, 700)))
    span = float(draw.random.uniform(30, 900))
    at = np.sort(draw.random.random(draw.rows))
    if draw.random.random() < 0.5:  # many rows of one day share its stamp
        at = np.floor(at * span) / span
    return pl.Series("happened_at", [start + timedelta(days=span * float(share)) for share in at])


def table(draw: Draw, made: list[Column], outcome: pl.Series, *more: pl.Series) -> pl.DataFrame:
    """The table as somebody would export it: columns in any order, with holes, with what else stands there."""
    shown = [with_holes(draw.random, column, 0.2) for column in made]
    shown += [*clutter(draw.random, draw.rows), outcome, *more]
    frame = pl.DataFrame([shown[at] for at in draw.random.permutation(len(shown))])
    return frame.with_columns(clock(draw)) if draw.timed else frame.sample(fraction=1.0, shuffle=True, seed=1)


def world(
    draw: Draw, made: list[Column], outcome: pl.Series, right: frozenset[str], *more: pl.Series, evidence: float = inf
) -> World:
    """The usual world: a table, and a time where rows have one."""
    frame = table(draw, made, outcome, *more)
    return World(frame, right, "happened_at" if draw.timed else None, evidence=evidence)


def evidence(draw: Draw, score: Values, share: float, simpler: list[Column]) -> float:
    """What all rows say, in nats, for the score against a table of the best of `simpler`, of ten bins.

    Of a normal outcome that is half the logarithm of the variation that is left; an outcome that is known only as one
    of two sides of an edge says less, the rarer the one side is.
    """
    best = max((explained(column.effect, standard(score)) for column in simpler), default=0.0)
    says = {"regression": 1.0, "binary": norm.pdf(norm.ppf(draw.rate)) ** 2 / (draw.rate * (1 - draw.rate))}
    nats = 0.5 * np.log((1 - share * best) / (1 - share))
    return float(draw.rows * nats * says.get(draw.problem, 0.8))


def explained(effect: Values, score: Values) -> float:
    """The share of a score's variation that a table of ten bins of an effect says."""
    edges = np.unique(np.quantile(effect, np.linspace(0.1, 0.9, 9)))
    bins = np.searchsorted(edges, effect)
    sums, counts = np.bincount(bins, score), np.maximum(np.bincount(bins), 1)
    return float(((sums / counts)[bins]).var() / score.var())
