"""Tables with known truth, for tests: a rule, a line over several columns, a pattern of two columns, noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from poise.assessment.reading import read_case
from poise.assessment.trials import Trials

Frame = pl.DataFrame


def table(truth: str, rows: int = 600, seed: int = 0, columns: int = 5) -> Frame:
    """`rows` rows of `columns` numbers `x0` …, and `y` (0 or 1) that follows the truth, with some noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    score = {
        "noise": np.zeros(rows),
        "rule": np.where(x[:, 0] > 0.3, 3.0, -3.0),
        "linear": 2 * x[:, 0] - 2 * x[:, 1] + x[:, 2],
        "together": 4 * np.sign(x[:, 0] * x[:, 1]),
    }[truth]
    y = (rng.uniform(size=rows) < 1 / (1 + np.exp(-score))).astype(int)
    return pl.DataFrame({f"x{j}": x[:, j] for j in range(columns)} | {"y": y})


def in_time(frame: Frame, every: str = "6h") -> Frame:
    """The same rows, one after the other."""
    start = pl.datetime(2025, 1, 1)
    times = pl.select(pl.datetime_range(start, start + pl.duration(days=20_000), every, eager=False).head(frame.height))
    return frame.with_columns(asked=times.to_series())


LEARNED: dict[tuple[Any, ...], Trials] = {}


def trials_of(frame: Frame, target: str = "y", **more: Any) -> Trials:
    """Trials of a table, one for all tests of the same table and options: what is learned is learned once."""
    key = (target, *frame.columns, int(frame.hash_rows(seed=0).sum()), frame.height, repr(sorted(more.items())))
    if key not in LEARNED:
        LEARNED[key] = Trials(read_case(frame, target, **more))
    return LEARNED[key]
