"""Climbing: the simplest rung that nothing is shown to beat by more than it is worth."""

from __future__ import annotations

import numpy as np
import pytest

from poise.errors import NotEnoughData
from poise.evaluation.auc import Auc
from poise.evaluation.blocks import Blocks
from poise.evaluation.climbing import Rung, climb
from poise.evaluation.log_loss import LogLoss
from poise.evaluation.rmse import RootMeanSquaredError

N = 3000
BLOCKS = Blocks(np.arange(N) // 100, "day", 30)
RNG = np.random.default_rng(0)
SIGNAL, MORE = RNG.normal(size=N), RNG.normal(size=N)
TARGET = SIGNAL + 0.5 * MORE + RNG.normal(size=N)


def rungs(trees: np.ndarray) -> list[Rung]:
    return [Rung("constant", np.zeros(N)), Rung("linear", SIGNAL, seconds=1.0), Rung("trees", trees, size=900)]


def test_a_better_rung_replaces_a_simpler_one() -> None:
    made = climb(rungs(SIGNAL + 0.5 * MORE), TARGET, RootMeanSquaredError(), BLOCKS)
    assert made.chosen == "trees"
    assert [step.kept for step in made.steps] == [True, True, True]
    assert "trees replaces linear: rmse" in made.sentence and made.smallest_gain is None
    assert made.steps[2].to_dict()["bytes"] == 900


def test_an_equal_rung_does_not_and_the_power_is_said() -> None:
    made = climb(rungs(SIGNAL + 0.02 * RNG.normal(size=N)), TARGET, RootMeanSquaredError(), BLOCKS)
    assert made.chosen == "linear" and [step.kept for step in made.steps] == [True, True, False]
    assert made.smallest_gain is not None and made.smallest_gain > made.steps[2].needed > 0
    assert "trees stays out; this data would have shown a gain from" in made.sentence
    assert "linear stays" in made.steps[2].sentence


def test_a_worse_rung_is_said_to_be_worse() -> None:
    made = climb(rungs(SIGNAL + RNG.normal(size=N)), TARGET, RootMeanSquaredError(), BLOCKS)
    assert made.chosen == "linear" and "significantly worse" in made.steps[2].sentence


def test_a_significant_gain_that_is_worth_too_little_is_refused() -> None:
    trees = SIGNAL + 0.05 * MORE
    assert climb(rungs(trees), TARGET, RootMeanSquaredError(), BLOCKS, worth=0.0).chosen == "trees"
    assert climb(rungs(trees), TARGET, RootMeanSquaredError(), BLOCKS, worth=0.5).chosen == "linear"


def test_prefer_best_overrides_visibly() -> None:
    trees = SIGNAL + 0.005 * MORE
    made = climb(rungs(trees), TARGET, RootMeanSquaredError(), BLOCKS, worth=0.3, prefer="best")
    assert made.chosen == "trees" and "`prefer: best`" in made.sentence and "linear would stay" in made.sentence


def test_a_complex_rung_is_compared_with_the_one_kept_not_with_its_neighbour() -> None:
    noisy = Rung("noisy", SIGNAL + RNG.normal(size=N))
    made = climb(
        [*rungs(SIGNAL)[:2], noisy, Rung("trees", SIGNAL + 0.5 * MORE)], TARGET, RootMeanSquaredError(), BLOCKS
    )
    assert [step.against for step in made.steps] == [None, "constant", "linear", "linear"]
    assert made.chosen == "trees"


def test_bigger_is_better_is_heeded() -> None:
    y = (TARGET > 0).astype(float)
    p = 1 / (1 + np.exp(-SIGNAL))
    for metric in (Auc(), LogLoss()):
        made = climb([Rung("constant", np.full(N, 0.5)), Rung("linear", p)], y, metric, BLOCKS)
        assert made.chosen == "linear" and made.steps[1].gain is not None and made.steps[1].gain.value > 0


def test_a_rung_that_cannot_be_scored_is_passed_over_and_said() -> None:
    broken = SIGNAL.copy()
    broken[0] = np.nan
    made = climb(rungs(broken), TARGET, RootMeanSquaredError(), BLOCKS)
    assert made.chosen == "linear" and "missing or infinite in 1 of 3,000 rows" in made.steps[2].sentence
    assert made.steps[2].to_dict()["score"] is None


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(NotEnoughData, match="there is only one class"):
        climb([Rung("constant", np.full(N, 0.5))], np.zeros(N), Auc(), BLOCKS)


def test_pure_noise_rarely_climbs() -> None:
    rng = np.random.default_rng(4)
    climbed = 0
    for _ in range(100):
        y = rng.normal(size=N)
        climbed += (
            climb(
                [Rung("constant", np.zeros(N)), Rung("linear", 0.02 * rng.normal(size=N))],
                y,
                RootMeanSquaredError(),
                BLOCKS,
            ).chosen
            == "linear"
        )
    assert climbed <= 8
