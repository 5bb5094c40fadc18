"""Logged choices with what came of them: what an action hides is unknown, and rows that cannot tell are left out."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from poise.decisions.choose import Chooser
from poise.decisions.explore_actions import draw_actions
from poise.decisions.terms import Predicted
from poise.monitoring.came_true import CameTrue
from poise.monitoring.choice_outcomes import _Choices, _log, _rows, _why_not, _why_not_row
from poise.spec.decision import Decision

CHOOSER = Chooser(
    Decision(
        per="payments",
        choose=("allow", "review", "block"),
        terms={
            "money": {"allow": "-fraud * amount", "review": "-4", "block": "-(1 - fraud) * 30"},
            "work": {"allow": "0", "review": "-1", "block": "0"},
        },
    ),
    {"fraud": Predicted("binary")},
    {"amount": "number"},
)
POLICY = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
TAKEN = [CHOOSER.actions[at] for at in draw_actions(np.array(POLICY), 5)]
RECORD: dict[str, Any] = {
    "ids": ["d0", "d1", "d2"],
    "at": 7,
    "actions": list(CHOOSER.actions),
    "chosen": TAKEN,
    "fallback": [False] * 3,
    "terms": {"money": [[-1.0, -4.0, -30.0]] * 3, "work": [[0.0, -1.0, 0.0]] * 3},
    "policy": POLICY,
    "explored": {"method": "epsilon", "share": 0.2, "seed": 5},
    "logged": [0, 1, 2],
    "sent": {"payment": ["p0", "p1", "p2"]},
    "features": {"amount": [50.0, 60.0, 70.0]},
}
TRUTH = CameTrue({"p0": 0, "p1": 1, "p2": 2}, {"fraud": np.array([1.0, 0.0, 1.0])}, np.ones(3, np.bool_))


def record(**more: Any) -> _Choices:
    return msgspec.json.decode(msgspec.json.encode({**RECORD, **more}), type=_Choices)


def test_what_was_seen_says_what_every_action_would_have_come_to() -> None:
    log, told = _log(CHOOSER, list(_rows(record(), TRUTH, "payment")), TRUTH, {})
    assert len(told) == log.count == 3 and not log.reveals
    assert log.realised["money"][:2].tolist() == [[-50.0, -4.0, 0.0], [0.0, -4.0, -30.0]]
    assert log.policy.tolist() == POLICY and log.time.tolist() == [7, 7, 7]


def test_what_the_action_taken_hides_is_unknown_and_its_row_stays() -> None:
    taken = ["block", "allow", "block"]
    log, _ = _log(CHOOSER, list(_rows(record(chosen=taken), TRUTH, "payment")), TRUTH, {"fraud": ("block",)})
    assert log.count == 3 and log.reveals["money"].tolist() == [True, True, False]
    assert "work" not in log.reveals, "nothing that is hidden is in it"
    assert np.isnan(log.realised["money"][[0, 2], 0]).all() and log.realised["money"][1, 0] == 0.0
    rows = log.under(np.array(POLICY))["money"]
    assert rows.target.tolist() == [0.0, 1.0, 0.0] and rows.propensity[1] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, None),
        ({"actions": ["allow", "block"]}, "among other actions"),
        ({"fallbacks": {"fraud": {"by": "constant"}}}, "something simpler answered"),
        ({"policy": []}, "without the probabilities"),
        ({"fallback": [True, False, False]}, "no action had a score"),
        ({"logged": []}, "not logged in full"),
        ({"sent": {"payment": ["p9", "p1", "p2"]}}, "never came in"),
        ({"explored": {"method": "epsilon", "seed": 0}, "policy": [[0.0, 0.0, 1.0]] * 3}, "not the one that their"),
    ],
)
def test_choices_that_cannot_tell_are_left_out_with_the_reason(more: dict[str, Any], why: str | None) -> None:
    if "explored" in more:
        more = {**more, "chosen": ["allow"] * 3}
    truth = CameTrue({**TRUTH.place, "d0": 0}, TRUTH.labels, TRUTH.known)
    one = record(**more)
    said = _why_not(one, CHOOSER) or _why_not_row(next(iter(_rows(one, truth, "payment"))), truth)
    assert (said is None) if why is None else (said is not None and why in said)


def test_without_an_id_that_was_sent_the_decision_names_the_row() -> None:
    truth = CameTrue({"d1": 4}, {}, np.ones(5, np.bool_))
    assert [one.truth for one in _rows(record(sent={}), truth, "payment")] == [-1, 4, -1]
