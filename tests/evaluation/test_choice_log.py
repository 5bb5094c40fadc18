"""What other weights would have chosen, against the truth of simulated payments: some actions hide what they were."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.decisions.explore_actions import ActionExploration, draw_actions
from poise.evaluation.choice_log import ChoiceLog
from poise.evaluation.off_policy_estimate import estimate

Floats = NDArray[np.float64]
ACTIONS = ("allow", "review", "block")
EXPLORE = ActionExploration(ACTIONS, share=0.2)
SHOWN = np.array([True, True, False])
"""A blocked payment never shows whether it was fraud."""


def worth(fraud: Floats, amount: Floats) -> dict[str, Floats]:
    """What each action comes to: money, and work, which depends on nothing."""
    money = np.stack([-fraud * amount, -4 - 0.1 * fraud * amount, -(1 - fraud) * 12], axis=1)
    return {"money": money, "work": np.tile([0.0, -1.0, 0.0], (len(fraud), 1))}


def policy(terms: dict[str, Floats], weights: dict[str, float], explore: ActionExploration = EXPLORE) -> Floats:
    scores = sum(weight * terms[term] for term, weight in weights.items())
    best = np.asarray(scores).argmax(axis=1).astype(np.int64)
    return explore.policy(best, np.ones((len(best), 3), np.bool_))


NOW, OTHER = {"money": 1.0, "work": 0.0}, {"money": 1.0, "work": 4.0}


def simulated(
    seed: int, hidden: bool, rows: int = 2_500, explore: ActionExploration = EXPLORE
) -> tuple[ChoiceLog, dict[str, Floats]]:
    """A log under the weights NOW, and what each action is truly worth on average in each row."""
    random = np.random.default_rng(seed)
    amount = np.exp(random.normal(3.5, 0.5, rows))
    chance = 1 / (1 + np.exp(-random.normal(-2, 1.2, rows)))
    fraud = (random.random(rows) < chance).astype(float)
    terms = worth(np.clip(chance * np.exp(random.normal(0, 0.3, rows)), 0, 1), amount)
    probable = policy(terms, NOW, explore)
    chosen = draw_actions(probable, seed * 100_000)
    came = worth(fraud, amount)
    if hidden:
        came["money"][chosen == 2] = np.nan
    time = 1_700_000_000_000_000 + np.arange(rows) * 600_000_000
    log = ChoiceLog(terms, came, chosen, probable, time, {"money": SHOWN} if hidden else {})
    return log, worth(chance, amount)


def coverage(name: str, hidden: bool, seeds: int) -> float:
    """How often the limits of the gain in money held the truth."""
    held = told = 0
    for seed in range(seeds):
        log, true = simulated(seed, hidden)
        then, now = policy(log.terms, OTHER), policy(log.terms, NOW)
        gain = float(((then - now) * true["money"]).sum(axis=1).mean())
        made = estimate(name, log.under(then)["money"], log.under(now)["money"])
        told += made.refused is None
        held += made.refused is None and made.gain.low <= gain <= made.gain.high
    assert told > 0.9 * seeds
    return held / told


@pytest.mark.parametrize("hidden", [False, True], ids=["seen", "hidden"])
def test_most_limits_hold_the_truth(hidden: bool) -> None:
    assert coverage("doubly-robust", hidden, 12) >= 0.65


@pytest.mark.soak
@pytest.mark.parametrize("hidden", [False, True], ids=["seen", "hidden"])
@pytest.mark.parametrize("name", ["ips", "snips", "doubly-robust"])
def test_nine_of_ten_limits_hold_the_truth(name: str, hidden: bool) -> None:
    assert 0.85 <= coverage(name, hidden, 200) <= 0.95


def test_what_is_hidden_is_made_up_for() -> None:
    """Over many logs the estimates average to the truth."""
    off = []
    for seed in range(25):
        log, true = simulated(seed, hidden=True, rows=1_500)
        then = policy(log.terms, OTHER)
        truth = float((then * true["money"]).sum(axis=1).mean())
        rows = log.under(then)["money"]
        off.append(estimate("ips", rows, rows).value.value - truth)
    assert abs(np.mean(off)) < 3 * np.std(off) / 5


def test_the_logging_policy_itself_comes_to_what_came_true() -> None:
    log, _ = simulated(3, hidden=False)
    rows = log.under(log.policy)
    assert rows["money"].weight == pytest.approx(np.ones(log.count))
    came = log.realised["money"][np.arange(log.count), log.chosen].mean()
    assert estimate("ips", rows["money"], rows["money"]).value.value == pytest.approx(came)
    work = estimate("doubly-robust", rows["work"], rows["work"]).value
    assert work.value == pytest.approx(float((log.policy * log.terms["work"]).sum(axis=1).mean()), abs=1e-9)


def test_a_log_without_exploration_refuses() -> None:
    for hidden in (False, True):
        log, _ = simulated(4, hidden, explore=ActionExploration(ACTIONS))
        then, now = (policy(log.terms, one, ActionExploration(ACTIONS)) for one in (OTHER, NOW))
        made = estimate("doubly-robust", log.under(then)["money"], log.under(now)["money"])
        assert made.refused is not None and made.refused.startswith("the log was made without exploration")


def test_the_newest_choices_are_kept() -> None:
    log, _ = simulated(5, hidden=True)
    last = log.newest(40)
    assert last.count == 40 and last.time.tolist() == log.time[-40:].tolist()
    assert last.policy.tolist() == log.policy[-40:].tolist() and last.reveals is log.reveals
