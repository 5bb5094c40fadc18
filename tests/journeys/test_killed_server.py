"""`poise serve` through kill -9 of itself and of its drain, under load; and what stops it from starting."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.killing import survive


def test_killed_at_random_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    told = survive(tmp_path / "bare", 3)
    assert len(told.accepted) > 50 and len(told.decided) > 10
