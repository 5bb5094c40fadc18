"""Streams of rows that vary from week to week as real ones do, with breaks that are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY
from poise.monitoring.base import Rows, Watched
from poise.releases.profile import Profile
from poise.releases.profile_column import ColumnProfile
from poise.releases.profiling import starts_of
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec
from poise.table import Column, Table

WEEK = 7 * DAY
MONDAY = 4 * DAY
Ints = NDArray[np.int64]
Change = Callable[[Table, NDArray[np.bool_]], Table]
"""What breaks: all rows, and which of them come after the break."""


def spec() -> SystemSpec:
    """A system of one source, as far as monitors read it."""
    return read_text(
        """
format: 1
system: stream
purpose: Be watched.
sources:
  rows: {path: rows.csv, id: id, time: at, columns: {id: string, at: time, y: bool}}
objectives:
  y: {type: binary, per: rows, label: {take: y}}
""",
        name="stream",
    )


def stream(seed: int, weeks: int, rows: int, columns: int) -> tuple[Ints, Table]:
    """About `rows` rows a week, each with its T, and columns of ten kinds in turn.

    From week to week they vary by more than the noise of their rows: by chance, with memory (AR 1), by season, by
    trend, in their spread, in how much is missing, and in the shares of levels.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.poisson(rows * np.exp(rng.normal(0, 0.1, weeks)))
    week = np.repeat(np.arange(weeks), sizes)
    time = np.sort(MONDAY + week * WEEK + rng.integers(0, WEEK, len(week)))
    made = {f"c{i}": _column(rng, i % 10, week, weeks) for i in range(columns)}
    return time, Table(made)


def _column(rng: np.random.Generator, kind: int, week: Ints, weeks: int) -> Column:
    n = len(week)
    noise = rng.normal(size=n)
    if kind == 0:  # nothing but noise
        return Column.numbers(noise)
    if kind == 1:  # weeks differ by chance
        return Column.numbers(noise + rng.normal(0, 0.15, weeks)[week])
    if kind == 2:  # weeks remember
        return Column.numbers(noise + _remembering(rng, weeks, 0.8, 0.1)[week])
    if kind == 3:  # the year
        return Column.numbers(noise + 1.5 * np.sin(2 * np.pi * week / 52 + rng.uniform(0, 6)))
    if kind == 4:  # a trend
        return Column.numbers(noise + 0.01 * week)
    if kind == 5:  # a heavy tail whose spread changes
        return Column.numbers(np.exp(noise * np.exp(rng.normal(0, 0.08, weeks))[week]))
    if kind == 6:  # few whole numbers
        return Column.numbers(rng.poisson(2 * np.exp(rng.normal(0, 0.08, weeks))[week]).astype(float))
    if kind == 7:  # some are missing, more or fewer
        gone = rng.random(n) < np.clip(0.05 + rng.normal(0, 0.01, weeks), 0, 1)[week]
        return Column.numbers(np.where(gone, np.nan, noise))
    if kind == 8:  # a few levels whose shares vary
        return _levels(rng, week, weeks, 5)
    return _levels(rng, week, weeks, 60)


def _remembering(rng: np.random.Generator, weeks: int, memory: float, size: float) -> NDArray[np.float64]:
    out = np.zeros(weeks)
    for at in range(1, weeks):
        out[at] = memory * out[at - 1] + rng.normal(0, size)
    return out


def _levels(rng: np.random.Generator, week: Ints, weeks: int, many: int) -> Column:
    usual = rng.normal(0, 1, many)
    logits = usual + rng.normal(0, 0.1, (weeks, many))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (rng.random(len(week))[:, None] > shares.cumsum(axis=1)[week]).sum(axis=1).clip(0, many - 1)
    return Column.coded(codes, [f"level {i}" for i in range(many)])


def profile_of(time: Ints, rows: Table, weeks: int) -> Profile:
    """The profile of the first `weeks` weeks."""
    block = (time - MONDAY) // WEEK
    known = block < weeks
    starts = starts_of(block[known], weeks)
    columns = {name: ColumnProfile.of(column.take(known), starts) for name, column in rows.items()}
    return Profile(MONDAY, WEEK, "week", {"rows": columns}, {}, {}, {"y": tuple(columns)})


def watched(profile: Profile, time: Ints, rows: Table, week: int) -> Watched:
    """What monitors see at the end of week `week` (counted from 0)."""
    until = MONDAY + (week + 1) * WEEK
    now = (time >= profile.end) & (time < until)
    seen = Rows("rows", time[now], rows.take(now))
    return Watched(spec(), "r1", profile, profile.end, until, until, WEEK, {"rows": seen})
