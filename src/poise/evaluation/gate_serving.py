"""Judging what serving and training take: latencies, size, cost."""

from __future__ import annotations

from collections.abc import Callable

from poise.errors import SpecError
from poise.evaluation.finding import Finding, Status, bound_words
from poise.evaluation.measures import Measured, ServingMeasures, needed_for_quantile, quantile_measured
from poise.evaluation.words import number, seconds, size
from poise.spec.requirement import Requirement

QUANTILES = {"latency_p50": 0.5, "latency_p99": 0.99}
NUMBERS = ("release_size", "cost_per_1000", "training_cost")
NAMES = (*QUANTILES, *NUMBERS)
"""The metrics of this gate."""


def judge_serving(requirement: Requirement, measures: ServingMeasures, sized: str = "rows per request") -> Finding:
    """What the measured numbers say of a bound. The upper limit of a latency is by order statistics of the requests.
    `sized` is what `candidates` counts.

    Raises `SpecError` for a bound in the wrong unit, or a requirement that compares or slices such a number.
    """
    _refuse_misfits(requirement)
    name = requirement.metric
    if name in QUANTILES:
        return _latency(requirement, measures, sized)
    found: Measured | None = getattr(measures, name)
    if found is None:
        why = "its folder was not measured" if name == "release_size" else "the file names no `costs: {core_hour: …}`"
        return Finding("insufficient", f"{name} is not known: {why}")
    shown = size if name == "release_size" else _money(measures.currency)
    return _against(requirement, found, name, shown, "")


def _latency(requirement: Requirement, measures: ServingMeasures, sized: str) -> Finding:
    rows = requirement.candidates or 1
    label = requirement.metric + (f" with {rows:,} {sized}" if rows > 1 else "")
    if rows not in measures.latencies:
        had = ", ".join(f"{n:,}" for n in sorted(measures.latencies)) or "none"
        return Finding("insufficient", f"{label} was not measured (measured {sized}: {had})")
    q = QUANTILES[requirement.metric]
    found = quantile_measured(measures.latencies[rows], q)
    needed = needed_for_quantile(q)
    if found.n < needed:
        words = f"{label} was measured with {found.n:,} requests; at least {needed} are needed"
        return Finding("insufficient", words, found.value, n=found.n)
    return _against(requirement, found, label, seconds, f" ({found.n:,} requests)")


def _against(
    requirement: Requirement, found: Measured, label: str, shown: Callable[[float, int], str], beside: str
) -> Finding:
    at_most = requirement.at_most is not None
    bound = requirement.at_most or requirement.at_least
    assert bound is not None
    limit = found.high if at_most else found.low
    clears = limit <= bound.value if at_most else limit >= bound.value
    words = bound_words(label, found.value, limit, clears, requirement, shown) + beside
    status: Status = "pass" if clears else "fail"
    return Finding(status, words, found.value, found.low, found.high, found.n, counts="request")


def _money(currency: str | None) -> Callable[[float, int], str]:
    return lambda value, digits: number(value, digits) + (f" {currency}" if currency else "")


def _refuse_misfits(requirement: Requirement) -> None:
    name = requirement.metric
    for key in ("better_than", "relative_to", "by"):
        if getattr(requirement, key) is not None:
            raise SpecError(f"`{key}` does not go with {name}", where=name, hint="write at_most with a number")
    bound = requirement.at_most or requirement.at_least
    assert bound is not None
    units = {"latency_p50": ("s",), "latency_p99": ("s",), "release_size": ("B",)}.get(name, ("",))
    if bound.unit not in units:
        example = {"s": "100ms", "B": "20MB", "": "0.02"}[units[0]]
        raise SpecError(f"'{bound.text}' is no bound on {name}", where=name, hint=f"write e.g. {example}")
