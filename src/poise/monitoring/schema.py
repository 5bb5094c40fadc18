"""PM01: do columns still have their values, of the kind that they had?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poise.monitoring.base import Monitor, Watched
from poise.monitoring.blocks import Window, window_of
from poise.monitoring.drift import share_break
from poise.monitoring.finding import Finding
from poise.releases.profile_column import ColumnProfile, Tally
from poise.releases.sent_columns import REPEATED
from poise.table import Column

Floats = NDArray[np.float64]
LEAST = 0.01
"""A change of less than 1 % of the rows is no break."""
SAID_TWICE = 0.1
"""Where so many more rows come twice, something sends them twice."""


class Schema(Monitor):
    """Missing values of every feature and column of the request, and levels that the release does not know.

    The share of each, block by block, is searched for a break (`poise.monitoring.breaks`) and tested with all other
    columns. A column that is gone is missing in all rows. Rows that come twice, under another id or none, are counted
    the same way.
    """

    code = "PM01"
    name = "schema_and_nulls"
    what = "Do columns still have their values, of levels that are known?"
    drifts = True

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per column for what is missing, and of categories one for levels that are new."""
        found = []
        for per, rows in watched.rows.items():
            window = window_of(watched, per)
            if window is None or watched.profile is None:
                continue
            for name, usual in watched.profile.columns[per].items():
                if name == REPEATED:
                    found += self._repeated(watched, per, rows.columns.get(name), usual, window)
                    continue
                if name not in rows.columns:
                    what = f"{name} is not among what came in"
                    found.append(Finding(self.code, self.name, what, name, "alarm", watched.since))
                    continue
                tally = window.gaps(usual, rows.columns[name])
                before, now = _missing(usual, tally)
                found.append(share_break(self.code, self.name, name, "missing", before, now, window, LEAST))
                if tally.unseen is not None and usual.complete:
                    here = usual.blocks[:, 0] - usual.blocks[:, 1]
                    late = np.where(np.arange(len(here)) < (len(here) + 1) // 2, 0, here).astype(float)
                    before = usual.blocks[:, -1].astype(float), late
                    now = tally.unseen.astype(float), (tally.rows - tally.missing).astype(float)
                    said = "of levels that are new"
                    found.append(share_break(self.code, self.name, name, said, before, now, window, LEAST))
        return found

    def _repeated(
        self, watched: Watched, per: str, column: Column | None, usual: ColumnProfile, window: Window
    ) -> list[Finding]:
        """Rows that are what an earlier one was, in all that callers send and in their T."""
        if column is None:
            return []
        before, now = _missing(usual, window.gaps(usual, column))
        one = share_break(self.code, self.name, per, "what an earlier row was", before, now, window, LEAST)
        reads = [name for name, objective in watched.system.objectives.items() if objective.per == per]
        fault = one.level == "alarm" and one.detail["share"] >= SAID_TWICE
        return [replace(one, detail={**one.detail, "objectives": reads, "fault": fault})]


def _missing(usual: ColumnProfile, tally: Tally) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Missing values and rows, per block of the profile and of the window."""
    return (usual.blocks[:, 1].astype(float), usual.blocks[:, 0].astype(float)), (
        tally.missing.astype(float),
        tally.rows.astype(float),
    )
