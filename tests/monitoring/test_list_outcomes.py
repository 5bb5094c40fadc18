"""Which logged lists other weights may be judged from, and why the others may not."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from poise.monitoring.came_true import CameTrue
from poise.monitoring.list_outcomes import LoggedList, _why_not

TRUTH = CameTrue({"d.1": 0}, {"order": np.ones(1)}, np.array([True]))
LISTED: dict[str, Any] = {
    "ids": ["d"],
    "at": 5,
    "items": ["a", "b"],
    "scores": [0.2, 0.1],
    "terms": {"engagement": [0.2, 0.1]},
    "allowed": [1.0, 1.0],
    "shown": [0],
    "propensities": [1.0],
    "explored": None,
    "logged": [0],
    "sent": {},
    "features": {},
}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, None),
        ({"fallbacks": {"order": {"by": "constant", "why": "its model failed"}}}, "something simpler answered"),
        ({"terms": {}}, "nothing was predicted"),
        ({"logged": []}, "not logged in full"),
        ({"propensities": [0.9]}, "not those that their scores and seed give"),
        ({"shown": [1], "logged": [1]}, "not those that their scores and seed give"),
    ],
)
def test_lists_that_something_else_than_models_answered_are_left_out(more: dict[str, Any], why: str | None) -> None:
    """What a fallback says is no model's: from such a list nobody learns what the models would have shown."""
    one = msgspec.json.decode(msgspec.json.encode({**LISTED, **more}), type=LoggedList)
    said = _why_not(one, TRUTH.rows(["d.1"]), TRUTH)
    assert (said is None) if why is None else (said is not None and why in said)
