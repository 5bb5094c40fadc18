"""The long form of the test of switching: two hundred changes of releases and weights under load."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.journeys.mixing import survive, written


@pytest.mark.soak
def test_two_hundred_changes_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    answers = survive(written(tmp_path), 200, seed=1)
    assert len(answers.pairs) > 50
