"""PM02: does every source still bring rows, as many as usual?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY, HOUR, MINUTE
from poise.monitoring.base import Arrivals, Monitor, Watched
from poise.monitoring.blocks import over
from poise.monitoring.breaks import LEAST_BLOCKS, SEASONS, find_break
from poise.monitoring.finding import Finding, Level

Ints = NDArray[np.int64]

LEAST_FACTOR = 1.25
"""A change by less than a quarter is no break."""
SILENT = 2
"""A source is stale where nothing came for so many times the longest silence that it is known for."""
BEHIND = 2 * DAY
"""A source that lies behind the others by less than this is not stale: not all are read in at the same hour."""


class Volume(Monitor):
    """Freshness and volume of every source that has a time.

    Volume: the logarithm of rows per block is searched for a break, as shares of columns are, against the blocks up to
    the end of the profile. Freshness: how long ago the newest row is, by the clock, against the longest silence (in
    whole blocks) before; and how far it lies behind the newest row of all sources, against the longest time between two
    of its rows. The clock alone would find a source stale that is read in once a week.
    """

    code = "PM02"
    name = "freshness_and_volume"
    what = "Does every source still bring rows, as many as usual?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """Two findings per source."""
        found = []
        for one in watched.arrivals.values():
            found += [self._fresh(one, watched), self._volume(one, watched)]
        return found

    def _fresh(self, one: Arrivals, watched: Watched) -> Finding:
        if one.last is None or not one.counts.sum():
            what = f"{one.source} has no rows"
            return Finding(self.code, self.name, what, one.source, "unknown", unit="s")
        usual = (_longest_silence(one.counts[: _complete(one, watched, one.last)]) + 1) * watched.step
        age = max(0, watched.as_of - one.last)
        behind, lag = self._behind(one, watched)
        if behind > lag and age <= SILENT * usual:
            age, usual = behind, lag // SILENT
        level: Level = "alarm" if age > SILENT * usual else "fine"
        what = f"{one.source}: the newest row is {_span(age)} old"
        why = f"it was never silent for more than {_span(usual)}" if level == "alarm" else ""
        limits = (0.0, SILENT * usual / 1e6)
        since = one.last if level == "alarm" else None
        return Finding(
            self.code,
            self.name,
            what,
            one.source,
            level,
            since,
            age / 1e6,
            "s",
            limits,
            why=why,
            detail={"kind": "freshness"},
        )

    def _behind(self, one: Arrivals, watched: Watched) -> tuple[int, int]:
        """How far the newest row lies behind that of the others, and how far it may."""
        newest = max(each.last for each in watched.arrivals.values() if each.last is not None)
        late = watched.system.sources[one.source].late
        if one.last is None or one.gap is None:
            return 0, 0
        return min(newest, watched.as_of) - one.last, max(BEHIND, SILENT * one.gap) + late

    def _volume(self, one: Arrivals, watched: Watched) -> Finding:
        profile = watched.profile
        end = watched.since if profile is None or not profile.step else profile.end
        known = max(0, (end - one.start) // watched.step)
        usual, now = one.counts[:known], one.counts[known : _complete(one, watched, watched.until)]
        detail = {
            "kind": "volume",
            "series": now,
            "times": [one.start + (known + at) * watched.step for at in range(len(now))],
        }
        if len(usual) < LEAST_BLOCKS or not len(now):
            what = f"{one.source}: too few blocks say how many rows are usual"
            return Finding(self.code, self.name, what, one.source, "unknown", unit="rows", detail=detail)
        unit = "" if profile is None else profile.unit
        logs = np.log1p(usual)[:, None], np.log1p(now)[:, None]
        rows = np.full(len(one.counts), max(float(usual.mean()), 1.0))  # of an empty block the noise is no larger
        found = find_break(*logs, rows[:known], rows[known : known + len(now)], SEASONS.get(unit, 0))
        broken = found is not None and found.holds and abs(found.change) >= np.log(LEAST_FACTOR)
        since = found.block if found is not None and broken else 0
        size, before = float(now[since:].mean()), float(usual.mean())
        what = f"{one.source}: {size:,.0f} rows per {unit or 'block'}, {before:,.0f} in the time of the profile"
        when = one.start + (known + since) * watched.step if broken else None
        p = found.p if found is not None and broken else 1.0
        level: Level = "alarm" if broken else "fine"
        return Finding(self.code, self.name, what, one.source, level, when, size, "rows", detail={**detail, "p": p})


def _complete(one: Arrivals, watched: Watched, until: int) -> int:
    return min(max(0, over(until, one.start, watched.step)), len(one.counts))


def _longest_silence(counts: Ints) -> int:
    """The most blocks in a row without rows, between the first and the last that have any."""
    filled = np.flatnonzero(counts)
    return int(np.diff(filled).max(initial=1)) - 1


def _span(microseconds: int) -> str:
    """A length of time in words."""
    for name, unit in (("days", DAY), ("hours", HOUR), ("minutes", MINUTE)):
        if microseconds >= 2 * unit:
            return f"{microseconds / unit:.0f} {name}"
    return f"{microseconds / 1e6:.0f} s"
