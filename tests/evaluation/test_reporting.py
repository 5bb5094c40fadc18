"""What the report shows: calibration by bins, policies by terms, quantiles with their limits."""

from __future__ import annotations

import numpy as np
import pytest

from poise.evaluation.blocks import Blocks
from poise.evaluation.calibration_table import calibration_table
from poise.evaluation.measures import DecisionMeasures, quantile_measured
from poise.evaluation.policies import policy_values, term_calibration

BLOCKS = Blocks(np.arange(3000) % 30, "day", 30)


def test_a_calibrated_prediction_lies_on_the_line() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(3000)
    table = calibration_table((rng.random(3000) < p).astype(float), p, BLOCKS)
    assert len(table) == 10 and sum(b["rows"] for b in table) == 3000
    assert sum(b["low"] <= b["predicted"] <= b["high"] for b in table) >= 8


@pytest.mark.parametrize("labels", [False, True])
def test_classes_are_pooled(labels: bool) -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 3000)
    y = (rng.random((3000, 3)) < p).astype(float) if labels else rng.integers(3, size=3000)
    assert sum(b["rows"] for b in calibration_table(y, p, BLOCKS)) == 9000


def test_few_values_have_few_bins() -> None:
    assert len(calibration_table(np.zeros(3000), np.full(3000, 0.2), BLOCKS)) == 1
    assert calibration_table(np.zeros(0), np.zeros(0), BLOCKS.take(np.zeros(0, np.int64))) == []


def test_policies_and_what_cannot_be_told() -> None:
    terms = {"model": {"cost": np.full(3000, -1.0)}, "rule": {"cost": np.full(3000, np.nan)}}
    made = policy_values(DecisionMeasures(terms, BLOCKS, {"cost": "USD"}))
    assert made[0] == {
        "term": "cost",
        "unit": "USD",
        "policy": "model",
        "value": -1.0,
        "low": -1.0,
        "high": -1.0,
        "rows": 3000,
        "blocks": 30,
    }
    assert made[1]["value"] is None and made[1]["rows"] == 0
    assert policy_values(DecisionMeasures(terms, BLOCKS, unknown="no propensities")) == []


def test_terms_that_add_up_are_not_off() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(3000)
    assert not term_calibration(p, (rng.random(3000) < p).astype(float), BLOCKS)["off"]
    assert term_calibration(np.full(3000, np.nan), p, BLOCKS)["rows"] == 0


def test_limits_of_a_quantile_cover() -> None:
    rng = np.random.default_rng(0)
    truth, above, below = -np.log(0.01), 0, 0
    for _ in range(600):
        made = quantile_measured(rng.exponential(size=1000), 0.99)
        above += made.high >= truth
        below += made.low <= truth
    assert above / 600 >= 0.94 and below / 600 >= 0.94
    assert quantile_measured(np.zeros(0), 0.5).n == 0
