"""The long form of the kill test of the drain: 50 kills at chosen points and 50 at random times."""

from __future__ import annotations

import pytest
from tests.data.conftest import Bench, system
from tests.data.test_drain import SOURCES
from tests.data.test_drain_kill import survive

KILLS = 50


@pytest.mark.soak
def test_kill_at_any_point_loses_and_doubles_nothing(tmp_path):
    survive(Bench(tmp_path), system("UTC", **SOURCES), KILLS, 1)
