"""What a list release is tried with before anyone depends on it: bodies for the rehearsal, and what models expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poise.features.plan import FeaturePlan
from poise.releases.contract import Contract
from poise.releases.examples import Sources
from poise.releases.list_samples import logged, longer
from poise.releases.list_trial import Trial, trial
from poise.releases.ranked import Listed
from poise.releases.training import Learned
from poise.spec.system import SystemSpec

LISTS, CANDIDATES = 300, 60_000
"""At most so many lists are rehearsed with, of so many candidates in all."""
USUAL = 5
"""Callers are taken to send so many times as many candidates as are shown, where no requirement says how many."""


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """Requests to decide: `logged` as the log has them, `lists` with as many candidates as callers may send; what the
    models expect of those; and what could not be tried, in sentences. All empty where no list is decided."""

    logged: tuple[dict[str, Any], ...] = ()
    lists: tuple[dict[str, Any], ...] = ()
    trial: Trial | None = None
    limits: tuple[str, ...] = ()


def usual_candidates(system: SystemSpec) -> int:
    """How many candidates callers are taken to send: as the decision says, else as many as a requirement says at most,
    else 5 times as many as are shown."""
    decision = system.decision
    if decision is not None and decision.candidates is not None:
        return decision.candidates
    named = [r.candidates for r in system.requirements if r.candidates is not None]
    return max(named) if named else USUAL * (1 if decision is None else decision.show)


def try_lists(
    made: Listed,
    contract: Contract,
    learned: Mapping[str, Learned],
    plans: Mapping[str, FeaturePlan],
    sources: Sources,
) -> Tried:
    """Logged lists, and longer ones made of them, spread over the judged rows."""
    decision, requests = made.ranker.decision, made.base.requests
    size = usual_candidates(made.system)
    base = logged(decision, requests, made.lists, made.rows, max(20, min(LISTS, CANDIDATES // size)))
    varies = {i.name for i in contract.inputs_of(decision.per) if i.varies}
    wide = longer(decision, requests, base, size, varies)
    predictors = {name: one.predictor for name, one in learned.items()}
    judged = made.base.columns.take(made.rows)
    tried = trial(made.system, made.ranker, predictors, plans[decision.per], sources.histories, wide, judged)
    bodies = tuple(wide.bodies(contract, decision))
    longest = max((len(body["candidates"]) for body in bodies), default=0)
    return Tried(tuple(base.bodies(contract, decision)), bodies, tried, _short(size, longest))


def _short(asked: int, longest: int) -> tuple[str, ...]:
    """That the log knows fewer items than callers may send."""
    if longest >= asked:
        return ()
    return (f"Lists were tried with {longest:,} candidates instead of {asked:,}: the log knows no more items.",)
