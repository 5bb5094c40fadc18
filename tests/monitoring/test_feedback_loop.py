"""Variety of what is shown, and how many logged lists explored."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from poise.clock import DAY
from poise.data import delta
from poise.data.lake import INSTANT, Lake
from poise.monitoring.explored import explored
from poise.monitoring.feedback_loop import effective


def test_lists_that_explored_are_counted_by_day(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    assert explored(lake, 0, 2 * DAY, DAY) is None
    drawn = {"method": "plackett-luce", "top": 5, "seed": 1}
    records = [{"ids": ["a"], "explored": one} for one in (drawn, None, None, drawn, drawn)]
    times = [1, 2, 3, DAY + 1, 5 * DAY]
    frame = pl.DataFrame(
        {
            "kind": ["list"] * 5,
            "time": pl.Series(times, dtype=pl.Int64).cast(INSTANT),
            "_at": pl.Series(times, dtype=pl.Int64).cast(INSTANT),
            "decision": [msgspec.json.encode(one).decode() for one in records],
        }
    )
    delta.write(lake.decisions, frame)
    assert explored(lake, 0, 2 * DAY, DAY) == {"times": [DAY, 2 * DAY], "lists": [3, 1], "explored": [1, 1]}


def test_the_effective_number_of_items_does_not_depend_on_how_many_rows_there_are() -> None:
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.ones(40))
    many, few = (
        np.mean([effective(np.bincount(rng.choice(40, n, p=share), minlength=40)) for _ in range(200)])
        for n in (5_000, 200)
    )
    assert abs(many - 1 / (share**2).sum()) < 0.5 and abs(many - few) < 1.0
