"""60 days of a market with shocks under `poise update`: no more promotions were worse than the error allows."""

from __future__ import annotations

from math import comb
from pathlib import Path

import pytest
from benchmarks.shocks import Shocks
from tests.updating.truth import live

ERROR = 0.05
"""How often a candidate that is no better may pass for better: 1 - `updates.level`."""


def likely(worse: int, of: int) -> float:
    """How probable so many false promotions, or more, are where each of so many comparisons errs so often."""
    return sum(comb(of, k) * ERROR**k * (1 - ERROR) ** (of - k) for k in range(worse, of + 1))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_promotions_are_not_worse_by_the_truth(tmp_path: Path, seed: int) -> None:
    found = live(Shocks(seed=seed), tmp_path / "market", 15, 1)
    print(f"seed {seed}: {found.compared} compared, {len(found.promotions)} promoted, {found.worse} worse: {found}")
    assert found.promotions, "shocks call for updates"
    assert likely(found.worse, found.compared) > 0.01, found.promotions
