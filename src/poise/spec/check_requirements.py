"""Cross-checks of requirements: a metric that exists and fits, a bound in its unit, a slice that rows have."""

from __future__ import annotations

from math import isfinite

from poise import registry
from poise.errors import SpecError
from poise.spec.check_features import Carried
from poise.spec.check_objectives import check_metric
from poise.spec.faults import Faults
from poise.spec.metric_name import COSTS, LATENCIES, SERVING, MetricName, metric_name
from poise.spec.requirement import Bound, Requirement
from poise.spec.yaml_text import KeyPath

_EXAMPLES = {"s": "100ms", "B": "20MB", "": "0.02"}


def check_requirements(faults: Faults, carried: Carried | None) -> None:
    """Note what is wrong with each requirement, and terms that requirements could not name."""
    _clashes(faults)
    for index, requirement in enumerate(faults.system.requirements):
        path: KeyPath = ("requirements", index)
        if not requirement.who.strip():
            faults.add((*path, "who"), "a requirement needs its owner")
        try:
            name = metric_name(requirement.metric, faults.system)
        except SpecError as error:
            faults.add_error((*path, "metric"), error)
            continue
        if name.kind == "objective":
            objective = faults.system.objectives[name.owner]
            if not check_metric(faults, (*path, "metric"), name.name, objective):
                continue
        _bound(faults, path, requirement, name)
        _keys(faults, path, requirement, name)
        if requirement.by is not None and name.kind != "serving":
            check_slice(faults, (*path, "by"), requirement.by, _per(faults, name), carried)


def _clashes(faults: Faults) -> None:
    """Where items are listed, a term named like a metric of lists would make `decision.mrr` mean two things."""
    decision = faults.system.decision
    if decision is None or not decision.lists:
        return
    for term in decision.terms:
        if term in registry.names("list-metric"):
            why = f"a term cannot be named '{term}': decision.{term} says how well lists are ordered"
            faults.add(("decision", "terms", term), why, "call it by what it is worth, e.g. revenue")


def _per(faults: Faults, name: MetricName) -> str:
    if name.kind in ("decision", "list"):
        assert faults.system.decision is not None
        return faults.system.decision.per
    return faults.system.objectives[name.owner].per


def _bound(faults: Faults, path: KeyPath, requirement: Requirement, name: MetricName) -> None:
    key = "at_most" if requirement.at_most is not None else "at_least"
    bound: Bound | None = getattr(requirement, key)
    if bound is None:
        return
    path = (*path, key)
    if not isfinite(bound.value):
        faults.add(path, "a finite number is needed")
    elif name.kind == "serving":
        unit = SERVING[name.name]
        if bound.unit != unit:
            faults.add(path, f"'{bound.text}' is no bound on {name.name}", f"write e.g. {_EXAMPLES[unit]}")
    elif bound.unit in ("s", "B"):
        faults.add(path, f"'{bound.text}' is no bound on {requirement.metric}", "write a number or a percentage")
    elif bound.unit == "%" and requirement.relative_to is None and not _is_share(faults, name):
        hint = "write a number, or say relative_to: live, rule or constant"
        faults.add(path, f"'{bound.text}' of what? {requirement.metric} is no share", hint)
    elif requirement.relative_to is None:
        _reachable(faults, path, requirement.metric, bound, name)


def _reachable(faults: Faults, path: KeyPath, metric: str, bound: Bound, name: MetricName) -> None:
    """A bound that no release can clear is a slip of the pen."""
    if name.kind == "decision":
        return
    role, kind = ("list-metric", name.name.partition("@")[0]) if name.kind == "list" else ("metric", name.name)
    low, high = registry.get(role, kind).bounds
    if path[-1] == "at_least" and bound.value > high:
        faults.add(path, f"{metric} is never above {high:g}, and '{bound.text}' is", "write e.g. 0.8 or 80%")
    if path[-1] == "at_most" and bound.value < low:
        faults.add(path, f"{metric} is never below {low:g}, and '{bound.text}' is", "write a larger number")


def _is_share(faults: Faults, name: MetricName) -> bool:
    """Whether 5% of this metric can only mean 0.05."""
    if name.kind != "objective":
        return name.kind == "list"
    return bool(registry.get("metric", name.name).is_share(faults.system.objectives[name.owner].type))


def _keys(faults: Faults, path: KeyPath, requirement: Requirement, name: MetricName) -> None:
    """Keys that do not go with the metric."""
    if name.kind == "serving":
        for key in ("better_than", "relative_to", "by"):
            if getattr(requirement, key) is not None:
                faults.add((*path, key), f"'{key}' does not go with {name.name}", "write at_most with a number")
    decision = faults.system.decision
    lists = decision is not None and decision.lists
    if requirement.candidates is None and name.kind == "serving" and name.name in LATENCIES and lists:
        why = f"{name.name} of a list depends on how many candidates are sent, and 'candidates' is missing"
        faults.add((*path, "metric"), why, "write as many as callers send, e.g. candidates: 100")
    if name.kind == "list" and name.owner == "decision" and decision is not None and decision.rule is None:
        for key in ("better_than", "relative_to"):
            if getattr(requirement, key) == "rule":
                hint = "give the decision a 'rule' to sort by, or compare with constant (a random order)"
                faults.add((*path, key), "the decision has no rule", hint)
    if requirement.candidates is not None and name.name not in LATENCIES:
        faults.add((*path, "candidates"), f"'candidates' goes with {' and '.join(LATENCIES)}")
    if name.name in COSTS and name.kind == "serving" and faults.system.costs is None:
        hint = "write e.g. costs: {currency: USD, core_hour: 0.04}"
        faults.add((*path, "metric"), f"{name.name} needs prices, and the file has no 'costs'", hint)


def check_slice(faults: Faults, path: KeyPath, by: str, per: str, carried: Carried | None) -> None:
    """A slice is by a column of the row, a feature, or a column of another source whose key the row has."""
    if per not in faults.types:
        return
    source, dot, column = by.partition(".")
    if dot and source in faults.system.sources and source != per:
        if faults.column(path, source, column) is not None:
            key = faults.system.sources[source].key
            if key is None or any(part not in faults.types[per] for part in key):
                faults.add(path, f"'{by}' cannot be looked up: rows of '{per}' lack the key of '{source}'")
        return
    known = {*faults.types[per], *(f"{per}.{name}" for name in faults.types[per])}
    known |= set(carried.outputs.get(per, {})) if carried is not None else set()
    if carried is not None or not known:
        faults.one_of(path, by, known, "column")
