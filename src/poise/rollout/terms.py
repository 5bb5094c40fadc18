"""Realised terms of a canary beside those of the live release: what came of their decisions, once that is known."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.data.lake import Lake
from poise.monitoring.choice_outcomes import gather_choices
from poise.monitoring.list_outcomes import gather
from poise.serving.loaded import Loaded

Floats = NDArray[np.float64]
LEAST_DECISIONS, LEAST_CALLERS = 100, 20
"""Of each release, before any verdict."""
USUAL = 1_000
"""Callers at which the sequence of intervals is narrowest."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """n decisions of one release whose outcomes are known. callers: (n,) who asked, or the decision itself. terms: term
    -> (n,) what the decision came to. first: the T of the first one."""

    callers: Sequence[Hashable]
    terms: Mapping[str, Floats]
    first: int | None


@dataclass(frozen=True, slots=True)
class TermVerdict:
    """Of one term: the means per decision, by how much the canary's is above what is allowed (`apart`), and within what
    that is known at any time (`within`). `breached` where all of it lies below."""

    term: str
    verdict: Literal["holds", "breached", "unknown"]
    canary: float | None
    live: float | None
    apart: float | None
    within: float | None
    decisions: tuple[int, int]
    says: str

    def to_dict(self) -> dict[str, Any]:
        """As a document holds it."""
        return {
            "guardrail": f"terms.{self.term}",
            "verdict": self.verdict,
            "says": self.says,
            "canary": self.canary,
            "live": self.live,
            "within": self.within,
        }


def outcomes(loaded: Loaded, lake: Lake, sticky: str | None, since: int | None) -> Outcomes:
    """What came of the decisions of a release since that T (microseconds; None: of all that are logged)."""
    decision, system = loaded.system.decision, loaded.system
    if decision is None:
        return Outcomes((), {}, None)
    if loaded.ranker is not None:
        exposure = {} if loaded.basis is None else dict(loaded.basis.exposure)
        lists = gather(system, loaded.ranker, exposure, lake, loaded.release, since=since)
        if lists.log is None:
            return Outcomes((), {}, None)
        log, n = lists.log, lists.log.count
        callers = [_caller(one.sent, 0, sticky, one.ids[0]) for one in lists.records]
        sums = {t: np.bincount(log.decision, np.nan_to_num(v), n).astype(np.float64) for t, v in log.realised.items()}
        return Outcomes(callers, sums, int(log.time.min()))
    assert loaded.chooser is not None
    choices = gather_choices(system, loaded.chooser, lake, loaded.release, since=since)
    if choices.log is None:
        return Outcomes((), {}, None)
    chosen, rows = choices.log.chosen, np.arange(choices.log.count)
    callers = [_caller(one.record.sent, one.row, sticky, one.record.ids[one.row]) for one in choices.rows]
    realised = {t: v[rows, chosen] for t, v in choices.log.realised.items()}
    terms = {t: v for t, v in realised.items() if np.isfinite(v).all()}  # what actions hide is not the same for both
    return Outcomes(callers, terms, int(choices.log.time.min()))


def _caller(sent: Mapping[str, Sequence[Any]], row: int, sticky: str | None, own: str) -> Hashable:
    values = sent.get(sticky, ()) if sticky is not None else ()
    return ("caller", values[row]) if row < len(values) and values[row] is not None else own


def judge_terms(canary: Outcomes, live: Outcomes, allowed: float, alarms: float) -> tuple[TermVerdict, ...]:
    """Whether each term of the canary is lower than that of the live release by more than a share `allowed` of it.

    alarms: how probable it may be that a canary for which that is not so is said to, over all terms and however often
    this is asked. Means are ratios of sums over callers, whose decisions are not independent; the intervals hold at all
    times together, as callers become many (asymptotic confidence sequences: Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas, Ann. Statist. 52, 2024).

    >>> few = Outcomes(["u1"], {"revenue": np.ones(1)}, 0)
    >>> judge_terms(few, few, 0.1, 0.01)[0].says
    'terms.revenue: 1 decision of the canary and 1 of the live release are known: too few'
    """
    names = [name for name in live.terms if name in canary.terms]
    return tuple(_judged(name, canary, live, allowed, alarms / len(names)) for name in names)


def _judged(name: str, canary: Outcomes, live: Outcomes, allowed: float, alarms: float) -> TermVerdict:
    counts = len(canary.callers), len(live.callers)
    ours, theirs = _Mean.of(canary, name), _Mean.of(live, name)
    if min(counts) < LEAST_DECISIONS or min(ours.callers, theirs.callers) < LEAST_CALLERS:
        one = "decision" if counts[0] == 1 else "decisions"
        said = f"{counts[0]:,} {one} of the canary and {counts[1]:,} of the live release are known: too few"
        return TermVerdict(name, "unknown", None, None, None, None, counts, f"terms.{name}: {said}")
    apart = ours.value - theirs.value + allowed * abs(theirs.value)
    share = 1 - math.copysign(allowed, theirs.value)
    within = _radius(math.hypot(ours.error, share * theirs.error), ours.callers + theirs.callers, alarms)
    verdict: Literal["holds", "breached"] = "breached" if apart + within < 0 else "holds"
    said = f"{ours.value:.4g} a decision by the canary ({counts[0]:,}), {theirs.value:.4g} by the live release"
    said += f" ({counts[1]:,}), known within {within:.2g}; at most {100 * allowed:.3g}% less is allowed"
    return TermVerdict(name, verdict, ours.value, theirs.value, apart, within, counts, f"terms.{name}: {said}")


@dataclass(frozen=True, slots=True)
class _Mean:
    """A mean per decision, its standard error over callers, and how many these are."""

    value: float
    error: float
    callers: int

    @classmethod
    def of(cls, made: Outcomes, term: str) -> _Mean:
        numbers: dict[Hashable, int] = {}
        at = np.array([numbers.setdefault(one, len(numbers)) for one in made.callers], np.int64)
        sums, counts = np.bincount(at, made.terms[term]), np.bincount(at)
        if len(counts) < 2:
            return cls(math.nan, math.inf, len(counts))
        value = float(sums.sum() / counts.sum())
        spread = float(np.square(sums - value * counts).sum()) * len(counts) / (len(counts) - 1)
        return cls(value, math.sqrt(spread) / float(counts.sum()), len(counts))


def _radius(error: float, callers: int, alarms: float) -> float:
    """Half of the interval at `callers`, one-sided, of a sequence that is narrowest at `USUAL`."""
    level = 2 * alarms
    rho = (-2 * math.log(level) + math.log(-2 * math.log(level) + 1)) / USUAL
    grown = callers * rho + 1
    return error * math.sqrt(callers) * math.sqrt(2 * grown / (callers**2 * rho) * math.log(math.sqrt(grown) / level))
