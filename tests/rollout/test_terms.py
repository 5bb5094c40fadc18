"""Realised terms of a canary beside those of the live release."""

from __future__ import annotations

import numpy as np
import pytest

from poise.rollout.terms import Outcomes, TermVerdict, judge_terms


def made(mean: float, decisions: int, seed: int, callers: int = 300) -> Outcomes:
    """Decisions of callers who differ among each other, each worth about `mean`."""
    chance = np.random.default_rng(seed)
    by = chance.integers(0, callers, decisions)
    of_caller = chance.gamma(2, 0.5, callers)  # of mean 1
    worth = mean * of_caller[by] * chance.exponential(1, decisions)
    return Outcomes([f"u{one}" for one in by], {"revenue": worth}, 0)


def verdict(canary: float, live: float, decisions: int, seed: int = 0) -> TermVerdict:
    found = judge_terms(made(canary, decisions, seed), made(live, 9 * decisions, seed + 9_999), 0.1, 0.01)
    return found[0]


def test_a_canary_whose_decisions_are_worth_less_is_found() -> None:
    found = [verdict(0.5, 1.0, 2_000, seed) for seed in range(10)]
    assert [one.verdict for one in found] == ["breached"] * 10
    assert "by the canary (2,000)" in found[0].says and found[0].to_dict()["guardrail"] == "terms.revenue"
    costs = judge_terms(made(-2.0, 2_000, 1), made(-1.0, 9_000, 2), 0.1, 0.01)
    assert costs[0].verdict == "breached", "of a term that is a loss, more of it is worse"


def test_one_that_is_as_good_or_a_little_worse_holds() -> None:
    assert {verdict(mean, 1.0, 2_000, seed).verdict for mean in (0.95, 1.0, 2.0) for seed in range(10)} == {"holds"}


def test_few_decisions_or_callers_say_nothing() -> None:
    assert verdict(0.1, 1.0, 99).verdict == "unknown"
    few = judge_terms(made(0.1, 1_000, 1, callers=10), made(1.0, 9_000, 2), 0.1, 0.01)[0]
    assert few.verdict == "unknown" and few.says.endswith("too few")
    assert judge_terms(Outcomes((), {}, None), made(1.0, 500, 2), 0.1, 0.01) == ()


@pytest.mark.soak
def test_false_alarms_of_terms_looked_at_again_and_again() -> None:
    """At the edge of what is allowed, looked at 20 times as decisions come in."""
    alarms = 0
    for seed in range(300):
        canary, live = made(0.9, 4_000, seed), made(1.0, 36_000, seed + 9_999)
        for share in np.linspace(0.05, 1, 20):
            some = [
                Outcomes(one.callers[:n], {"revenue": one.terms["revenue"][:n]}, 0)
                for one, n in ((canary, int(4_000 * share)), (live, int(36_000 * share)))
            ]
            if judge_terms(some[0], some[1], 0.1, 0.01)[0].verdict == "breached":
                alarms += 1
                break
    assert alarms <= 10, alarms  # of 300 at 1 %: 3, and four standard deviations
