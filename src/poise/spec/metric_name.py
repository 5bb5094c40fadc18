"""What a requirement's `metric` names: a metric of an objective, a term of the decision, how well lists are ordered, or
a number of serving."""

from __future__ import annotations

import re
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
MOST_PLACES = 10_000
"""No list is longer: a request has at most so many candidates."""

_PLACES = re.compile(r"[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class MetricName:
    """`owner` is the objective, `decision` or empty; `name` the metric, the term, or the number of serving.

    The kind `list` is a metric of lists, of an objective or the decision.
    """

    kind: Literal["objective", "decision", "list", "serving"]
    owner: str
    name: str


@dataclass(frozen=True, slots=True)
class ListName:
    """A metric of lists and over how many places it looks; None = as many as are shown."""

    metric: str
    k: int | None


def metric_name(text: str, system: SystemSpec) -> MetricName:
    """What `text` names in `system`. Raises `SpecError` with the nearest known name.

    >>> metric_name("latency_p9", SystemSpec.model_construct(objectives={}, decision=None))
    Traceback (most recent call last):
    poise.errors.SpecError: there is no metric 'latency_p9' (did you mean 'latency_p99'?)
    """
    if text in SERVING:
        return MetricName("serving", "", text)
    owner, dot, name = text.partition(".")
    if not dot:
        raise SpecError(f"there is no metric '{text}'", hint=did_you_mean(text, _known(system)))
    if owner == "decision":
        return _of_decision(text, name, system)
    if owner not in system.objectives:
        raise SpecError(f"there is no objective '{owner}'", hint=did_you_mean(owner, system.objectives))
    if named_list(text, system) is not None:
        return MetricName("list", owner, name)
    if name not in registry.names("metric"):
        hint = did_you_mean(name, [*registry.names("metric"), *registry.names("list-metric")])
        raise SpecError(f"there is no metric '{name}'", hint=hint)
    return MetricName("objective", owner, name)


def list_name(name: str) -> ListName | None:
    """The metric of lists that `name` (without its owner) is; None where it is something else.

    Raises `SpecError` for a number of places that makes no sense.

    >>> list_name("ndcg@10"), list_name("log_loss")
    (ListName(metric='ndcg', k=10), None)
    >>> list_name("mrr@0")
    Traceback (most recent call last):
    poise.errors.SpecError: 'mrr@0' looks at '0' places (write mrr@K with K from 1 to 10,000, e.g. mrr@10)
    """
    metric, at, places = name.partition("@")
    known = registry.names("list-metric")
    if metric not in known:
        if at:
            raise SpecError(f"'{name}': there is no metric of lists '{metric}'", hint=did_you_mean(metric, known))
        return None
    hint = f"write {metric}@K with K from 1 to {MOST_PLACES:,}, e.g. {metric}@10"
    if not at and registry.get("list-metric", metric).needs_k:
        raise SpecError(f"'{name}' does not say over how many places", hint=hint)
    if at and (not _PLACES.fullmatch(places) or int(places) > MOST_PLACES):
        raise SpecError(f"'{name}' looks at '{places}' places", hint=hint)
    return ListName(metric, int(places) if at else None)


def named_list(text: str, system: SystemSpec) -> ListName | None:
    """The metric of lists that `text` (`decision.ndcg@10`, `order.mrr`) names in `system`.

    None where it names something else, such as a term of that name where actions are chosen.

    Raises `SpecError` where the system lists nothing, or the objective cannot order its lists.
    """
    owner, _, name = text.partition(".")
    decision = system.decision
    if owner == "decision" and decision is not None and name in decision.terms:
        return None
    found = list_name(name)
    if found is None or (owner != "decision" and owner not in system.objectives):
        return None
    if decision is None or not decision.lists:
        why = "no decision" if decision is None else "one that chooses actions"
        raise SpecError(
            f"'{text}' says how well lists are ordered, and the system has {why}", hint="see 'decision: list'"
        )
    if owner != "decision":
        _refuse_unfit(text, owner, system)
    return found


def _refuse_unfit(text: str, owner: str, system: SystemSpec) -> None:
    """Refuse an objective that has no single value for every row of a list."""
    decision, objective = system.decision, system.objectives[owner]
    assert decision is not None
    hint = f"write decision.{text.partition('.')[2]}, the order by all terms"
    if objective.per != decision.per:
        raise SpecError(f"'{text}': '{owner}' is per {objective.per}, and lists are of {decision.per}", hint=hint)
    if objective.given is not None:
        why = f"'{owner}' is given '{objective.given}', so that most rows of a list have no label"
        raise SpecError(f"'{text}': {why}", hint=hint)
    if objective.type not in ("binary", "regression"):
        raise SpecError(f"'{text}': '{owner}' is {objective.type}; lists are ordered by one value per row", hint=hint)


def _of_decision(text: str, name: str, system: SystemSpec) -> MetricName:
    decision = system.decision
    if decision is None:
        raise SpecError(f"'{text}' is a term of a decision, and the system has no 'decision'")
    if name in decision.terms:
        return MetricName("decision", "decision", name)
    if named_list(text, system) is not None:
        return MetricName("list", "decision", name)
    if name in registry.names("metric") and system.objectives:
        raise SpecError(f"{name} is a metric of objectives", hint=f"write e.g. {next(iter(system.objectives))}.{name}")
    known = [*decision.terms, *(registry.names("list-metric") if decision.lists else ())]
    raise SpecError(f"the decision has no term '{name}'", hint=did_you_mean(name, known))


def _known(system: SystemSpec) -> list[str]:
    terms = list(system.decision.terms) if system.decision else []
    if system.decision is not None and system.decision.lists:
        terms += registry.names("list-metric")
    objectives = [f"{owner}.{name}" for owner in system.objectives for name in registry.names("metric")]
    return [*SERVING, *(f"decision.{term}" for term in terms), *(objectives if len(objectives) <= 400 else ())]
