"""Choices that are explored: the answer and the log say what was drawn, and how probable each action was."""

from __future__ import annotations

import dataclasses
import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from poise.clock import ReplayClock
from poise.decisions.explore_actions import draw_actions
from poise.serving.answer import Answerer
from poise.spec.decision import Decision, Explore

ROWS = json.dumps({"rows": [{"carrier": "UA", "distance": 300.0 + 40 * i, "departs": None} for i in range(100)]})


def exploring(stand_ins: ModuleType, explore: Explore | None) -> Answerer:
    loaded = stand_ins.loaded()
    decision = loaded.system.decision.model_copy(update={"explore": explore})
    system = loaded.system.model_copy(update={"decision": decision})
    seeds = iter(range(5, 10**6))
    made = Answerer(
        dataclasses.replace(loaded, system=system),
        stand_ins.StandInStore(),
        ReplayClock(stand_ins.NOW),
        seeds=lambda: next(seeds),
    )
    made.logs = True
    return made


def test_an_explored_choice_says_how_it_was_drawn(stand_ins: ModuleType) -> None:
    answerer = exploring(stand_ins, Explore(method="epsilon", share=0.4, never=("rebook",)))
    answer = answerer.decide(ROWS.encode())
    assert answer.kept is not None
    found, kept = json.loads(answer.body)["decisions"], json.loads(answer.kept.encoded())
    policy = np.array(kept["policy"])
    assert draw_actions(policy, kept["explored"]["seed"]).tolist() == [kept["actions"].index(c) for c in kept["chosen"]]
    set_aside = 0
    for row, one in enumerate(found):
        best = one["actions"][0]["action"]
        assert kept["propensities"][row] == one["propensity"] == one["policy"][one["chosen"]]
        assert list(one["policy"].values()) == kept["policy"][row]
        again = draw_actions(np.array([list(one["policy"].values())]), one["explored"]["seed"])
        assert kept["actions"][again[0]] == one["chosen"] == kept["chosen"][row]
        assert one["policy"][best] == pytest.approx(0.6) and (one["policy"]["rebook"] == 0 or best == "rebook")
        set_aside += one["chosen"] != best
    assert 25 < set_aside < 55


def test_without_exploration_the_best_is_certain(stand_ins: ModuleType) -> None:
    answer = exploring(stand_ins, None).decide(ROWS.encode())
    assert answer.kept is not None
    kept = json.loads(answer.kept.encoded())
    assert kept["explored"] is None and set(kept["propensities"]) == {1.0}
    assert all(one["chosen"] == one["actions"][0]["action"] for one in json.loads(answer.body)["decisions"])


@pytest.mark.parametrize(
    ("explore", "said"),
    [
        ({"method": "plackett-luce", "temperature": 1}, "actions are explored by epsilon"),
        ({"method": "epsilon", "share": 0.1, "top": 5}, "'explore.top' goes with 'list'"),
        ({"method": "epsilon", "share": 0.1, "near": 1}, "'explore.near' goes with a grid of prices"),
    ],
)
def test_what_does_not_go_with_actions_is_refused(explore: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Decision(per="rows", choose=("a", "b"), terms={"t": {"a": 1, "b": "x"}}, explore=explore)
