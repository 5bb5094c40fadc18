"""Label permutation: small for a tie, anything for noise."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from poise.assessment.permutation import permuted
from poise.assessment.reading import read_case
from tests.assessment.tables import in_time, table


@pytest.mark.parametrize("truth", ["rule", "linear"])
def test_a_tie_is_seen_in_few_rows(truth: str) -> None:
    assert permuted(read_case(table(truth, 100), "y")) == pytest.approx(2 / 400)


def test_noise_gives_any_number() -> None:
    found = [permuted(read_case(table("noise", 100, seed), "y")) for seed in range(40)]
    assert min(found) > 0.005 and np.mean(np.array(found) <= 0.2) < 0.4


def test_levels_and_missing_values_count_and_text_does_not() -> None:
    rng = np.random.default_rng(0)
    city, y = rng.integers(0, 4, 200), rng.normal(size=200)
    levels = pl.DataFrame({"c": [f"v{v}" for v in city], "y": y + (city == 2)})
    assert permuted(read_case(levels, "y")) < 0.01
    gaps = pl.DataFrame({"x": np.where(y > 0.5, np.nan, rng.normal(size=200)), "y": y})
    assert permuted(read_case(gaps, "y")) < 0.01
    words = pl.DataFrame({"t": [" ".join(rng.choice(["a", "b", "c", "d"], 8)) for _ in range(200)], "y": y})
    assert permuted(read_case(words, "y")) == 1.0


def test_what_follows_from_its_own_past_is_no_tie() -> None:
    """Two random walks look tied, row by row; moved against each other they look as tied."""
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"x": rng.normal(size=400).cumsum(), "y": rng.normal(size=400).cumsum()})
    assert permuted(read_case(frame, "y")) < 0.01 < permuted(read_case(in_time(frame), "y", time="asked"))
