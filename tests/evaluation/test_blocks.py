"""Blocks: the longest unit of time that gives enough of them; whole entities without time."""

from __future__ import annotations

import numpy as np
import pytest

from poise.clock import DAY, HOUR
from poise.evaluation.blocks import blocks_of
from poise.table import MISSING_TIME


@pytest.mark.parametrize(
    ("span", "unit"),
    [(400 * DAY, "week"), (60 * DAY, "day"), (22 * DAY, "6 hours"), (9 * DAY, "6 hours"), (40 * HOUR, "hour")],
)
def test_the_longest_unit_with_enough_blocks(span: int, unit: str) -> None:
    time = np.linspace(0, span, 5000).astype(np.int64)
    blocks = blocks_of(time)
    assert blocks.unit == unit
    assert blocks.count >= 30 and len(np.unique(blocks.codes)) == blocks.count


def test_twenty_are_taken_where_no_unit_has_thirty() -> None:
    time = np.repeat(np.arange(22) * 7 * DAY, 10) + 5 * DAY
    assert (blocks_of(time).unit, blocks_of(time).count) == ("week", 22)


def test_runs_of_consecutive_rows_where_time_is_short() -> None:
    time = np.random.default_rng(0).permutation(3000)
    blocks = blocks_of(time)
    assert (blocks.unit, blocks.count) == ("run", 30)
    assert (np.diff(blocks.codes[np.argsort(time)]) >= 0).all()


def test_weeks_start_on_monday() -> None:
    monday = 4 * DAY  # 1970-01-05
    time = np.concatenate([[monday - 1, monday], monday + np.arange(40) * 7 * DAY])
    codes = blocks_of(time).codes
    assert codes[0] != codes[1] and codes[1] == codes[2]


def test_entities_stay_whole_and_many_are_put_together() -> None:
    groups = np.repeat(np.arange(1000), 3)
    blocks = blocks_of(np.full(3000, MISSING_TIME), groups)
    assert (blocks.unit, blocks.count) == ("entity", 200)
    assert all(len(np.unique(blocks.codes[groups == g])) == 1 for g in range(20))
    assert blocks_of(np.full(50, MISSING_TIME)).unit == "row"
    assert blocks_of(np.zeros(0, np.int64)).count == 0
