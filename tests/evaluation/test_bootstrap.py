"""Intervals cover what they promise when rows of one block are alike; gains are paired."""

from __future__ import annotations

import numpy as np
import pytest

from poise.evaluation.accuracy import Accuracy
from poise.evaluation.auc import Auc
from poise.evaluation.average_precision import AveragePrecision
from poise.evaluation.base import Metric
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.bootstrap import BlockSums, Resampled, interval, mean_interval, paired_gain, score_sums
from poise.evaluation.calibration_error import CalibrationError
from poise.evaluation.log_loss import LogLoss
from poise.evaluation.macro_f1 import MacroF1
from poise.evaluation.micro_f1 import MicroF1
from poise.evaluation.rmse import RootMeanSquaredError

RUNS = 1000


def in_blocks(rng: np.random.Generator, count: int) -> Blocks:
    """Blocks of 20 to 60 rows."""
    return Blocks(np.repeat(np.arange(count), rng.integers(20, 60, count)), "day", count)


def shocked(rng: np.random.Generator, blocks: Blocks) -> tuple[np.ndarray, np.ndarray]:
    """Labels whose odds move from block to block, and a prediction that does not know it."""
    x = rng.normal(size=len(blocks.codes))
    shock = rng.normal(size=blocks.count)[blocks.codes] * 0.7
    y = (rng.random(len(x)) < 1 / (1 + np.exp(-(x - 1 + shock)))).astype(float)
    return y, 1 / (1 + np.exp(-(x - 1)))


@pytest.mark.parametrize("count", [25, 60])
@pytest.mark.parametrize("metric", [LogLoss(), Auc()], ids=["log_loss", "auc"])
def test_each_end_covers_95_percent(metric, count) -> None:  # type: ignore[no-untyped-def]
    large = Blocks(np.repeat(np.arange(60_000), 40), "day", 60_000)
    truth = metric.score(*shocked(np.random.default_rng(999), large))
    rng = np.random.default_rng(count + 7)
    below = above = 0
    for _ in range(RUNS):
        blocks = in_blocks(rng, count)
        made = interval(metric, *shocked(rng, blocks), blocks, replicates=999)
        below += made.low <= truth
        above += truth <= made.high
    assert 0.93 <= below / RUNS <= 0.97
    assert 0.93 <= above / RUNS <= 0.97


def very_uneven(rng: np.random.Generator, count: int = 30) -> Blocks:
    """Blocks of 1 to some thousand rows: the largest often holds half of all."""
    sizes = np.maximum(1, rng.pareto(1.2, count) * 8).astype(int)
    return Blocks(np.repeat(np.arange(count), sizes), "day", count)


NO_LOSS_PER_ROW = [Auc(), AveragePrecision(), MacroF1(), MicroF1()]


@pytest.mark.parametrize("metric", NO_LOSS_PER_ROW, ids=lambda metric: metric.name)
def test_a_value_is_the_score_however_uneven_blocks_are(metric: Metric) -> None:
    for seed in range(25):
        rng = np.random.default_rng(seed)
        blocks = very_uneven(rng)
        y, p = shocked(rng, blocks)
        made = interval(metric, y, p, blocks, replicates=199)
        assert made.value == metric.score(y, p) and made.low <= made.value <= made.high
        other = np.clip(p + rng.normal(size=len(p)) / 5, 0.01, 0.99)
        gain = paired_gain(metric, y, other, p, blocks, replicates=199)
        assert gain.value == pytest.approx(metric.score(y, p) - metric.score(y, other), abs=1e-12)
        assert score_sums(metric, y, p, blocks).value == pytest.approx(made.value, abs=1e-12)


@pytest.mark.parametrize("metric", [LogLoss(), Auc(), AveragePrecision(), MacroF1()], ids=lambda metric: metric.name)
def test_limits_cover_where_blocks_are_uneven(metric: Metric) -> None:
    """Sizes from 2 to some 200 rows. A mean of losses needs no jackknife and covers no better than the others do."""

    def uneven(rng: np.random.Generator, count: int) -> Blocks:
        sizes = np.maximum(2, np.exp(rng.normal(3, 1, count))).astype(int)
        return Blocks(np.repeat(np.arange(count), sizes), "day", count)

    rng = np.random.default_rng(11)
    truth = metric.score(*shocked(rng, uneven(rng, 20_000)))
    below = above = 0
    for _ in range(300):
        blocks = uneven(rng, 30)
        made = interval(metric, *shocked(rng, blocks), blocks, replicates=499)
        below += made.low <= truth
        above += truth <= made.high
    assert 0.9 <= below / 300 <= 0.98
    assert 0.9 <= above / 300 <= 0.98


