"""Models and `function` features that were too slow several times in a row: not called for a while, then tried again.

What runs in this process cannot be interrupted, so that the next best is not to begin it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Literal

SLOW_IN_A_ROW = 3
"""So many calls in a row that took longer than a request's budget begin a pause."""
PAUSE = 5.0
"""Seconds of a pause. The first call after it decides: a slow one begins the next pause, any other ends the matter."""
Kind = Literal["model", "feature"]
Paused = tuple[Kind, str]
"""An objective, whose model it is, or the (first) name that a `function` gives."""
_LOG = logging.getLogger("poise.serving")


@dataclass(slots=True)
class _Slow:
    times: int = 0
    until: float = 0.0


class Breakers:
    """Of one release: at most one entry for each of its models and `function` features.

    >>> breakers = Breakers()
    >>> for _ in range(SLOW_IN_A_ROW):
    ...     breakers.slow("model", "late", 0.5, 0.2)
    >>> breakers.why("model", "late")
    'its model was too slow 3 times in a row, and is not called for 5 s'
    >>> breakers.began(), breakers.began()
    ((('model', 'late'),), ())
    """

    def __init__(self) -> None:
        self.known: dict[Paused, _Slow] = {}
        """What was slow when it was last called; mostly nothing, which is all that a usual request looks at."""
        self._began: list[Paused] = []

    def slow(self, kind: Kind, name: str, seconds: float, budget: float) -> None:
        """A call took so long, longer than `budget`."""
        held = self.known.setdefault((kind, name), _Slow())
        held.times = min(held.times + 1, SLOW_IN_A_ROW)
        if held.times == SLOW_IN_A_ROW:
            held.until = time.perf_counter() + PAUSE
            self._began.append((kind, name))
            what = f"the model of '{name}'" if kind == "model" else f"the function of '{name}'"
            _LOG.warning(
                "%s took %.3g s, longer than %g s, %d times in a row: it is not called for %g s",
                *(what, seconds, budget, SLOW_IN_A_ROW, PAUSE),
            )

    def well(self, kind: Kind, name: str) -> None:
        """A call was in time."""
        self.known.pop((kind, name), None)

    def why(self, kind: Kind, name: str) -> str | None:
        """Why it may not be called now; None where it may."""
        held = self.known.get((kind, name))
        if held is None or time.perf_counter() >= held.until:
            return None
        what, done = ("its model", "called") if kind == "model" else (f"'{name}'", "made")
        return f"{what} was too slow {SLOW_IN_A_ROW} times in a row, and is not {done} for {PAUSE:g} s"

    def features(self) -> dict[str, str]:
        """The features that may not be made now, and why."""
        found = {name: self.why(kind, name) for kind, name in self.known if kind == "feature"}
        return {name: why for name, why in found.items() if why is not None}

    def began(self) -> tuple[Paused, ...]:
        """The pauses that began since this was last asked."""
        found, self._began = tuple(self._began), []
        return found
