"""Whether a log can carry its first models yet, and if not, what it lacks, in sentences that name the numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poise.clock import DAY
from poise.features.labels import Labels, label
from poise.features.requests import requests_of
from poise.releases.examples import Sources
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME

EXAMPLES = 100
"""So many rows in which a thing came true, and as many in which it did not, tell its share to about a tenth of it."""
DAYS = 7
"""Before a week is over, what holds on one weekday has not been seen on any other."""


@dataclass(frozen=True, slots=True)
class SoFar:
    """What a log holds for one objective: rows, and those whose outcome is known for certain."""

    objective: str
    rows: int
    known: int
    true: int | None
    """Rows where it came true; None for what is no question of yes or no."""
    days: float | None
    """How many days the known rows span; None without time, and where another objective tells it."""

    @property
    def lacking(self) -> list[str]:
        """What is missing for models that are worth judging, in sentences; empty where nothing is.

        >>> SoFar("order", 300, 280, 41, 3.25).lacking
        ['order came true in 41 of 100 rows that are needed (of 300 rows 280 have an outcome that is certain by now)',
        'order is known for 3.2 of 7 days that are needed']
        """
        said = [f"{self.objective} {what} {n:,} of {EXAMPLES} rows that are needed" for what, n in self._short]
        if said and self.known < self.rows:
            said[-1] += f" (of {_rows(self.rows)} {self.known:,} have an outcome that is certain by now)"
        if self.days is not None and self.days < DAYS:
            said.append(f"{self.objective} is known for {self.days:.1f} of {DAYS} days that are needed")
        return said

    @property
    def _short(self) -> list[tuple[str, int]]:
        """Kinds of rows of which there are too few."""
        counts = {"is known for": self.known}
        if self.true is not None and self.known:
            counts = {"came true in": self.true, "did not come true in": self.known - self.true}
        return [(what, n) for what, n in counts.items() if n < EXAMPLES]


def log_so_far(system: SystemSpec, sources: Sources) -> list[SoFar]:
    """What the lake holds for each objective."""
    found = []
    for name, objective in system.objectives.items():
        requests = requests_of(system, name, sources.histories[objective.per])
        labels = label(system, name, requests, sources.histories, sources.watermarks)
        asked = labels.counts["rows"] - labels.counts["not_given"]
        time = requests.time[labels.usable]
        timed = system.sources[objective.per].time is not None and objective.given is None
        days = _days(time[time != MISSING_TIME]) if timed else None
        true = _true(labels) if objective.type == "binary" else None
        found.append(SoFar(name, asked, labels.counts["usable"], true, days))
    return found


def _true(labels: Labels) -> int:
    return int((labels.target[labels.usable] == 1).sum())


def _days(time: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    return float(time.max() - time.min()) / DAY if len(time) else 0.0


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"
