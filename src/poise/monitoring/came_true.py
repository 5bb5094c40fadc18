"""What became of rows that were shown: the labels of each objective of a decision, by the id of the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.data import delta
from poise.data.lake import Lake
from poise.errors import NotEnoughData, StateError
from poise.features.label_reads import label_reads
from poise.features.labels import label
from poise.features.requests import asked_at, requests_of
from poise.spec.expression import parse
from poise.spec.source_types import request_types
from poise.spec.system import SystemSpec
from poise.table import History

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CameTrue:
    """n rows of one source: `place` says where a row with an id stands; labels: objective -> (n,), NaN where it is not
    known (yet), or where the parent that it is given did not come true. known: (n,) whether nothing more is awaited."""

    place: Mapping[str, int]
    labels: Mapping[str, Floats]
    known: NDArray[np.bool_]

    def rows(self, ids: Sequence[str]) -> Ints:
        """Where these ids stand, -1 for those that never came in."""
        return np.array([self.place.get(one, -1) for one in ids], np.int64)


def came_true(system: SystemSpec, lake: Lake, per: str, objectives: Sequence[str]) -> CameTrue:
    """The labels of `objectives` (and of those that they are given) of all rows of `per` that the lake holds.

    Raises `StateError` where rows of `per` have no single id by which a decision could name them, `NotEnoughData` where
    the lake has none.
    """
    identity = system.sources[per].identity
    if len(identity) != 1:
        raise StateError(
            f"rows of '{per}' have no id of one column, by which what came of a decision is told", hint="declare id:"
        )
    names = _with_parents(system, objectives)
    histories = _histories(system, lake, per, names)
    watermarks = {source: lake.watermark(system, source) for source in histories}
    asked = requests_of(system, per, histories[per])
    ids = asked.rows[identity[0]].to_list()
    known, labels = np.ones(asked.height, np.bool_), {}
    for name in names:
        made = label(system, name, requests_of(system, name, histories[per]), histories, watermarks)
        target = np.asarray(made.target, np.float64)
        labels[name] = np.where(made.usable, target, np.nan)
        if system.objectives[name].given is None:
            known &= made.usable
    return CameTrue({one: at for at, one in enumerate(ids) if one is not None}, labels, known)


def mature_until(system: SystemSpec, lake: Lake, objectives: Sequence[str]) -> int | None:
    """The latest T whose labels can all be known, in microseconds; None where that is not told by any time."""
    found = []
    for name in _with_parents(system, objectives):
        spec = system.objectives[name].label
        source = spec.from_ or system.objectives[name].per
        watermark = lake.watermark(system, source)
        if watermark is not None:
            found.append(watermark - spec.within - system.sources[source].late)
    return min(found, default=None)


def _with_parents(system: SystemSpec, names: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(names))
    for name in found:
        parent = system.objectives[name].given
        if parent is not None and parent not in found:
            found.append(parent)
    return found


def _histories(system: SystemSpec, lake: Lake, per: str, names: Sequence[str]) -> dict[str, History]:
    needed: dict[str, set[str]] = {per: set(system.sources[per].identity)}
    for name in names:
        for source, columns in label_reads(system, name).items():
            needed.setdefault(source, set()).update(columns)
        at = asked_at(system, name)
        if at is not None:
            needed[per] |= parse(at).names & {*request_types(system.sources[per], system)}
    for source in needed:
        if not delta.exists(lake.table("accepted", source)):
            raise NotEnoughData(f"the lake has no rows of source '{source}'", hint=lake.why_empty(source))
    return {source: lake.history(system, source, sorted(columns)) for source, columns in needed.items()}
