"""The long form of the kill test of ingest: 50 kills a run, in several runs of their own chance."""

from __future__ import annotations

import pytest
from tests.data.conftest import Bench, system
from tests.data.test_kill import survive

KILLS = 50


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_kill_at_random_points_loses_and_doubles_nothing(tmp_path, seed):
    survive(Bench(tmp_path), lambda **sources: system("UTC", **sources), KILLS, seed)
