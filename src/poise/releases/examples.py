"""From the lake to rows that models learn from: requests, features as of T, labels and their parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.data.lake import Lake
from poise.data.taken import Taken
from poise.errors import NotEnoughData
from poise.evaluation.parts import Index, Split, split
from poise.evaluation.parts_within import parts_within
from poise.features.base import Output
from poise.features.keys import joint_codes
from poise.features.label_reads import label_reads
from poise.features.labels import Labels, label
from poise.features.plan import FeaturePlan
from poise.features.requests import ROW, asked_at, requests_of
from poise.features.rows import request_columns
from poise.models.base import Examples
from poise.releases.actors import Actors, actors_of, weights_of
from poise.releases.censoring import Censored, censored, taken_columns, taken_of, without_hidden
from poise.releases.extras import own_column
from poise.releases.learn_from import LearnFrom, judged_without, kept, without
from poise.spec.expression import parse
from poise.spec.objective import Objective
from poise.spec.source_types import group_column, listed_by
from poise.spec.system import SystemSpec
from poise.table import History, Requests, Table

SEED = 0
"""Every draw of a training run (parts without time, learners) starts here, so that a run can be repeated."""

EVERYTHING = LearnFrom()
"""Nothing is limited: all rows are learned from, and all weigh the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """The histories of one training run, read once, at recorded versions."""

    histories: Mapping[str, History]
    versions: Mapping[str, int]
    watermarks: Mapping[str, int | None]
    taken: Taken | None = None
    """Which actions were taken, where some hide what came of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """The rows of all parts that may be learned from, and what each row of the objective weighs for its age, (n,)."""

    rows: Index
    ages: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False)
class ObjectiveData:
    """Everything that one objective is learned and judged on. All arrays are aligned: one row per usable request."""

    name: str
    spec: Objective
    outputs: tuple[Output, ...]
    requests: Requests
    columns: Table
    """All features of the plan as of T, and what rules, slices and decisions look up."""
    target: NDArray[Any]
    classes: tuple[str, ...]
    known_at: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    counts: Mapping[str, int]
    split: Split
    again: Again | None = None
    """What the chosen model is learned from once more, once it is judged; None: it answers as it was judged."""
    actors: tuple[Actors, ...] = ()
    """Who brought the rows and labels, where a source caps what one may weigh."""
    ages: NDArray[np.float64] | None = None
    """What each row weighs for its age; None where all weigh 1."""
    shown: NDArray[np.float64] | None = None
    """What each row weighs for the chance by which it was seen; None where no action hides any."""
    censoring: Mapping[str, Any] | None = None
    """What actions hid, as `censoring.CensoringResult` has it."""

    def examples(self, index: Index) -> Examples:
        """Some rows as learners take them, in the order of T; nobody's weigh more among them than a source allows."""
        types = {output.name: output.type for output in self.outputs}
        weight = weights_of(self.actors, index, self._own_weights(index))
        return Examples(self.columns.take(index), types, self.target[index], weight, self.requests.time[index])

    def _own_weights(self, index: Index) -> NDArray[np.float64] | None:
        found = [weights[index] for weights in (self.ages, self.shown) if weights is not None]
        return np.asarray(np.prod(found, axis=0)) if found else None


def plans_of(system: SystemSpec, extra: Mapping[str, Iterable[str]]) -> dict[str, FeaturePlan]:
    """One plan per source that objectives predict for; `extra` names what else its rows must look up."""
    pers = dict.fromkeys(objective.per for objective in system.objectives.values())
    return {per: FeaturePlan.of(system, per, extra.get(per, ())) for per in pers}