def test_resampling_rows_instead_of_blocks_would_be_too_sure() -> None:
    rng = np.random.default_rng(3)
    blocks = in_blocks(rng, 40)
    y, p = shocked(rng, blocks)
    rows = Blocks(np.arange(len(y)), "row", len(y))
    by_block, by_row = interval(LogLoss(), y, p, blocks), interval(LogLoss(), y, p, rows)
    assert by_block.high - by_block.low > 1.3 * (by_row.high - by_row.low)


def test_a_gain_covers_its_truth_and_a_rung_without_gain_is_rarely_shown() -> None:
    rng = np.random.default_rng(5)
    covered = shown = 0
    for _ in range(RUNS):
        blocks = in_blocks(rng, 30)
        shock = rng.normal(size=30)[blocks.codes]
        y = shock + rng.normal(size=len(shock))
        one, two = rng.normal(size=len(y)) * 0.3, rng.normal(size=len(y)) * 0.3  # equally good
        gain = paired_gain(RootMeanSquaredError(), y, one, two, blocks, replicates=999)
        covered += gain.low <= 0 <= gain.high
        shown += gain.low > 0
    assert covered / RUNS >= 0.86
    assert shown / RUNS <= 0.08


@pytest.mark.parametrize(("off", "shock"), [(0.0, 0.0), (0.08, 0.0), (0.05, 0.5)])
def test_calibration_error_limits_hold_when_perfect_and_when_not(off: float, shock: float) -> None:
    def judged(rng: np.random.Generator, blocks: Blocks) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=len(blocks.codes))
        shocks = rng.normal(size=blocks.count)[blocks.codes] * shock
        truth = 1 / (1 + np.exp(-(x + shocks))) + off
        return (rng.random(len(x)) < truth).astype(float), 1 / (1 + np.exp(-x))

    large = Blocks(np.repeat(np.arange(20_000), 40), "day", 20_000)
    truth = CalibrationError().score(*judged(np.random.default_rng(999), large)) if off or shock else 0.0
    above = below = 0
    rng = np.random.default_rng(2)
    for _ in range(300):
        blocks = in_blocks(rng, 40)
        made = interval(CalibrationError(), *judged(rng, blocks), blocks, replicates=999)
        above += made.high >= truth
        below += made.low <= truth
    assert above / 300 >= 0.93
    assert below / 300 >= 0.91


def test_a_mean_of_losses_needs_no_jackknife() -> None:
    rng = np.random.default_rng(0)
    blocks = in_blocks(rng, 30)
    y, p = shocked(rng, blocks)
    exact = interval(LogLoss(), y, p, blocks)
    mean = mean_interval(LogLoss().losses(y, p), blocks)
    assert (exact.value, exact.low, exact.high) == pytest.approx((mean.value, mean.low, mean.high))


def test_identical_predictions_gain_nothing() -> None:
    rng = np.random.default_rng(0)
    blocks = in_blocks(rng, 30)
    y, p = shocked(rng, blocks)
    for metric in (LogLoss(), Auc(), AveragePrecision(), CalibrationError()):
        gain = paired_gain(metric, y, p, p.copy(), blocks)
        assert (gain.value, gain.low, gain.high, gain.smallest) == (0, 0, 0, 0)


def test_never_wrong_is_not_certainly_always_right() -> None:
    y = np.tile([0.0, 1.0], 100)
    made = interval(Accuracy(), y, y, blocks_of(np.full(200, -(2**63))))
    assert made.value == made.high == 1.0
    assert made.low == pytest.approx(0.05 ** (1 / 200))


def test_one_block_says_nothing() -> None:
    made = interval(LogLoss(), np.array([0, 1]), np.array([0.2, 0.7]), Blocks(np.zeros(2, np.int64), "day", 1))
    assert (made.low, made.high) == (0.0, np.inf)
    assert made.to_dict()["high"] is None


def test_undefined_scores_have_undefined_limits() -> None:
    made = interval(Auc(), np.zeros(40), np.linspace(0, 1, 40), blocks_of(np.full(40, -(2**63))))
    assert np.isnan([made.value, made.low, made.high]).all()
    assert made.to_dict()["value"] is None


def test_chances_agree_with_limits() -> None:
    rng = np.random.default_rng(0)
    made = Resampled(BlockSums(rng.exponential(size=40), np.ones(40)))
    assert made.chance_above(made.high()) == pytest.approx(0.05, abs=0.002)
    assert made.chance_below(made.low()) == pytest.approx(0.05, abs=0.002)


def test_the_same_rows_give_the_same_interval() -> None:
    rng = np.random.default_rng(0)
    blocks = in_blocks(rng, 30)
    y, p = shocked(rng, blocks)
    assert interval(Auc(), y, p, blocks) == interval(Auc(), y, p, blocks)
