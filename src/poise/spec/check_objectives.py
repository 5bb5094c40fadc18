"""Cross-checks of objectives: whose rows, when, given what, and with which learners and metric."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from poise import registry
from poise.errors import SpecError
from poise.spec.check_labels import check_label
from poise.spec.faults import Faults
from poise.spec.objective import Objective
from poise.spec.source_types import why_not_sent
from poise.spec.yaml_text import KeyPath

RESERVED = {"decision": "requirements name terms by it (decision.term)"}


def check_objectives(faults: Faults) -> None:
    """Note what is wrong with each objective, features and rules excepted."""
    for name, objective in faults.system.objectives.items():
        path: KeyPath = ("objectives", name)
        _name(faults, path, name, objective)
        _learning(faults, path, objective)
        if not faults.one_of((*path, "per"), objective.per, faults.system.sources, "source"):
            continue
        _at(faults, path, objective)
        check_label(faults, (*path, "label"), objective)
        _given(faults, path, name, objective)


def _name(faults: Faults, path: KeyPath, name: str, objective: Objective) -> None:
    faults.word(path, name)
    if name in RESERVED:
        faults.add(path, f"an objective cannot be named '{name}': {RESERVED[name]}")
    if name in faults.system.sources:
        faults.add(
            path, f"'{name}' is a source; an objective needs another name, since '{name}.x' would mean two things"
        )
    if objective.per in faults.types and name in faults.sent(objective.per):
        faults.add(path, f"'{name}' is a request column of '{objective.per}'; an objective needs another name")


def _learning(faults: Faults, path: KeyPath, objective: Objective) -> None:
    if objective.rungs is not None:
        known = registry.names("learner")
        for rung in objective.rungs:
            faults.one_of((*path, "rungs"), rung, known, "rung")
        if not objective.rungs or len(set(objective.rungs)) < len(objective.rungs):
            faults.add((*path, "rungs"), "'rungs' must name learners, each once")
    if objective.worth is not None and not 0 <= objective.worth <= 1:
        faults.add((*path, "worth"), f"{objective.worth:g} is not a share of a gain: 0 to 1, or 0% to 100%")
    if objective.worth is not None and objective.prefer == "best":
        faults.add((*path, "worth"), "'worth' does nothing beside 'prefer: best', which takes the best in any case")
    if objective.rule is not None and objective.rungs is not None and "rule" not in objective.rungs:
        faults.add((*path, "rule"), "'rule' does nothing here, as 'rungs' leaves the rung 'rule' out")
    if objective.metric is not None:
        check_metric(faults, (*path, "metric"), objective.metric, objective)


def check_metric(faults: Faults, path: KeyPath, name: str, objective: Objective) -> bool:
    """Note a metric that does not exist or does not fit the objective's type."""
    try:
        metric = registry.get("metric", name)
    except SpecError as error:
        faults.add_error(path, error)
        return False
    if objective.type not in metric.works_with:
        fitting = [other for other in registry.names("metric") if objective.type in _fits(other)]
        faults.add(path, f"{name} does not fit a {objective.type} objective", f"fitting: {', '.join(fitting)}")
        return False
    return True


def _fits(metric: str) -> Iterable[str]:
    found: frozenset[str] = registry.get("metric", metric).works_with
    return found


def _at(faults: Faults, path: KeyPath, objective: Objective) -> None:
    if objective.at is None:
        return
    source = faults.system.sources[objective.per]
    known = {*faults.sent(objective.per), source.time}
    path, untyped = (*path, "at"), faults.untyped[objective.per]
    found = faults.expression(path, objective.at, faults.names_of(objective.per), untyped=untyped)
    if found is None:
        return
    expression, kind = found
    if kind != "time":
        faults.add(path, f"'{objective.at}' is a {kind}; an instant is needed", "e.g. departs - 2h")
    for column in sorted(expression.names - known):
        why, hint = why_not_sent(source, faults.system, column)
        faults.add(path, f"'{column}' {why}", hint)


def _given(faults: Faults, path: KeyPath, name: str, objective: Objective) -> None:
    if objective.given is None:
        return
    path = (*path, "given")
    if not faults.one_of(path, objective.given, faults.system.objectives, "objective"):
        return
    parent = faults.system.objectives[objective.given]
    if parent.type != "binary":
        faults.add(path, f"'{objective.given}' is {parent.type}; an objective can only be given a binary one")
    if parent.per != objective.per:
        faults.add(
            path, f"'{objective.given}' is per {parent.per}, and '{name}' per {objective.per}; both must be the same"
        )
    if objective.at is not None and objective.at != parent.at:
        faults.add((*path[:-1], "at"), f"given '{objective.given}', '{name}' is asked when that is: leave out 'at'")
    if objective.given == name:
        faults.add(path, f"'{name}' cannot be given itself")
        return
    ring = [name]
    while (above := faults.system.objectives[ring[-1]].given) in faults.system.objectives:
        if above in ring:
            if above == name:
                faults.add(path, f"objectives are given each other in a ring: {' -> '.join([*ring, above])}")
            return
        ring.append(str(above))


def check_parts(faults: Faults) -> None:
    """Note parts that are not a division of the whole."""
    parts = faults.system.parts.model_dump()
    for name, share in parts.items():
        if not (isfinite(share) and share > 0):
            faults.add(("parts", name), f"the part '{name}' is {share:g}; each part needs more than 0")
    total = sum(parts.values())
    if abs(total - 1) > 1e-6:
        listed = ", ".join(f"{name} {share:g}" for name, share in parts.items())
        faults.add(("parts",), f"the parts sum to {total:g}, not to 1: {listed}")
