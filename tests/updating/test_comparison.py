"""A candidate against the live release: better, worse, not sure, too few rows; only rows that neither learned from."""

from __future__ import annotations

import numpy as np
import pytest

from poise.clock import HOUR
from poise.evaluation.blocks import blocks_of
from poise.evaluation.measures import ObjectiveMeasures
from poise.releases.judged import Judged
from poise.spec.reading import read_text
from poise.updating.comparison import Comparison, compare, shared_level
from poise.updating.windows import ALL, Window, _choice
from tests.updating.market import SYSTEM

SPEC = read_text(SYSTEM)
N = 2400


def compared(candidate: float, live: float, *, n: int = N, learned: int = 0, level: float = 0.95) -> Comparison:
    """Both predict the truth with some noise: `candidate` and `live` say how much. The live release was learned from
    the first `learned` rows, where it knows the truth."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    noisy = [1 / (1 + np.exp(-(z + size * rng.normal(size=n)))) for size in (candidate, live)]
    noisy[1][:learned] = np.clip(y[:learned], 0.01, 0.99)
    time = np.arange(n) * HOUR // 2
    fresh = np.arange(n) >= learned
    made = ObjectiveMeasures("binary", y, noisy[0], blocks_of(time), {"live": noisy[1]}, time=time, fresh=fresh)
    return compare(SPEC, Judged({"order": made}, None, {}), {}, level)


@pytest.mark.parametrize(
    ("candidate", "live", "verdict"), [(0.1, 1.0, "better"), (1.0, 0.1, "worse"), (0.3, 0.3, "alike")]
)
def test_verdicts(candidate: float, live: float, verdict: str) -> None:
    assert compared(candidate, live).verdict == verdict


def test_rows_that_the_live_release_learned_from_do_not_count() -> None:
    assert compared(0.1, 1.0, learned=1200).verdict == "better"
    (measure,) = compared(0.1, 1.0, learned=1200).measures
    assert measure.rows == 1200


def test_too_few_rows_tell_nothing() -> None:
    found = compared(0.1, 1.0, learned=N - 50)
    assert found.verdict == "cannot tell" and "too few to tell" in found.sentence


def test_a_candidate_that_is_no_better_passes_no_more_often_than_stated() -> None:
    rng, passed, tries = np.random.default_rng(1), 0, 200
    time = np.arange(600) * HOUR // 2
    blocks = blocks_of(time)
    for _ in range(tries):
        z = rng.normal(size=600)
        y = (rng.random(600) < 1 / (1 + np.exp(-z))).astype(float)
        both = [1 / (1 + np.exp(-(z + 0.5 * rng.normal(size=600)))) for _ in range(2)]
        made = ObjectiveMeasures("binary", y, both[0], blocks, {"live": both[1]}, time=time)
        passed += compare(SPEC, Judged({"order": made}, None, {}), {}, 0.95).verdict == "better"
    assert passed <= 20, f"{passed} of {tries}; 10 are expected, and 20 or more in one of a thousand such runs"


def test_without_a_prediction_of_the_live_release_nothing_is_told() -> None:
    made = ObjectiveMeasures("binary", np.zeros(9), np.zeros(9), blocks_of(np.arange(9)))
    assert compare(SPEC, Judged({"order": made}, None, {}), {}, 0.95).verdict == "cannot tell"


def test_a_window_that_is_chosen_on_rows_that_judge_too_passes_no_more_often_than_stated() -> None:
    """What is live, all rows and five windows are equally good by the truth: each errs as much, in its own way."""
    rng, passed, left, tries = np.random.default_rng(0), 0, 0, 100
    time, n = np.arange(1200) * HOUR // 2, 1200
    windows = [ALL, *(Window(f"the last {i}d", recent=i) for i in range(5))]
    for _ in range(tries):
        z, x = rng.normal(size=n), rng.normal(size=(8, n))
        y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
        ways = rng.normal(size=(7, 8))
        live, *made = 1 / (1 + np.exp(-(z + 0.6 * ways / np.linalg.norm(ways, axis=1, keepdims=True) @ x)))
        losses = -np.log(np.where(y > 0.5, made, 1 - np.array(made)))[:, n // 5 :].T
        chosen = _choice(windows, losses / losses[:, 0].mean(), blocks_of(time[n // 5 :]))
        taken = windows.index(chosen.window)
        judged = ObjectiveMeasures("binary", y, made[taken], blocks_of(time), {"live": live}, time=time)
        level = shared_level(0.95, chosen.to_dict())
        passed += compare(SPEC, Judged({"order": judged}, None, {}), {}, level).verdict == "better"
        left += taken > 0
    assert passed <= 13, f"{passed} of {tries}; 5 are expected, and 14 or more in one of two thousand such runs"
    assert left <= 5, f"all rows were left {left} times, and no window is better"
