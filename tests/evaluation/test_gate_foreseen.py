"""Requirements relative to what is live, judged by the live release's log: what holds, what refuses, what cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poise.evaluation.blocks import Blocks
from poise.evaluation.foreseen import Foreseen, Foresight
from poise.evaluation.gate_decision import judge_decision
from poise.evaluation.gate_foreseen import judge_foreseen
from poise.evaluation.measures import DecisionMeasures
from poise.evaluation.off_policy import LoggedRows, Model
from poise.spec.requirement import Requirement

BLOCKS = 40


def foreseen(target: float, n: int = 4_000, *, explored: bool = True, sign: float = 1.0) -> Foreseen:
    """Two actions, the second worth twice the first; the log took it in half of the rows, the candidate in `target`."""
    random = np.random.default_rng(0)
    taken = (random.random(n) < 0.5) | (not explored)
    worth = sign * np.where(taken, 2.0, 1.0) * (1 + random.normal(size=n) / 5)
    blocks = Blocks(np.arange(n) * BLOCKS // n, "day", BLOCKS)

    def under(share: float) -> LoggedRows:
        model = Model(sign * np.where(taken, 2.0, 1.0), np.full(n, sign * (1 + share)))
        propensity = np.full(n, 0.5 if explored else 1.0)
        chance = np.where(taken, share, 1 - share)
        return LoggedRows(np.arange(n), propensity, chance, worth, np.ones(n), blocks, model)

    return Foreseen(under(target), under(0.5 if explored else 1.0), "choice", "r3", "2026-03-02T11:05")


def need(**bound: str) -> Requirement:
    return Requirement.model_validate({"who": "sales", "metric": "decision.revenue", **bound})


AT_LEAST = need(at_least="95%", relative_to="live")


@pytest.mark.parametrize(
    ("requirement", "target", "sign", "status"),
    [
        (AT_LEAST, 0.6, 1.0, "pass"),
        (AT_LEAST, 0.5, 1.0, "pass"),
        (AT_LEAST, 0.3, 1.0, "fail"),
        (AT_LEAST, 0.3, -1.0, "pass"),  # a cost that falls
        (AT_LEAST, 0.52, -1.0, "pass"),  # 101 % of the cost; 105 % are allowed
        (AT_LEAST, 0.7, -1.0, "fail"),
        (need(at_most="102%", relative_to="live"), 0.3, 1.0, "pass"),
        (need(at_most="102%", relative_to="live"), 0.7, 1.0, "fail"),
        (need(better_than="live"), 0.7, 1.0, "pass"),
        (need(better_than="live"), 0.5, 1.0, "fail"),
    ],
)
def test_the_limit_of_the_difference_decides(requirement: Requirement, target: float, sign: float, status: str) -> None:
    found = judge_foreseen(requirement, foreseen(target, sign=sign), "r3")
    assert found.status == status, found.words
    assert "4,000 choices of r3 since 2026-03-02T11:05, worth" in found.words and "doubly-robust" in found.words
    assert found.n == 4_000 and found.blocks == BLOCKS and found.counts == "choice"
    assert found.against is not None and found.against.value == pytest.approx(sign * 1.5, rel=0.02)


def test_too_few_are_insufficient_and_what_the_log_cannot_tell_is_named() -> None:
    few = judge_foreseen(AT_LEAST, foreseen(0.6, n=60), "r3")
    assert few.status == "insufficient" and "at least 100 choices in 20 blocks are needed" in few.words
    blind = judge_foreseen(AT_LEAST, foreseen(0.6, explored=False), "r3")
    assert blind.status == "cannot tell" and "the log was made without exploration" in blind.words


def measures(foresight: Foresight | None, unknown: str | None = "lists that were not shown") -> DecisionMeasures:
    return DecisionMeasures({}, Blocks(np.zeros(0, np.int64), "row", 0), unknown=unknown, foresight=foresight)


def test_the_log_is_asked_only_against_what_is_live() -> None:
    told = measures(Foresight({"revenue": foreseen(0.6)}))
    assert judge_decision(AT_LEAST, "revenue", told, "r3").status == "pass"
    for other in (need(at_least="0.3"), need(better_than="rule"), need(at_least="95%", relative_to="live", by="city")):
        assert judge_decision(other, "revenue", told, "r3").status == "cannot tell"
    silent = judge_decision(AT_LEAST, "revenue", measures(Foresight(why_not="r3 logged no list")), "r3")
    assert silent.status == "cannot tell" and "of the log: r3 logged no list" in silent.words


def test_where_the_log_cannot_tell_of_actions_the_judged_rows_do() -> None:
    blind, n = Foresight({"revenue": foreseen(0.6, explored=False)}), 400
    blocks = Blocks(np.arange(n) * 30 // n, "day", 30)
    terms = {"model": {"revenue": np.full(n, 1.1)}, "live": {"revenue": 1 + np.arange(n) % 2 / 100}}
    told = replace(measures(blind, None), terms=terms, blocks=blocks)
    assert judge_decision(AT_LEAST, "revenue", told, "r3").status == "pass"
