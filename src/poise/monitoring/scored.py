"""What a release makes of the rows of the lake: features, predictions, and the truth where it is known.

Rows need not have been answered by a server: what the release says of them is computed as it would have answered, with
features as of T. So a stream that came as files is watched as one that was served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.blocks import blocks_of
from poise.evaluation.climbing import Climb
from poise.evaluation.parts import Index, Split
from poise.features.labels import Labels, label
from poise.features.plan import FeaturePlan
from poise.features.requests import asked_at, requests_of
from poise.features.rows import is_timed
from poise.models.fallback import Fallback
from poise.models.predictor import Predictor
from poise.releases.contract import Contract
from poise.releases.examples import ObjectiveData, Sources, groups_of, parents_first
from poise.releases.folder import ReleaseFolder
from poise.releases.places import at_place
from poise.releases.training import BASELINES, Learned, metric_of
from poise.spec.source_types import listed_by, position_feature
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Requests, Table

Array = NDArray[Any]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Picks = Callable[[str, Requests], Flags]
"""Which requests of a source are looked at, (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The n rows of one objective, in the order of T.

    data: as training has it; `split.judge` are the rows whose truth is known, of which alone `target` says something.
    prediction, baselines: of all n rows. immature: (n,) rows whose label may still come.
    """

    data: ObjectiveData
    predictor: Predictor
    prediction: Array
    baselines: Mapping[str, Array]
    sorting: Mapping[str, Array]
    immature: Flags

    @property
    def time(self) -> Ints:
        """T in microseconds, (n,); `MISSING_TIME` where there is none."""
        return self.data.requests.time

    @property
    def usable(self) -> Flags:
        """The rows whose truth is known, (n,)."""
        found = np.zeros(self.data.requests.height, np.bool_)
        found[self.data.split.judge] = True
        return found

    def learned(self, rows: Index) -> Learned:
        """These rows (positions) as if they had been judged in training: what gates read is made of that."""
        data = replace(self.data, split=replace(self.data.split, judge=rows))
        groups = None if data.groups is None else data.groups[rows]
        return Learned(
            data=data,
            predictor=self.predictor,
            climb=Climb(self.predictor.model.kind, (), "", None),
            metric=metric_of(data.spec).name,
            judged=self.prediction[rows],
            baselines={name: values[rows] for name, values in self.baselines.items()},
            sorting={name: values[rows] for name, values in self.sorting.items()},
            blocks=blocks_of(self.time[rows], groups),
        )


def score(
    system: SystemSpec,
    folder: ReleaseFolder,
    plans: Mapping[str, FeaturePlan],
    extra: Mapping[str, tuple[str, ...]],
    sources: Sources,
    picks: Picks,
    until: int | None,
) -> dict[str, Scored]:
    """The rows that `picks` of every objective that the release in `folder` predicts.

    system: the release's own file. until: labels that were known only at or after that instant (microseconds) count as
    not known; None: as far as the lake goes.
    """
    watermarks = {name: _clipped(at, until) for name, at in sources.watermarks.items()}
    outputs = {output.name: output for output in Contract.from_json(folder.json("contract")).outputs}
    made: dict[tuple[str, str | None, bytes], Table] = {}
    found: dict[str, Scored] = {}
    for name in parents_first(system):
        if name not in outputs:
            continue
        spec = system.objectives[name]
        asked = requests_of(system, name, sources.histories[spec.per])
        asked = _in_order(asked.take(picks(spec.per, asked)))
        labels = label(system, name, asked, sources.histories, watermarks)
        key = spec.per, asked_at(system, name), asked.time.tobytes()
        if key not in made:
            made[key] = plans[spec.per].batch(asked, sources.histories, extra.get(spec.per, ()))
        source = spec.label.from_ if spec.label.from_ and system.sources[spec.label.from_].time else spec.per
        immature = _immature(labels, watermarks.get(source), timed=is_timed(system, spec.per))
        classes = outputs[name].classes
        found[name] = _scored(system, folder, plans, name, asked, labels, classes, made[key], immature)
    return {name: found[name] for name in system.objectives if name in found}


def _scored(
    system: SystemSpec,
    folder: ReleaseFolder,
    plans: Mapping[str, FeaturePlan],
    name: str,
    asked: Requests,
    labels: Labels,
    classes: tuple[str, ...],
    columns: Table,
    immature: Flags,
) -> Scored:
    spec = system.objectives[name]
    target, known = in_classes(labels, classes)
    predictor = Predictor.load(folder.model(name))
    fallback = Fallback.load(folder.model(name))
    first = at_place(columns, position_feature(system, spec.per))
    lists = listed_by(system.sources[spec.per], system) is not None
    groups = groups_of(system, spec.per, asked)
    nothing = np.empty(0, np.int64)
    parts = Split(
        "time" if is_timed(system, spec.per) else "entity",
        fit=nothing,
        tune=nothing,
        calibrate=nothing,
        judge=np.flatnonzero(known),
        border=0,
        unusable=int((~known).sum()),
        time=asked.time,
        known_at=labels.known_at,
        groups=np.arange(asked.height) if groups is None else groups,
        strata=np.zeros(asked.height, np.int64),
    )
    data = ObjectiveData(
        name=name,
        spec=spec,
        outputs=plans[spec.per].select(spec.features).outputs,
        requests=asked,
        columns=columns,
        target=target,
        classes=classes,
        known_at=labels.known_at,
        groups=groups,
        counts=labels.counts,
        split=parts,
    )
    prediction = predictor.predict(columns)
    rungs = {predictor.model.kind: predictor} | dict(fallback.rungs)
    names = [rung for rung in BASELINES if rung in rungs]
    baselines: dict[str, Array] = {rung: rungs[rung].predict(columns) for rung in names}
    sorting: dict[str, Array] = {rung: rungs[rung].predict(first) for rung in names} if lists else {}
    return Scored(data, predictor, prediction, baselines, sorting, immature)


def in_classes(labels: Labels, classes: tuple[str, ...]) -> tuple[Array, Flags]:
    """The truth by the classes of a release, and where it can be judged by: not where it is a class that is new."""
    if not classes or labels.target.ndim > 1 or labels.classes == classes:
        return labels.target, labels.usable
    place = {name: at for at, name in enumerate(classes)}
    lookup = np.array([*(place.get(name, -1) for name in labels.classes), -1], np.int64)
    target = lookup[labels.target]
    return target, labels.usable & (target >= 0)


def _in_order(asked: Requests) -> Requests:
    return asked.take(np.argsort(asked.time, kind="stable"))


def _immature(labels: Labels, complete: int | None, *, timed: bool) -> Flags:
    """The rows whose label would not have come in by the watermark."""
    if not timed or complete is None:
        return np.full(len(labels.usable), timed and complete is None)
    found: Flags = (labels.known_at > complete) & (labels.known_at != MISSING_TIME) & ~labels.usable
    return found


def _clipped(watermark: int | None, until: int | None) -> int | None:
    return watermark if watermark is None or until is None else min(watermark, until)
