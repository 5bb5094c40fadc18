"""Previews of other weights, from the logged lists that a process of its own gathers: behind HTTP and command line."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from poise.clock import MINUTE, Clock, to_text
from poise.decisions.weights import applied
from poise.errors import Overloaded, StateError
from poise.evaluation.list_log import ListLog
from poise.interfaces.previewing import ABOUT, FOLDER, LISTS
from poise.serving.loaded import Loaded
from poise.serving.preview import Asked, Preview
from poise.serving.trade_off import asked_gain, front, known_term, suggest
from poise.settings import Settings
from poise.spec.decision import Decision

FRESH = 5 * MINUTE
"""Logged lists that were gathered longer ago than this are gathered again, microseconds."""
WAIT = 60.0
"""Seconds that a preview waits for another one that is being made."""


class Previews:
    """Previews for one system; one at a time, any thread.

    gather: writes the logged lists of the release in a folder; default in a process of its own, which leaves this one
    without what reads the lake.
    """

    def __init__(self, file: Path, settings: Settings, gather: Callable[[Path], object] | None = None) -> None:
        self._file, self._settings = file, settings
        self._gather = gather or self._apart
        self._one = threading.Lock()
        self._made: tuple[str, int, Preview | None, dict[str, Any]] | None = None

    def of(self, loaded: Loaded, folder: Path, live: Mapping[str, float], content: Mapping[str, Any]) -> dict[str, Any]:
        """What the weights of `content` would do beside those that are live, by what the release in `folder` logged.

        Raises `RequestError` for what does not fit, `StateError` where the release lists nothing or no list of it has
        come true yet, `Overloaded` where others wait already.
        """
        decision = _lists(loaded)
        asked = Asked.of(content, decision, applied(decision, live))
        return self._told(loaded, folder, live, lambda preview, now: preview.of(now, asked))

    def suggest(
        self, loaded: Loaded, folder: Path, live: Mapping[str, float], content: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The weights by which a term gains what `content` asks (`{"term": "revenue", "gain": 0.03}`) at the least loss
        of the others, and what they would do. Raises as `of` does."""
        term, gain = asked_gain(content, _lists(loaded).terms)
        return self._told(loaded, folder, live, lambda preview, now: suggest(preview, now, term, gain))

    def front(self, loaded: Loaded, folder: Path, live: Mapping[str, float], term: str) -> dict[str, Any]:
        """What all terms come to as the weight of one grows and shrinks. Raises as `of` does."""
        term = known_term(term, _lists(loaded).terms)
        return self._told(loaded, folder, live, lambda preview, now: front(preview, now, term))

    def _told(
        self,
        loaded: Loaded,
        folder: Path,
        live: Mapping[str, float],
        tell: Callable[[Preview, dict[str, float]], dict[str, Any]],
    ) -> dict[str, Any]:
        if not self._one.acquire(timeout=WAIT):
            raise Overloaded("another preview is being made")
        try:
            made, preview, about = self._ready(loaded, folder)
            if preview is None:
                raise StateError(_nothing(loaded.release, about), hint="let it answer, explore, and labels come in")
            told = tell(preview, applied(_lists(loaded), live))
        finally:
            self._one.release()
        return {"release": loaded.release, "as_of": to_text(made, loaded.system.timezone), **told}

    def _ready(self, loaded: Loaded, folder: Path) -> tuple[int, Preview | None, dict[str, Any]]:
        """When its lists were gathered, the preview (None: there are no lists), and what is known of them."""
        now = Clock().now()
        if self._made is None or self._made[0] != loaded.release or now - self._made[1] > FRESH:
            self._gather(folder)
            place = self._settings.home / FOLDER / loaded.release
            about = json.loads((place / ABOUT).read_text(encoding="utf-8"))
            preview = _preview(loaded, place / LISTS, about["left_out"])
            self._made = loaded.release, int(about["made"]), preview, about
        return self._made[1], self._made[2], self._made[3]

    def _apart(self, folder: Path) -> None:
        command = [sys.executable, "-m", "poise.interfaces.previewing", str(self._file), str(folder)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StateError(f"the logged lists cannot be read: {done.stderr.strip() or done.stdout.strip()}")


def _lists(loaded: Loaded) -> Decision:
    decision = loaded.system.decision
    if decision is None or not decision.lists:
        raise StateError("effects of weights are told of decisions that list items; this system has none")
    return decision


def _preview(loaded: Loaded, lists: Path, left_out: Mapping[str, int]) -> Preview | None:
    if not lists.exists():
        return None
    system, decision = loaded.system, loaded.system.decision
    assert decision is not None
    log = ListLog.load(lists)
    return Preview(decision, system.requirements, loaded.basis, log, system.timezone, left_out)


def _nothing(release: str, about: Mapping[str, Any]) -> str:
    """Why no effect can be told."""
    if not about["lists"]:
        return f"release {release} has logged no list whose outcomes are known yet"
    reasons = "; ".join(f"{count:,}: {why}" for why, count in about["left_out"].items())
    return f"of {about['lists']:,} logged lists of release {release} none can be reckoned with ({reasons})"
