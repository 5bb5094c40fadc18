"""The limits of the calibration table are shares, and never nothing."""

from __future__ import annotations

import numpy as np

from poise.evaluation.blocks import blocks_of
from poise.evaluation.calibration_table import calibration_table

UNTIMED = -(2**63)


def test_limits_are_shares_and_apart_even_where_every_truth_is_the_same() -> None:
    """22 rows of which none came true do not show that none ever will."""
    rng = np.random.default_rng(0)
    p = rng.random(220) ** 3
    table = calibration_table((rng.random(220) < p) * 1.0, p, blocks_of(np.full(220, UNTIMED)))
    assert any(one["realised"] == 0 for one in table)
    for one in table:
        assert 0 <= one["low"] <= one["realised"] <= one["high"] <= 1
        assert one["high"] - one["low"] > 0.05


def test_rows_that_are_alike_within_blocks_leave_more_open() -> None:
    rng = np.random.default_rng(1)
    day = np.repeat(np.arange(40), 50)
    truth = np.repeat(rng.random(40) < 0.3, 50) * 1.0  # a day is true or false as a whole
    p = np.full(2000, 0.3)
    (alike,) = calibration_table(truth, p, blocks_of(day.astype(np.int64) * 86_400_000_000))
    (apart,) = calibration_table(truth, p, blocks_of(np.full(2000, UNTIMED)))
    assert alike["high"] - alike["low"] > 3 * (apart["high"] - apart["low"])
