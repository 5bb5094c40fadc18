"""Guardrails on simulated callers: how soon what is worse is taken back, and how seldom what is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from poise.rollout.figures import Figures
from poise.rollout.guardrails import Guardrails, Verdict
from poise.rollout.sequential import MoreOften
from poise.serving.trial import Seen
from poise.spec.rollout import Guardrails as Declared

CALLERS = 20_000
Make = Callable[[bool, np.random.Generator], tuple[float, bool, float]]
"""What comes of one request, given whether the canary is asked: seconds, failed, the prediction."""


def alike(canary: bool, chance: np.random.Generator) -> tuple[float, bool, float]:
    """The same for both: some errors, latencies with a long tail, predictions."""
    return 0.001 * chance.lognormal(0, 0.5), chance.random() < 0.01, chance.beta(2, 5)


def failing(canary: bool, chance: np.random.Generator) -> tuple[float, bool, float]:
    return 0.001, canary, 0.5 * chance.random()


def slow(canary: bool, chance: np.random.Generator) -> tuple[float, bool, float]:
    seconds, failed, value = alike(canary, chance)
    return seconds * (5 if canary else 1), failed, value


def shifted(canary: bool, chance: np.random.Generator) -> tuple[float, bool, float]:
    seconds, failed, value = alike(canary, chance)
    return seconds, failed, min(1.0, value + 0.3) if canary else value


def stuck(canary: bool, chance: np.random.Generator) -> tuple[float, bool, float]:
    seconds, failed, value = alike(canary, chance)
    return seconds, failed, 0.25 if canary else value


def run(make: Make, requests: int, share: float = 0.1, seed: int = 0) -> tuple[int | None, Verdict | None]:
    """After how many requests what guardrail was breached, looked at after every 20; callers come back."""
    chance = np.random.default_rng(seed)
    rails = Guardrails(Declared(), share)
    units = chance.random(CALLERS) < share
    for number, unit in enumerate(chance.integers(0, CALLERS, requests).tolist()):
        canary = bool(units[unit])
        seconds, failed, value = make(canary, chance)
        figures = None if failed else Figures(None, {"late": value}, False)
        rails.see(Seen(unit, canary, seconds, failed, None), figures)
        if number % 20 == 0 and (breach := rails.breach()) is not None:
            return number, breach
    return None, None


@pytest.mark.parametrize(
    ("make", "guardrail", "within"),
    [(failing, "errors", 800), (slow, "slow", 2_500), (shifted, "scores", 4_000), (stuck, "scores", 2_500)],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_worse_is_taken_back_within_so_many_requests(make: Make, guardrail: str, within: int) -> None:
    for seed in range(3):
        after, breach = run(make, within, seed=seed)
        assert breach is not None and breach.guardrail == guardrail, (seed, breach)
        assert after is not None and "callers of the canary" in breach.says


def test_one_that_is_as_good_stays() -> None:
    assert [run(alike, 4_000, seed=seed)[0] for seed in range(10)] == [None] * 10


@pytest.mark.soak
def test_false_alarms_are_as_rare_as_declared() -> None:
    """At the very edge of what is allowed, looked at after every event of 2,000: at most 1 in 100 is taken back."""
    runs, alarms = 2_000, 0
    for seed in range(runs):
        chance = np.random.default_rng(seed)
        test = MoreOften(share=0.1, allowed=1.5)
        edge = 0.1 * 1.5 / (0.1 * 1.5 + 0.9)
        hits = np.cumsum(chance.random(2_000) < edge)
        alarms += bool((test.wealth(hits, np.arange(1, 2_001) - hits) >= 100).any())
    assert alarms <= 35, alarms  # of 2,000 at 1 %: 20, and three and a half standard deviations
    assert [run(alike, 20_000, share=0.5, seed=seed)[0] for seed in range(100)] == [None] * 100


def test_nothing_is_said_before_there_are_enough_answers() -> None:
    rails = Guardrails(Declared(), 0.1)
    for unit in range(49):
        rails.see(Seen(unit, True, 0.001, True, None), None)
    assert [one.verdict for one in rails.verdicts()] == ["unknown"] * 3 and rails.breach() is None
    rails.see(Seen(49, True, 0.001, False, None), None)
    breach = rails.breach()
    assert breach is not None and breach.to_dict()["verdict"] == "breached"
    assert breach.says.startswith("errors: 49 callers of the canary in 50 answers, 0 of the live release in 0")


def test_one_caller_who_fails_again_and_again_counts_once() -> None:
    rails = Guardrails(Declared(), 0.1)
    for _ in range(1_000):
        rails.see(Seen(7, True, 0.001, True, None), None)
    assert rails.breach() is None


def test_what_is_not_watched_says_nothing() -> None:
    rails = Guardrails(Declared(errors=None, scores=None), 0.1)
    assert [one.guardrail for one in rails.verdicts()] == ["slow"]
    for unit in range(1_000):
        rails.see(Seen(unit, unit % 10 == 0, 0.001, unit % 10 == 0, None), None)
    assert rails.breach() is None


def test_slow_is_what_is_required_where_that_is() -> None:
    rails = Guardrails(Declared(), 0.1, bound=0.05)
    for unit in range(3_000):
        rails.see(Seen(unit, unit % 10 == 0, 0.04 if unit % 10 == 0 else 0.001, False, None), None)
    assert rails.breach() is None and "longer than 50 ms" in rails.verdicts()[1].says


def test_predictions_of_few_values_are_compared_unless_they_are_all_alike() -> None:
    for values, breached in ((6, True), (3, False)):
        rails, chance = Guardrails(Declared(errors=None, slow=None), 0.5), np.random.default_rng(0)
        for unit in range(3_000):
            canary = unit % 2 == 0
            value = 1.0 if canary else float(chance.integers(0, values)) / values
            rails.see(Seen(unit, canary, 0.001, False, None), Figures(None, {"late": value}, False))
        breach = rails.breach()
        assert (breach is not None) == breached
        assert breached or rails.verdicts()[0].verdict == "unknown"
