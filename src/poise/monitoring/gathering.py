"""Everything that monitors read, gathered once: what came in since a release was judged, and what it says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY
from poise.data.lake import Lake
from poise.features.requests import ROW
from poise.features.rows import is_timed
from poise.monitoring.base import Rows, Watched
from poise.monitoring.coming_in import coming_in
from poise.monitoring.explored import explored
from poise.monitoring.mature import Mature
from poise.monitoring.scored import Scored, score
from poise.releases.evidence import Evidence
from poise.releases.examples import Sources, plans_of, read_sources
from poise.releases.extras import extra_names, slice_names
from poise.releases.folder import ReleaseFolder
from poise.releases.judged_rows import slice_column
from poise.releases.live import LiveRelease
from poise.releases.profile import Profile
from poise.releases.sent_columns import with_sent
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Requests

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """What to look at: T in [since, until), microseconds; None: from the end of what the release was judged on, as far
    as the lake goes. as_of: the clock's now."""

    since: int | None
    until: int | None
    as_of: int


def gather(
    file: SystemSpec,
    folder: ReleaseFolder,
    lake: Lake,
    span: Span,
    *,
    before: ReleaseFolder | None = None,
    measured: Mapping[str, Any] | None = None,
) -> Watched:
    """What monitors may read of the release in `folder`.

    file: the system file as it stands now, whose requirements and windows hold. before: the release that was live
    before, which `live` means in requirements. measured: what other stations know.
    Raises `NotEnoughData` where the lake has no rows of a source that is read.
    """
    system = _as_released(folder, file)
    evidence = Evidence.read(folder.path / "evidence.json")
    profile = Profile.read(folder.path)
    extra = extra_names(system)
    plans = plans_of(system, extra)
    sources = read_sources(system, lake, plans, extra)
    until = _until(sources, span)
    since = span.since if span.since is not None else _judged_until(evidence, until)
    pick = _Pick(system, lake, evidence, since, until, everything=span.since is not None)
    scored = score(system, folder, plans, extra, sources, pick, span.until)
    earlier = None if before is None else LiveRelease.of(before, lake, sources)
    mature = Mature(system, scored, earlier)
    lists = system.decision is not None and system.decision.lists
    step = profile.step if profile is not None and profile.step else DAY
    start, end = (since, since) if profile is None or not profile.step else (profile.start, profile.end)
    found = explored(lake, since, until, step) if lists else None
    tried = {} if found is None else {"explored": found}
    return Watched(
        system=system,
        release=folder.name,
        profile=profile,
        since=since,
        until=until,
        as_of=until if file.clock == "replay" else span.as_of,
        step=step,
        rows={per: _rows(system, per, scored, mature) for per in plans if any(_of(scored, per))},
        arrivals=coming_in(system, lake, start, until, step, end),
        mature={name: at for name, one in scored.items() if (at := _mature_until(one)) is not None},
        measured={"mature": mature, "evidence": evidence, **tried, **(measured or {})},
    )


def _as_released(folder: ReleaseFolder, file: SystemSpec) -> SystemSpec:
    """The release's own file, by which it answers, with requirements, windows and schedule of the file as it is now."""
    own = read_text(folder.system_file.read_text(encoding="utf-8"), name=str(folder.system_file))
    known = {*own.objectives, "decision"} if own.decision is not None else {*own.objectives}
    kept = tuple(r for r in file.requirements if "." not in r.metric or r.metric.partition(".")[0] in known)
    return own.model_copy(update={"requirements": kept, "monitoring": file.monitoring, "updates": file.updates})


def _judged_until(evidence: Evidence, until: int) -> int:
    """The end of the rows that the release was judged on; where they have no time, `until`."""
    ends = [one.parts.judge.to for one in evidence.objectives.values() if one.parts and one.parts.judge]
    found = [int(datetime.fromisoformat(end).timestamp() * 1_000_000) + 1 for end in ends if end is not None]
    return min(max(found, default=until), until)


def _until(sources: Sources, span: Span) -> int:
    """Up to which T: as asked, else just beyond the newest row."""
    if span.until is not None:
        return span.until
    newest = [int(one.time.max()) for one in sources.histories.values() if one.kind != "table" and one.height]
    return max(newest, default=span.as_of - 1) + 1


@dataclass(frozen=True, slots=True, eq=False)
class _Pick:
    """The requests that are looked at: those with T in the window; without time those that came after the release."""

    system: SystemSpec
    lake: Lake
    evidence: Evidence
    since: int
    until: int
    everything: bool
    _seen: dict[str, int] = field(default_factory=dict)

    def __call__(self, per: str, asked: Requests) -> Flags:
        if is_timed(self.system, per):
            found: Flags = (asked.time >= self.since) & (asked.time < self.until) & (asked.time != MISSING_TIME)
            return found
        if self.everything:
            return np.ones(asked.height, np.bool_)
        if per not in self._seen:
            read = self.evidence.data.sources.get(per)
            version = None if read is None else read.version
            self._seen[per] = 0 if version is None else self.lake.history(self.system, per, (), version).height
        new: Flags = asked.rows[ROW].values >= self._seen[per]
        return new


def _of(scored: Mapping[str, Scored], per: str) -> list[Scored]:
    return [one for one in scored.values() if one.data.spec.per == per]


def _rows(system: SystemSpec, per: str, scored: Mapping[str, Scored], mature: Mature) -> Rows:
    """The rows of a source at the T of its first objective that is not `given` another."""
    ones = _of(scored, per)
    base = next((one for one in ones if one.data.spec.given is None), ones[0])
    slices = {by: slice_column(system, one.data, by) for one in ones for by in slice_names(system, one.data.name)}
    return Rows(
        per=per,
        time=base.time,
        columns=with_sent(system, per, base.data.columns, base.data.requests.rows, base.time),
        predictions={one.data.name: _placed(one.prediction, one, base) for one in ones},
        terms=mature.predicted_terms(per),
        labels={one.data.name: _placed(_truth(one), one, base) for one in ones},
        slices={by: column for by, column in slices.items() if len(column) == base.data.requests.height},
        ids=base.data.requests.id,
    )


def _truth(one: Scored) -> NDArray[Any]:
    target = np.asarray(one.data.target, np.float64).copy()
    target[~one.usable] = np.nan
    return target


def _placed(values: NDArray[Any], one: Scored, base: Scored) -> NDArray[Any]:
    """Values of one objective's rows at those of another, which has the same rows at another T."""
    if one is base:
        return values
    mine, wanted = one.data.requests.rows[ROW].values, base.data.requests.rows[ROW].values
    order = np.argsort(mine, kind="stable")
    at = np.minimum(np.searchsorted(mine[order], wanted), max(len(order) - 1, 0))
    out = np.full((len(wanted), *values.shape[1:]), np.nan)
    if len(order):
        found = mine[order][at] == wanted
        out[found] = values[order[at[found]]]
    return out


def _mature_until(one: Scored) -> int | None:
    """The latest T before which no label is awaited."""
    if not len(one.time) or one.time[0] == MISSING_TIME:
        return None
    waits = np.flatnonzero(one.immature)
    return int(one.time[waits[0]]) if len(waits) else int(one.time[-1]) + 1
