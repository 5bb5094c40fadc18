"""What is asked of every change learns in three folds and two draws; `make soak` asks the same with all of them."""

from __future__ import annotations

import pytest

from poise.assessment import folds, learning_curve


@pytest.fixture(autouse=True)
def few_folds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("soak") or request.node.path.name in ("test_folds.py", "test_trials.py"):
        return
    monkeypatch.setattr(folds, "FEW_ROWS", 0)
    monkeypatch.setattr(folds, "SOME_ROWS", 0)
    monkeypatch.setattr(learning_curve, "DRAWS", 2)