def read_sources(
    system: SystemSpec,
    lake: Lake,
    plans: Mapping[str, FeaturePlan],
    extra: Mapping[str, Iterable[str]],
    versions: Mapping[str, int] | None = None,
    limits: LearnFrom = EVERYTHING,
) -> Sources:
    """The histories that features, labels and requests need, each with only the columns in use.

    Raises `NotEnoughData` where a source has no rows, or none of the asked version.
    """
    found = dict(lake.versions() if versions is None else versions)
    needed: dict[str, set[str]] = {}
    for per, plan in plans.items():
        for source, columns in plan.reads_with(extra.get(per, ())).items():
            needed.setdefault(source, set()).update(columns)
    for name, objective in system.objectives.items():
        own = needed.setdefault(objective.per, set())
        own.update(plans[objective.per].request_with(extra.get(objective.per, ())))
        own.update(_own_columns(system, objective))
        own.update(list_columns(system, objective.per), request_columns(system, objective.per))
        for source, taken in label_reads(system, name).items():
            needed.setdefault(source, set()).update(taken)
        for source in {objective.per, objective.label.from_ or objective.per}:
            trust = system.sources[source].trust
            needed.setdefault(source, set()).update([] if trust is None else [trust.actor])
            needed[source].update(limits.columns(source))
    for source in needed:
        if source not in found:
            raise NotEnoughData(f"the lake has no rows of source '{source}'", hint=lake.why_empty(source))
    histories = {s: lake.history(system, s, sorted(needed[s]), found[s]) for s in needed}
    watermarks = {s: lake.watermark(system, s, found[s]) for s in needed}
    return Sources(histories, {s: found[s] for s in needed}, watermarks, taken_of(system, lake))


def list_columns(system: SystemSpec, per: str) -> set[str]:
    """The columns that say which item a row of `per` shows, in which list and where; none where no list is decided."""
    decision = listed_by(system.sources[per], system)
    if decision is None:
        return set()
    return {name for name in (decision.list_, decision.item, decision.position) if name is not None}


def _own_columns(system: SystemSpec, objective: Objective) -> set[str]:
    """Columns of the predicted rows that say when they are asked for, group them or slice them."""
    source = system.sources[objective.per]
    grouped = {c for c in (source.entity, source.person) if c is not None}
    sliced = {own_column(system, objective.per, r.by) for r in system.requirements if r.by}
    asked = set() if objective.at is None else set(parse(objective.at).names)
    done = taken_columns(system, objective.per)
    return {*source.identity, *grouped, *asked, *done, *(c for c in sliced if c is not None)}


def assemble(
    system: SystemSpec,
    plans: Mapping[str, FeaturePlan],
    sources: Sources,
    extra: Mapping[str, Iterable[str]],
    limits: LearnFrom = EVERYTHING,
) -> dict[str, ObjectiveData]:
    """The rows of every objective, as far as `limits` reach. Features are computed once for all objectives that are
    asked at the same T."""
    labelled: dict[str, tuple[Requests, Labels]] = {}
    hidden: dict[str, tuple[Censored | None, NDArray[np.bool_]]] = {}
    for name, objective in system.objectives.items():
        requests = requests_of(system, name, sources.histories[objective.per])
        found = label(system, name, requests, sources.histories, sources.watermarks)
        hidden[name] = censored(system, name, requests, sources.taken), found.usable
        found = without_hidden(found, hidden[name][0])
        labelled[name] = requests, replace(found, usable=found.usable & limits.recent(requests.time))
    made: dict[tuple[str, str | None], tuple[NDArray[np.int64], Table]] = {}
    out: dict[str, ObjectiveData] = {}
    for name in parents_first(system):
        objective = system.objectives[name]
        asked = objective.per, asked_at(system, name)
        if asked not in made:
            together = [n for n, o in system.objectives.items() if (o.per, asked_at(system, n)) == asked]
            rows = np.flatnonzero(np.any([labelled[n][1].usable for n in together], axis=0))
            plan = plans[objective.per]
            asking = labelled[name][0].take(rows)
            made[asked] = rows, plan.batch(asking, sources.histories, extra.get(objective.per, ()))
        parent = None if objective.given is None else out[objective.given]
        one = _one(system, name, plans[objective.per], *labelled[name], *made[asked], parent)
        one = _seen(one, labelled[name][0], *hidden[name])
        actors = actors_of(system, name, one.requests, sources.histories)
        out[name] = _limited(system, replace(one, actors=actors), sources, limits)
    return {name: out[name] for name in system.objectives}


