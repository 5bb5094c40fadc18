"""How many labels are known by now, without computing any feature: what has come since something was learned last."""

from __future__ import annotations

from collections.abc import Mapping

from poise.clock import Clock
from poise.data.lake import Lake
from poise.features.label_reads import label_reads
from poise.features.labels import label
from poise.features.requests import asked_at, requests_of
from poise.releases.folder import ReleaseFolder
from poise.spec.expression import parse
from poise.spec.system import SystemSpec
from poise.table import History


def mature_labels(system: SystemSpec, lake: Lake) -> dict[str, int]:
    """Objective -> rows of the lake whose label is known. 0 where a source of it has no rows yet."""
    needed: dict[str, set[str]] = {}
    for name, objective in system.objectives.items():
        for source, columns in label_reads(system, name).items():
            needed.setdefault(source, set()).update(columns)
        at = asked_at(system, name)
        needed.setdefault(objective.per, set()).update(() if at is None else parse(at).names)
    versions = lake.versions()
    held: dict[str, History] = {
        source: lake.history(system, source, sorted(columns), versions[source])
        for source, columns in needed.items()
        if source in versions
    }
    watermarks = {source: lake.watermark(system, source, versions[source]) for source in held}
    found = {}
    for name, objective in system.objectives.items():
        if not set(label_reads(system, name)) <= held.keys():
            found[name] = 0
            continue
        made = label(system, name, requests_of(system, name, held[objective.per]), held, watermarks)
        found[name] = int(made.usable.sum())
    return found


def system_now(system: SystemSpec, lake: Lake) -> int:
    """Now by the clock of the system (microseconds): on `replay` the largest event time that the lake holds."""
    if system.clock == "wall":
        return Clock().now()
    versions = lake.versions()
    marks = [lake.watermark(system, source, versions[source]) for source in system.sources if source in versions]
    return max((mark for mark in marks if mark is not None), default=0)


def made_from(live: ReleaseFolder | None) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Of what the live release was made: objective -> labels that were mature, source -> version of its table."""
    if live is None:
        return {}, {}
    evidence = live.json("evidence")
    mature = {name: int(one["labels"]["usable"]) for name, one in evidence["objectives"].items()}
    return mature, {name: int(one["version"]) for name, one in evidence["data"]["sources"].items()}
