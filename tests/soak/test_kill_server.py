"""The long form of the kill test of the whole server: 50 rounds over one home folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.journeys.killing import survive


@pytest.mark.soak
def test_fifty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    survive(tmp_path / "bare", 50, seed=1)
