"""Looking at a running system: gathering, every monitor, and what is remembered of findings between two looks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from poise.clock import Clock, to_text
from poise.errors import PoiseError, StateError, UsageError
from poise.evaluation.measures import Measured, ServingMeasures
from poise.interfaces.ageing import keeps
from poise.interfaces.remembering import Remembered, last_look, remember
from poise.interfaces.system import Progress, System, quiet
from poise.interfaces.webhook import tell, webhook_of
from poise.monitoring.finding import Finding
from poise.monitoring.gathering import Span, gather
from poise.monitoring.looking import look
from poise.releases.folder import ReleaseFolder
from poise.releases.rule_release import by_rule

__all__ = ["Monitored", "Monitoring", "last_look"]


@dataclass(frozen=True, slots=True, eq=False)
class Monitored:
    """What one look found: findings, what to read first at the front.

    Instants are microseconds: rows with T in [since, until) were looked at, `as_of` the clock's now. rows: source ->
    how many; mature: objective -> the latest T whose labels can all be known. known: what earlier looks knew of a
    finding, by its key; told: what became of telling the webhook, as a sentence, None where nothing was to tell.
    """

    system: str
    release: str
    zone: str
    as_of: int
    since: int
    until: int
    window: int
    rows: Mapping[str, int]
    mature: Mapping[str, int]
    findings: tuple[Finding, ...]
    known: Mapping[str, Remembered] = field(default_factory=dict)
    told: str | None = None

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """What asks for somebody's attention."""
        return tuple(one for one in self.findings if one.level == "alarm")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for programs and pages."""
        findings = [self._finding(one) for one in self.findings]
        return {
            "system": self.system,
            "release": self.release,
            "as_of": to_text(self.as_of, self.zone),
            "since": to_text(self.since, self.zone),
            "until": to_text(self.until, self.zone),
            "window_seconds": self.window / 1e6,
            "rows": dict(self.rows),
            "mature": {name: to_text(at, self.zone) for name, at in self.mature.items()},
            "alarms": len(self.alarms),
            "findings": findings,
            "told": self.told,
        }

    def _finding(self, one: Finding) -> dict[str, Any]:
        known = self.known.get(key_of(one))
        seen = {"first_seen": None if known is None else to_text(known.first, self.zone)}
        return {**one.to_dict(self.zone), **seen, "told": known is not None and known.told}


def key_of(finding: Finding) -> str:
    """What stays the same of a finding from look to look.

    >>> key_of(Finding("PM11", "performance", "late is worse", "late", "alarm"))
    'PM11 late'
    """
    return f"{finding.code} {finding.subject}"


class Monitoring:
    """The monitors of one system.

    `Monitoring("poise.yaml").look()` looks at all rows since the live release was judged, whether a server answered
    them or not: what was never answered is scored as the live release would have.
    """

    def __init__(self, system: System | str | Path = "poise.yaml") -> None:
        self._system = system if isinstance(system, System) else System.read(system)

    def look(
        self,
        until: int | None = None,
        only: Collection[str] | None = None,
        *,
        since: int | None = None,
        release: str | None = None,
        telling: bool = False,
        measured: Mapping[str, Any] | None = None,
        progress: Progress = quiet,
    ) -> Monitored:
        """Every monitor (or those with the codes `only`) on rows with since <= T < until (microseconds).

        With `until` it is as if that were now: later rows and labels do not count, and nothing is remembered. release:
        look at another one than the live one. telling: tell the webhook what is new. measured: what monitors are told
        beside the lake, such as what a server counted.
        Raises `StateError` where nothing is live, `NotEnoughData` where a source has no rows.
        """
        system = self._system
        if said := str(system.caught_up()):
            progress(said)
        folder = self._folder(release)
        progress("computing features and predictions of the rows since the release")
        span = Span(since, until, Clock().now() if until is None else until)
        told = {"serving": _serving(folder), "keeps": keeps(system), **(measured or {})}
        watched = gather(system.spec, folder, system.lake, span, before=self._before(folder), measured=told)
        progress("asking every monitor")
        found = tuple(look(watched, only))
        made = Monitored(
            system=system.spec.system,
            release=folder.name,
            zone=system.spec.timezone,
            as_of=watched.as_of,
            since=watched.since,
            until=watched.until,
            window=system.spec.monitoring.window,
            rows={per: rows.height for per, rows in watched.rows.items()},
            mature=dict(watched.mature),
            findings=found,
        )
        if until is not None or only is not None or since is not None or release is not None:
            return made
        return self._remembered(made, telling)

    def _remembered(self, made: Monitored, telling: bool) -> Monitored:
        """The same with what is known of its findings, after the webhook was told."""
        state = self._system.state
        known = remember(state, {key_of(one): one for one in made.findings}, made.release)
        made = replace(made, known=known)
        url = webhook_of(self._system.spec.monitoring)
        if telling and url is not None:
            new = [made._finding(one) for one in made.alarms if not known[key_of(one)].told]
            told = tell(url, made, new)
            if new and told is None:
                known = remember(state, {key_of(one): one for one in made.findings}, made.release, told=True)
            said = told if new else None
            made = replace(made, known=known, told=said or (f"the webhook was told of {len(new)}" if new else None))
        state.put_document("look", "last", made.to_dict())
        return made

    def _folder(self, release: str | None) -> ReleaseFolder:
        folder = self._system.live_folder() if release is None else self._system.folder(release)
        if folder is None:
            raise StateError("nothing is live, so that there is nothing to watch", hint="run 'poise up' first")
        if by_rule(folder):
            said = f"{folder.name} has no models: a rule answers, and there is nothing to compare with"
            raise UsageError(said, hint="watch it once its first models are learned")
        return folder

    def _before(self, folder: ReleaseFolder) -> ReleaseFolder | None:
        """The release that was live when this one was judged, which requirements call `live`; None where it is gone."""
        name = folder.json("evidence").get("live")
        try:
            before = None if name is None else self._system.folder(name)
        except PoiseError:
            return None
        return None if before is None or by_rule(before) else before


def _serving(folder: ReleaseFolder) -> ServingMeasures:
    """What is known of a release without asking its server."""
    cost = folder.json("evidence").get("training", {}).get("cost")
    training = None if cost is None else Measured.exact(float(cost))
    return ServingMeasures(release_size=Measured.exact(float(folder.size)), training_cost=training)
