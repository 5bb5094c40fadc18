"""As-of lookups against Polars `join_asof`: 330,000 requests of a year, 26,000 rows x 10 columns, one thread each.

Budget: at most 1.5 times Polars, for requests in the order of time and in any order; and the same values.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl

from benchmarks.figure import Figure, run
from poise.clock import DAY
from poise.features.base import Lookup
from poise.features.lookup import RowLookup
from poise.stores.base import RowDeclaration
from poise.table import Column, History, Requests, Table

REQUESTS, ROWS, COLUMNS, REPEATS = 330_000, 26_000, 10, 7
BUDGET = 1.5
LEVELS = np.array(["EWR", "JFK", "LGA"])


def seconds(work: Callable[[], object]) -> float:
    """The median time of a piece of work."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def compare(in_order: bool) -> dict[str, float]:
    """Milliseconds of both, and their ratio."""
    random = np.random.default_rng(0)
    asked, at = random.integers(0, 365 * DAY, REQUESTS), np.sort(random.integers(0, 365 * DAY, ROWS))
    asked = np.sort(asked) if in_order else asked
    key, row_key = random.integers(0, len(LEVELS), REQUESTS), random.integers(0, len(LEVELS), ROWS)
    values = {f"v{i}": random.random(ROWS) for i in range(COLUMNS)}
    rows = {"k": Column.coded(row_key, LEVELS), **{name: Column.numbers(v) for name, v in values.items()}}
    histories = {"w": History("w", "history", at, at, Table(rows))}
    requests = Requests(Table({"k": Column.coded(key, LEVELS)}), asked)
    step = RowLookup([Lookup("w", c, ("k",), c) for c in values], RowDeclaration("w", ("k",), tuple(values)))
    left = pl.DataFrame({"k": LEVELS[key], "T": asked}).with_row_index()
    right = pl.DataFrame({"k": LEVELS[row_key], "t": at, **values})

    def polars() -> pl.DataFrame:
        frame = left if in_order else left.sort("T")
        found = frame.join_asof(
            right, left_on="T", right_on="t", by="k", allow_exact_matches=False, check_sortedness=False
        )
        return found if in_order else found.sort("index")

    def poise() -> dict[str, Column]:
        return step.batch(requests, histories, requests.rows)

    for name in values:
        np.testing.assert_array_equal(poise()[name].values, polars()[name].to_numpy())
    ours, theirs = seconds(poise), seconds(polars)
    return {"poise_ms": ours * 1e3, "polars_ms": theirs * 1e3, "ratio": ours / theirs}


def main(quick: bool) -> list[Figure]:
    """Both cases."""
    global REQUESTS, REPEATS
    if quick:
        REQUESTS, REPEATS = 5_000, 1
    figures = []
    for name, in_order in (("requests in order", True), ("requests in any order", False)):
        found = compare(in_order)
        print(f"as-of, {name}: Poise {found['poise_ms']:.0f} ms, Polars {found['polars_ms']:.0f} ms")
        figures.append(Figure(f"as-of join v Polars join_asof, {name}", found["ratio"], BUDGET))
    return figures


if __name__ == "__main__":
    run(main)
