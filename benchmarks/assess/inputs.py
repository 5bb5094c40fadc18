"""Random columns: what a table of business data looks like, before anything depends on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Random = np.random.Generator
Values = NDArray[np.float64]
NUMBERS: tuple[Callable[[Random, int], Values], ...] = (
    lambda r, n: r.normal(r.uniform(-50, 50), r.uniform(0.1, 20), n),
    lambda r, n: np.round(r.lognormal(r.uniform(0, 4), r.uniform(0.3, 1.2), n), 2),
    lambda r, n: r.uniform(0, 10 ** r.uniform(-1, 4), n),
    lambda r, n: r.poisson(r.uniform(1.5, 30), n).astype(float),
    lambda r, n: r.integers(0, r.integers(5, 100), n).astype(float),
    lambda r, n: np.round(r.standard_t(4, n) * r.uniform(1, 5), 1),
)


@dataclass(frozen=True)
class Column:
    """A column as a table shows it, and as what depends on it sees it.

    effect: (n,) mean about 0, deviation about 1; numbers by their rank, levels by an effect of their own.
    """

    series: pl.Series
    effect: Values
    continuous: bool


def standard(values: Values) -> Values:
    """Mean 0, deviation 1."""
    deviation = float(values.std())
    return (values - values.mean()) / deviation if deviation > 0 else values * 0.0


def number(random: Random, rows: int, name: str) -> Column:
    """A number of some distribution; its effect is its rank, between -1.7 and 1.7."""
    values = NUMBERS[random.integers(len(NUMBERS))](random, rows)
    ranks = np.searchsorted(np.sort(values), values, side="left") + np.searchsorted(
        np.sort(values), values, side="right"
    )
    return Column(pl.Series(name, values), standard(ranks.astype(float)), len(np.unique(values)) > 20)


def category(random: Random, rows: int, name: str, levels: int | None = None) -> Column:
    """Text of 2 to 12 levels, some rarer than others, each with an effect of its own."""
    levels = levels or int(random.integers(2, 13))
    shares = random.dirichlet(np.full(levels, 4.0))
    codes = random.choice(levels, rows, p=shares)
    effects = random.permutation(np.linspace(-1, 1, levels)) + random.normal(0, 0.1, levels)
    names = [f"{name[:1]}{letter}" for letter in random.permutation(levels)]
    return Column(pl.Series(name, [names[code] for code in codes]), standard(effects[codes]), False)


def flag(random: Random, rows: int, name: str) -> Column:
    """Yes or no, in one of the spellings that tables have."""
    values = random.random(rows) < random.uniform(0.25, 0.75)
    spelling = [("yes", "no"), ("true", "false"), (1, 0), ("Y", "N")][random.integers(4)]
    return Column(pl.Series(name, [spelling[0] if v else spelling[1] for v in values]), standard(values * 1.0), False)


def columns(random: Random, rows: int, count: int) -> list[Column]:
    """So many columns, about two in three of them numbers; at least two numbers that are continuous."""
    made: list[Column] = []
    while len(made) < count:
        name = f"{'abcdefghkmpqrs'[random.integers(14)]}{len(made) + 1}"
        continuous = sum(column.continuous for column in made)
        if continuous < 2 or random.random() < 0.65:
            drawn = number(random, rows, name)
            made += [drawn] if continuous >= 2 or drawn.continuous else []
        else:
            made.append(flag(random, rows, name) if random.random() < 0.3 else category(random, rows, name))
    return made


def with_holes(random: Random, column: Column, most: float) -> pl.Series:
    """The column with up to this share of its values missing, in one column of three."""
    share = random.uniform(0, most) if random.random() < 1 / 3 else 0.0
    keep = pl.Series(random.random(len(column.series)) >= share)
    return column.series.to_frame().select(pl.when(keep).then(pl.first())).to_series()


def clutter(random: Random, rows: int) -> list[pl.Series]:
    """What tables carry besides: an id, a column that is always the same, one that is empty, many levels."""
    extra = [
        pl.Series("row_id", [f"r{value:07d}" for value in random.permutation(rows)]),
        pl.Series("source", ["export"] * rows),
        pl.Series("spare", [None] * rows, dtype=pl.Float64),
        pl.Series("store", [f"s{value}" for value in random.integers(0, max(rows // 5, 10), rows)]),
    ]
    return [column for column in extra if random.random() < 0.25]