def _seen(data: ObjectiveData, requests: Requests, found: Censored | None, usable: NDArray[np.bool_]) -> ObjectiveData:
    """With what rows weigh for the chance by which they were seen. `usable`: those that labels can be told of."""
    if found is None:
        return data
    weights = found.weights[_places(data.requests, requests)]
    return replace(data, shown=weights, censoring=found.result(usable))


def _limited(system: SystemSpec, data: ObjectiveData, sources: Sources, limits: LearnFrom) -> ObjectiveData:
    """Without the groups that nothing is learned from (or judged on either), and with what rows weigh for their age."""
    keep = kept(system, data.name, data.requests, sources.histories, limits)
    split = data.split if keep is None else without(data.split, keep, system.parts)
    believed = kept(system, data.name, data.requests, sources.histories, limits.unbelieved)
    split = split if believed is None else judged_without(split, believed)
    time = data.requests.time
    ages = limits.ages(time, time[split.learning])
    if not limits.also_judged:
        return replace(data, split=split, ages=ages)
    judging = split.judge if keep is None else split.judge[keep[split.judge]]
    rows = np.sort(np.concatenate([split.learning, judging]))
    return replace(data, split=split, ages=ages, again=Again(rows, limits.ages(time, time[rows])))


def parents_first(system: SystemSpec) -> list[str]:
    """The objectives in the order of the file, each after the one that it is given."""
    found: list[str] = []

    def add(name: str) -> None:
        parent = system.objectives[name].given
        if parent is not None:
            add(parent)
        if name not in found:
            found.append(name)

    for name in system.objectives:
        add(name)
    return found


def _one(
    system: SystemSpec,
    name: str,
    plan: FeaturePlan,
    requests: Requests,
    labels: Labels,
    computed: NDArray[np.int64],
    table: Table,
    parent: ObjectiveData | None,
) -> ObjectiveData:
    """The rows of one objective out of the table that was computed for the rows `computed`, in the order of T."""
    spec = system.objectives[name]
    kept = np.flatnonzero(labels.usable[computed])
    kept = kept[np.argsort(requests.time[computed[kept]], kind="stable")]
    rows = computed[kept]
    narrow = plan.select(spec.features)
    in_place = len(kept) == table.height and bool((np.diff(kept) == 1).all())
    chosen = table if in_place else table.take(kept)
    own = requests.take(rows)
    groups = groups_of(system, spec.per, own)
    target, known_at = labels.target[rows], labels.known_at[rows]
    if parent is None:
        usable = np.ones(len(rows), bool)
        parts = split(system.parts, own.time, known_at, usable, groups, target, spec.type, SEED)
    else:
        parts = parts_within(parent.split, _places(own, parent.requests), known_at, groups)
    return ObjectiveData(
        name=name,
        spec=spec,
        outputs=narrow.outputs,
        requests=own,
        columns=chosen,
        target=target,
        classes=labels.classes,
        known_at=known_at,
        groups=groups,
        counts=labels.counts,
        split=parts,
    )


def _places(rows: Requests, among: Requests) -> NDArray[np.int64]:
    """The number of each row among those of another objective, which has all of them."""
    wanted, known = rows.rows[ROW].values, among.rows[ROW].values
    order = np.argsort(known, kind="stable")
    return order[np.searchsorted(known[order], wanted)]


def groups_of(system: SystemSpec, per: str, requests: Requests) -> NDArray[np.int64] | None:
    """The entity of each row, else its list; None where each row is its own. A row without one is its own too."""
    column = group_column(system.sources[per], system)
    if column is None:
        return None
    codes, _ = joint_codes([requests.rows[column]], [requests.rows[column]])
    alone = codes < 0
    top = int(codes.max(initial=-1)) + 1
    return np.where(alone, top + np.arange(len(codes)), codes)
