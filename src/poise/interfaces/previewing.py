"""Previews of other weights for the system of one file, from what a release logged and what came of it.

Run as a module it is the process that a server asks, one JSON object per line: `python -m poise.interfaces.previewing
poise.yaml`. It reads the lake and reckons for seconds, which a process that answers may not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poise.clock import MINUTE, Clock, to_text
from poise.data.lake import Lake
from poise.decisions.weights import applied
from poise.errors import NotNow, PoiseError, StateError
from poise.features.function import importable_from
from poise.interfaces.asked_process import answering_lines
from poise.interfaces.gathering import decision_of, gathered_of, preview_of
from poise.interfaces.realising import Realised
from poise.interfaces.stored import system_of
from poise.monitoring.choice_outcomes import GatheredChoices
from poise.monitoring.list_outcomes import Gathered
from poise.releases.folder import ReleaseFolder
from poise.serving.loaded import Loaded
from poise.serving.preview import Asked, Preview
from poise.serving.trade_off import asked_goals, asked_term, front, suggest
from poise.settings import Settings
from poise.stores.state import State

FRESH = 5 * MINUTE
"""Logged decisions that were gathered longer ago than this are gathered again, microseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What is kept of one release: when its log was gathered, and the preview; None where nothing is in it."""

    release: str
    at: int
    gathered: Gathered | GatheredChoices
    preview: Preview | None


class Previews:
    """Previews by what one release logged, gathered when first asked and again after five minutes.

    Every method raises `RequestError` for what does not fit, and `NotNow` where the release decides nothing by what
    it learned, or nothing that it decided has come true yet.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._made: _Made | None = None

    def of(self, loaded: Loaded, live: Mapping[str, float], content: Mapping[str, Any]) -> dict[str, Any]:
        """What the weights of `content` (`{"values": {"TERM": 0.5}}`) would do beside those that are live."""
        decision = decision_of(loaded)
        asked = Asked.of(content, decision, applied(decision, live))
        return self._told(loaded, live, lambda preview, now: preview.of(now, asked))

    def suggest(self, loaded: Loaded, live: Mapping[str, float], content: Mapping[str, Any]) -> dict[str, Any]:
        """The weights by which terms gain what `content` asks (`{"term": "revenue", "gain": 0.03}`, `{"goals": {…}}`),
        within all stakeholders' bounds, at the least loss, and what they would do."""
        goals = asked_goals(content, decision_of(loaded).terms)
        return self._told(loaded, live, lambda preview, now: suggest(preview, now, goals))

    def front(self, loaded: Loaded, live: Mapping[str, float], content: Mapping[str, Any]) -> dict[str, Any]:
        """What all terms come to as the weight of one (`{"term": "revenue"}`) moves, or (`{}`) as all do."""
        term = asked_term(content, decision_of(loaded).terms)
        return self._told(loaded, live, lambda preview, now: front(preview, now, term))

    def _told(
        self, loaded: Loaded, live: Mapping[str, float], tell: Callable[[Preview, dict[str, float]], dict[str, Any]]
    ) -> dict[str, Any]:
        made = self._ready(loaded)
        if made.preview is None:
            why = _nothing(loaded.release, made.gathered)
            raise NotNow(why, hint="let it answer, explore, and labels come in")
        told = tell(made.preview, applied(decision_of(loaded), live))
        return {"release": loaded.release, "as_of": to_text(made.at, loaded.system.timezone), **told}

    def _ready(self, loaded: Loaded) -> _Made:
        now = Clock().now()
        if self._made is None or self._made.release != loaded.release or now - self._made.at > FRESH:
            gathered = gathered_of(loaded, self._lake)
            self._made = _Made(loaded.release, now, gathered, preview_of(loaded, gathered))
        return self._made


def _nothing(release: str, gathered: Gathered | GatheredChoices) -> str:
    """Why no effect can be told."""
    noun = "list" if isinstance(gathered, Gathered) else "choice"
    if not gathered.count:
        return f"release {release} has logged no {noun} whose outcomes are known yet"
    reasons = "; ".join(f"{count:,}: {why}" for why, count in gathered.left_out.items())
    return f"of {gathered.count:,} logged {noun}s of release {release} none can be reckoned with ({reasons})"


class Previewing:
    """Answers what a server asks: `{"act": "of", "release": "r3", "live": {…}, "content": {…}}`, or another act of
    `Previews`."""

    def __init__(self, file: Path) -> None:
        importable_from(file.parent)
        system = system_of(file)
        self._settings = Settings.read(file)
        self._state = State(self._settings.state_url, system.system, zone=system.timezone)
        self._previews = Previews(Lake(self._settings.lake))
        self._realised = Realised(self._settings, system, self._state)
        self._loaded: Loaded | None = None

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What it asks for. Raises as `Previews` does, `Tampered` or `StateError` where the release cannot be read."""
        if asked["act"] == "realised":
            return self._realised.of(asked["content"])
        acts = {"of": self._previews.of, "suggest": self._previews.suggest, "front": self._previews.front}
        return acts[asked["act"]](self._release(asked["release"]), asked["live"], asked["content"])

    def _release(self, name: str) -> Loaded:
        if self._loaded is None or self._loaded.release != name:
            row = self._state.release(name)
            self._loaded = Loaded.of(ReleaseFolder.open(self._settings.folder_of(row.folder), seal=row.seal))
        return self._loaded


def main(file: Path) -> None:
    """Answer line by line until there are no more."""
    try:
        previewing = Previewing(file)
    except PoiseError as error:
        raise StateError(f"previews cannot be made: {error}") from error
    answering_lines(previewing.answer, sys.stdin, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
