"""Limited actions of a running server: counted on where the server before left off, and kept in the state database.

This imports nothing that learns or reads the lake.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from poise.clock import to_text
from poise.decisions.period import period_of
from poise.errors import PoiseError, StateError
from poise.interfaces.history_lines import HistoryLines
from poise.releases.folder import ReleaseFolder
from poise.serving.answer import Answerer
from poise.serving.limited import Count, Limited
from poise.serving.served import Served
from poise.stores.state import State

_LOG = logging.getLogger("poise.capacity")
THRESHOLD, LIMITED = "threshold", "limit"
"""The kind of document in the state database, one per action, and the act of its lines in the history."""
EVERY = 1.0
"""Seconds between two looks at what changed; each period leaves one line in the history."""


def go_on(answerer: Answerer, file: Path, folder: ReleaseFolder, state: State) -> None:
    """Let `answerer` count from what was taken before this process began, and expect as many rows as was learned.

    Raises `StateError` where that cannot be read: no action may be taken too often for that.
    """
    limited = answerer.limited
    if limited is None:
        return
    now = answerer.clock.now()
    command = [sys.executable, "-m", "poise.interfaces.counting", str(file), str(folder.path), str(now)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StateError(f"what was taken today could not be counted: {done.stderr.strip() or done.stdout.strip()}")
    found = json.loads(done.stdout)
    for action, capacity in limited.capacity.items():
        count = Count(period_of(now, capacity.every, answerer.zone), found[action]["used"], found[action]["seen"])
        limited.counts.resume(action, capacity.every, count)
        kept = state.document(THRESHOLD, action)
        if kept is not None:
            limited.levels[action] = float(kept.value.get("level", 1.0))


@contextmanager
def kept(served: Served, state: State) -> Iterator[None]:
    """While this holds, what is counted is written down about once a second, and each period as a line of history."""
    over = threading.Event()
    thread = threading.Thread(target=_keep, args=(served, state, over), name="poise-capacity", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=10 * EVERY)


def _keep(served: Served, state: State, over: threading.Event) -> None:
    before, lines = dict[str, dict[str, Any]](), HistoryLines(state)
    while True:
        last = over.wait(EVERY)
        try:
            _tell_ended(served, lines)
            for action, value in shown(served).items():
                if before.get(action) != value:
                    state.put_document(THRESHOLD, action, value)
                    before[action] = value
        except PoiseError as error:  # the counts are in memory and in the log: nothing is lost, and it is tried again
            _LOG.warning("what was taken of each capacity could not be written down: %s", error)
        if last:
            return


def _tell_ended(served: Served, lines: HistoryLines) -> None:
    """A line of history for each period that is over."""
    ended, served.counts.ended = served.counts.ended, []
    for action, every, count in ended:
        zone = served.live.zone
        start = to_text(count.period.start, zone)
        details = {"every": every, "from": start, "used": count.used, "decisions": count.seen}
        limited = _limited(served)
        capacity = None if limited is None else limited.capacity.get(action)
        most = "" if capacity is None else f" of {capacity.at_most:,}"
        why = f"{count.used:,}{most} taken in the {every} from {start}, of {count.seen:,} decisions"
        lines.add(LIMITED, action, why, details)
    lines.write()


def shown(served: Served) -> dict[str, dict[str, Any]]:
    """What `GET /v1/capacity` shows: of each limited action how often it may be taken, and was in its period."""
    limited = _limited(served)
    return {} if limited is None else limited.state(served.live.clock.now())


def _limited(served: Served) -> Limited | None:
    """That of the newest contract that has any."""
    return next((one.limited for one in reversed(served.all) if one.limited is not None), None)
