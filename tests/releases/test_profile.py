"""The profile of a release: what is kept of columns and scores, how exact it is, and how small."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poise.clock import DAY
from poise.errors import StateError
from poise.releases.profile import FILE, ObjectiveProfile, Profile
from poise.releases.profile_arrays import pack, unpack
from poise.releases.profile_column import POINTS, ColumnProfile
from poise.releases.profiling import grid, starts_of
from poise.table import Column

SEED = np.random.default_rng(0)
ROWS = 50_000


def steps(n: int, count: int = 50) -> np.ndarray:
    return np.arange(count) * n // count


@pytest.mark.parametrize("kind", ["plain", "many equal", "whole", "constant", "infinite"])
def test_sketched_distances_are_within_a_thousandth(kind: str) -> None:
    values = SEED.normal(size=ROWS)
    now = SEED.normal(0.1, 1.1, size=20_000)
    if kind == "many equal":
        values[:30_000], now[:5_000] = 0.25, 0.25
    elif kind == "whole":
        values, now = np.round(values), np.round(now)
    elif kind == "constant":
        values[:] = 3.0
    elif kind == "infinite":
        values[:100], now[:500] = np.inf, -np.inf
    profile = ColumnProfile.of(Column.numbers(values), steps(ROWS))
    tally = profile.tally(Column.numbers(now), steps(len(now), 3))
    upto, below = tally.counts.sum(axis=0), tally.below.sum(axis=0)
    apart = np.concatenate([profile.upto / ROWS - upto / len(now), profile.below / ROWS - below / len(now)])
    everything = np.unique(np.concatenate([values, now]))
    exact = np.abs(
        np.searchsorted(np.sort(values), everything, "right") / ROWS
        - np.searchsorted(np.sort(now), everything, "right") / len(now)
    ).max()
    assert np.abs(apart).max() == pytest.approx(exact, abs=1e-3)


def test_missing_values_and_blocks_are_counted() -> None:
    values = np.array([1.0, np.nan, 2.0, 3.0, np.nan, np.nan])
    profile = ColumnProfile.of(Column.numbers(values), np.array([0, 2, 2]))
    assert (profile.rows, profile.missing, profile.present) == (6, 3, 3)
    assert profile.blocks[:, 0].tolist() == [2, 0, 4] and profile.blocks[:, 1].tolist() == [1, 0, 2]


def test_levels_are_counted_and_new_ones_are_told_from_rare_ones() -> None:
    profile = ColumnProfile.of(Column.strings(["a", "b", "a", None, "c", "a"]), np.array([0, 3]))
    assert profile.levels == ("a", "b", "c") and profile.upto.tolist() == [3, 1, 1] and profile.complete
    assert profile.blocks[:, -1].tolist() == [0, 1], "of the second block only 'c' is new"
    tally = profile.tally(Column.strings(["z", "c", "a", None]), np.array([0]))
    assert tally.counts.tolist() == [[1, 0, 1]] and tally.unseen.tolist() == [1] and tally.missing.tolist() == [1]
    numbers = profile.tally(Column.numbers([1.0, None]), np.array([0]))
    assert numbers.unseen.tolist() == [1], "a column that became numbers holds no level that is known"


def test_it_reads_what_it_wrote_and_is_small(tmp_path: Path) -> None:
    """30 columns (20 numbers, 10 categories), a year of weeks."""
    starts = steps(ROWS, 53)
    columns = {f"n{i}": ColumnProfile.of(Column.numbers(SEED.normal(size=ROWS)), starts) for i in range(20)}
    for i, many in enumerate(np.geomspace(2, 2_000, 10).astype(int)):
        codes = SEED.integers(0, many, ROWS)
        columns[f"c{i}"] = ColumnProfile.of(Column.coded(codes, [f"level-{j:05d}" for j in range(many)]), starts)
    scores = {"late": columns["n0"]}
    made = ObjectiveProfile("binary", "log_loss", (), scores, np.full((53, 4), np.nan))
    profile = Profile(0, 7 * DAY, "week", {"flights": columns}, {"late": made}, {"delay": columns["n1"]})
    text = json.dumps(profile.to_json())
    assert len(text) < 1e6
    (tmp_path / FILE).write_text(text)
    again = Profile.read(tmp_path)
    assert again is not None and again.to_json() == profile.to_json() and again.end == 53 * 7 * DAY
    assert len(again.columns["flights"]["n0"].points) == POINTS
    assert Profile.read(tmp_path / "elsewhere") is None


def test_what_is_no_array_is_refused() -> None:
    packed = pack(np.arange(5))
    with pytest.raises(StateError, match="size"):
        unpack({**packed, "shape": [6]})
    with pytest.raises(StateError, match="kind"):
        unpack({**packed, "kind": "<O8"})


def test_the_grid_fits_the_rows() -> None:
    year = np.sort(SEED.integers(0, 365 * DAY, 5_000))
    unit, step, start = grid(year)
    assert unit == "week" and start <= year[0] and (year[0] - start) < step
    assert grid(np.zeros(0, np.int64)) == ("", 0, 0)
    assert grid(np.arange(40) * DAY)[0] == "week", "a row a day: days say too little"
    assert starts_of(np.array([0, 0, 2]), 4).tolist() == [0, 2, 2, 3]


def test_columns_without_values() -> None:
    gone = ColumnProfile.of(Column.numbers([None, None]), np.array([0]))
    assert gone.present == 0 and gone.tally(Column.numbers([1.0]), np.array([0])).counts.shape == (1, 0)
    assert replace(gone, rows=2).to_json() == gone.to_json()
