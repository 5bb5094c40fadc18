"""How many labels are known by now, without computing any feature: what has come since something was learned last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poise.clock import Clock, from_text
from poise.data.lake import Lake
from poise.features.label_reads import label_reads
from poise.features.labels import label
from poise.features.requests import asked_at, requests_of
from poise.releases.folder import ReleaseFolder
from poise.spec.expression import parse
from poise.spec.system import SystemSpec
from poise.table import History
from poise.updating.stages import Update


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


@dataclass(frozen=True, slots=True)
class LastLearned:
    """When something was learned last, by the system's clock (microseconds; None: never), from which labels that were
    mature then, and from which versions of the sources' tables (a source that was not read counts as it is now)."""

    at: int | None = None
    mature: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)


def last_learned(system: SystemSpec, lake: Lake, live: ReleaseFolder | None, tried: Update | None) -> LastLearned:
    """The newest of the last update that was tried and of what is live, which somebody may have made since."""
    update = None if tried is None else LastLearned(tried.as_of, tried.mature, tried.versions)
    if live is None or (tried is not None and tried.candidate == live.release.get("candidate")):
        return update or LastLearned()
    evidence = live.json("evidence")
    mature = {name: int(one["labels"]["usable"]) for name, one in evidence["objectives"].items()}
    sources = evidence["data"]["sources"]
    ends = [evidence["created"]] if system.clock == "wall" else [one["to"] for one in sources.values() if one["to"]]
    made = max((from_text(end) for end in ends), default=None)
    if update is not None and update.at is not None and (made is None or made <= update.at):
        return update
    read = {name: int(one["version"]) for name, one in sources.items()}
    return LastLearned(made, mature, {**lake.versions(), **read})
