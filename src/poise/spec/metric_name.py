"""What a requirement's `metric` names: a metric of an objective, a term of the decision, or a number of serving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from poise import registry
from poise.errors import SpecError, did_you_mean
from poise.spec.system import SystemSpec

SERVING: dict[str, Literal["s", "B", ""]] = {
    "latency_p50": "s",
    "latency_p99": "s",
    "release_size": "B",
    "cost_per_1000": "",
    "training_cost": "",
}
"""Numbers of serving and training, with the unit of their bounds: seconds, bytes, or plain (money)."""
LATENCIES = ("latency_p50", "latency_p99")
COSTS = ("cost_per_1000", "training_cost")


@dataclass(frozen=True, slots=True)
class MetricName:
    """`owner` is the objective, `decision` or empty; `name` the metric, the term, or the number of serving."""

    kind: Literal["objective", "decision", "serving"]
    owner: str
    name: str


def metric_name(text: str, system: SystemSpec) -> MetricName:
    """What `text` names in `system`. Raises `SpecError` with the nearest known name.

    >>> metric_name("latency_p9", SystemSpec.model_construct(objectives={}, decision=None))
    Traceback (most recent call last):
    poise.errors.SpecError: there is no metric 'latency_p9' (did you mean 'latency_p99'?)
    """
    if text in SERVING:
        return MetricName("serving", "", text)
    owner, dot, name = text.partition(".")
    if dot and owner == "decision" and system.decision is not None:
        if name not in system.decision.terms:
            hint = did_you_mean(name, system.decision.terms)
            raise SpecError(f"the decision has no term '{name}'", hint=hint)
        return MetricName("decision", owner, name)
    if dot and owner == "decision":
        raise SpecError(f"'{text}' is a term of a decision, and the system has no 'decision'")
    if dot and owner in system.objectives:
        registry.get("metric", name)
        return MetricName("objective", owner, name)
    if dot:
        raise SpecError(f"there is no objective '{owner}'", hint=did_you_mean(owner, system.objectives))
    raise SpecError(f"there is no metric '{text}'", hint=did_you_mean(text, _known(system)))


def _known(system: SystemSpec) -> list[str]:
    terms = system.decision.terms if system.decision else ()
    objectives = [f"{owner}.{name}" for owner in system.objectives for name in registry.names("metric")]
    return [*SERVING, *(f"decision.{term}" for term in terms), *(objectives if len(objectives) <= 400 else ())]
