"""What a change of weights did, beside what was foretold of it.

Foretold: from the lists (choices) that were made before the change, what its weights would do. Told: from those that
were made by it, what they came to, and what the weights before would have made of the same ones. So neither the season
nor the day of the week is taken for an effect of the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from poise.clock import SECOND, to_text
from poise.data.lake import Lake
from poise.decisions.exchange import what_changed
from poise.decisions.weights import applied
from poise.errors import NotNow, RequestError
from poise.interfaces.gathering import gathered_of, preview_of
from poise.monitoring.logged_lines import releases_by
from poise.releases.folder import ReleaseFolder
from poise.serving.body import shown
from poise.serving.loaded import Loaded
from poise.serving.preview import Asked, Preview
from poise.serving.weights import SEEDED, version_of
from poise.settings import Settings
from poise.spec.decision import Decision
from poise.spec.system import SystemSpec
from poise.stores.state import State
from poise.stores.state_base import WeightsRow

CHANGE = "change"
"""The documents that keep what was told of a change, by the version of the weights."""
FORM = '{"version": 7}, or {} for the newest change'


class Realised:
    """What changes did, for one system."""

    def __init__(self, settings: Settings, system: SystemSpec, state: State) -> None:
        self._settings, self._system, self._state = settings, system, state
        self._lake = Lake(settings.lake)

    def of(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What the change to a version of the weights did: `{"version"?: 7}`, default the newest change.

        The first answer that can be told is kept, and has its line in the history. Raises `NotNow` where nothing can be
        told (yet), `RequestError` for what does not fit.
        """
        rows = self._state.weight_versions()
        before, now = _pair(rows, _version(asked))
        kept = self._state.document(CHANGE, str(now.version))
        decision = self._system.decision
        if decision is None:
            raise NotNow("what changes did is told of decisions; this system has none")
        try:
            told = self._told(decision, before, now)
        except NotNow:
            if kept is None:
                raise
            return {**kept.value}  # the log that it was told from is deleted by now
        self._keep(told, kept is None)
        return told

    def _told(self, decision: Decision, before: WeightsRow, now: WeightsRow) -> dict[str, Any]:
        kind = "list" if decision.lists else "choice"
        by = releases_by(self._lake, kind, now.version)
        if not by:
            raise NotNow(f"no {kind} is logged that was made by weights {now.version}", hint="let it answer")
        loaded = self._loaded(next(iter(by)))
        was, is_ = (applied(decision, row.values) for row in (before, now))
        since, after = self._preview(loaded, range(now.version, now.version + 1))
        if after is None:
            raise NotNow(
                f"what came of {kind}s by weights {now.version} is not known (yet): {_reasons(since)}",
                hint="labels come in later; ask again",
            )
        back = after.of(is_, Asked(was))
        until, ahead = self._preview(loaded, range(0, now.version))
        there = None if ahead is None else ahead.of(was, Asked(is_))
        terms = [_term(term, None if there is None else there["terms"][at]) for at, term in enumerate(back["terms"])]
        warnings = list(back["warnings"])
        if len(by) > 1:
            warnings.append(f"told of release {loaded.release}; others answered by these weights too: {', '.join(by)}")
        if there is None:
            warnings.append(f"nothing could be foretold: {_reasons(until) or f'no {kind} was logged before'}")
        zone = self._system.timezone
        return {
            "version": now.version,
            "before": before.version,
            "who": now.who,
            "why": now.why,
            "when": to_text(now.at // SECOND * SECOND, zone),
            "changes": what_changed(decision, before.values, now.values),
            "release": loaded.release,
            "foretold_from": 0 if there is None else there["lists"],
            "told_from": back["lists"],
            "counts": back["counts"],
            "from": back["from"],
            "until": back["until"],
            "refused": back["refused"],
            "terms": terms,
            "warnings": warnings,
        }

    def _preview(self, loaded: Loaded, weights: range) -> tuple[Mapping[str, int], Preview | None]:
        made = gathered_of(loaded, self._lake, weights)
        return made.left_out, preview_of(loaded, made)

    def _loaded(self, name: str) -> Loaded:
        row = self._state.release(name)
        return Loaded.of(ReleaseFolder.open(self._settings.folder_of(row.folder), seal=row.seal))

    def _keep(self, told: Mapping[str, Any], first: bool) -> None:
        """Keep what can be told. The history has it once, when it was first known."""
        if told["refused"] is not None:
            return
        said = "; ".join(one["sentence"] for one in told["terms"])
        act, details = ("realised", {told["counts"]: told["told_from"]}) if first else (None, None)
        self._state.put_document(CHANGE, str(told["version"]), told, act=act, why=said, details=details)


def _version(asked: Mapping[str, Any]) -> int | None:
    for name in asked:
        if name != "version":
            raise RequestError("there is no such field", field=shown(str(name)), allowed=FORM)
    return version_of(asked, "version", 1)


def _pair(rows: tuple[WeightsRow, ...], version: int | None) -> tuple[WeightsRow, WeightsRow]:
    """The version that is asked for (default the newest by which a weight became another one: neither a release that
    brings new terms nor another `until` does anything to lists) and the one before it."""
    changes = [(was, now) for was, now in pairwise(rows) if now.why != SEEDED]
    if version is None:
        if not changes:
            raise NotNow("the weights were never changed", hint="`poise weights --set` changes them")
        moved = [(was, now) for was, now in changes if any(now.values.get(t) != v for t, v in was.values.items())]
        return (moved or changes)[-1]
    for was, now in changes:
        if now.version == version:
            return was, now
    allowed = ", ".join(str(now.version) for _, now in changes[-20:]) or "none, as they were never changed"
    raise NotNow(f"version {version} of the weights is no change", field="version", allowed=allowed)


def _term(back: Mapping[str, Any], there: Mapping[str, Any] | None) -> dict[str, Any]:
    """One term: what was foretold, what happened, whether the two agree. What the change brought is what is lost by
    going back."""
    lost = back["gain"]
    came = {"value": _minus(lost["value"]), "low": _minus(lost["high"]), "high": _minus(lost["low"])}
    base = None if back["now"] is None or came["value"] is None else back["now"] - came["value"]
    share = {name: None if value is None or not base else value / abs(base) for name, value in came.items()}
    foretold = None if there is None or there["refused"] else there["gain"]
    agrees = None
    if foretold is not None and came["low"] is not None:
        low, high = foretold["share"]["low"], foretold["share"]["high"]
        agrees = None if low is None or share["low"] is None else bool(low <= share["high"] and share["low"] <= high)
    refused = back["refused"]
    told = {"term": back["term"], "unit": back["unit"], "who": back["who"], "now": back["now"], "refused": refused}
    told |= {"came": {**came, "share": share}, "foretold": foretold, "agrees": agrees is not False}
    return {**told, "sentence": _sentence(told)}


def _sentence(told: Mapping[str, Any]) -> str:
    whose = f" ({', '.join(told['who'])})" if told["who"] else ""
    if told["refused"]:
        return f"{told['term']}{whose}: cannot tell, {told['refused']}"
    said = f"{told['term']}{whose}: {_percent(told['came']['share'])}"
    if told["foretold"] is None:
        return f"{said}; nothing was foretold"
    return f"{said}; foretold was {_percent(told['foretold']['share'])}{'' if told['agrees'] else ': not as foretold'}"


def _percent(share: Mapping[str, float | None]) -> str:
    value, low, high = share["value"], share["low"], share["high"]
    if value is None or low is None or high is None:
        return "of what it came to, no share can be told"
    return f"{100 * value:+.1f} % (between {100 * low:+.1f} and {100 * high:+.1f} %)"


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _reasons(left_out: Mapping[str, int]) -> str:
    return "; ".join(f"{count:,}: {why}" for why, count in left_out.items())
