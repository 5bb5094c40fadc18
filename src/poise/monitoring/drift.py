"""One column against its profile: has it broken since some block, how far is it off, and what happened to it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.base import ratio
from poise.monitoring.blocks import Window, shares_now, usual_shares
from poise.monitoring.breaks import Break
from poise.monitoring.distance import jensen_shannon, ks, psi, total_variation, variation_of_few
from poise.monitoring.finding import Finding, Level
from poise.monitoring.plainly import plainly
from poise.monitoring.turned import turned
from poise.releases.profile_column import ColumnProfile, Tally
from poise.table import Column

Floats = NDArray[np.float64]

LEAST_CHANGE = 0.05
"""A change that concerns fewer than 5 % of the rows is no break, however sure: models hardly feel it."""
FAR = 0.1
"""Farther than this from the profile, and farther than any of its own blocks, is worth knowing without a break."""
BEYOND = 1.25
"""How much farther than the farthest block of the profile."""
FAULT = 0.5
"""Where so much more of a column is missing, or of levels that are new, nobody needs to ask whether it matters."""
RECENT = 4
"""Blocks at the end of the window that say where a column stands now."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One column in a window: its break (None where too few blocks tell), its distance from the profile since then (of
    the newest blocks where there is none), the greatest distance of a block of the profile, and all by block."""

    found: Break | None
    size: float
    usual: float
    tally: Tally
    series: Floats

    @property
    def broken(self) -> bool:
        """Whether there is a break that matters, away from the profile, and still holds; whether it is chance is
        another question."""
        change = 0.0 if self.found is None or not self.found.holds else abs(self.found.change)
        return min(change, self.size) >= LEAST_CHANGE


def compared(window: Window, usual: ColumnProfile, column: Column) -> Compared:
    """A column of all rows against its profile."""
    tally = window.tally(usual, column)
    before, before_rows = usual_shares(usual)
    now, rows = shares_now(usual, tally)
    if usual.kind == "category" and np.isfinite(before[:, -1]).any():  # fewer new levels than usual are no break
        now[:, -1] = np.maximum(now[:, -1], np.nanmean(before[:, -1]))
    found = window.find(before, now, before_rows, rows)
    farthest = _farthest(usual, before, before_rows)
    since = found.block if found is not None and found.holds else max(0, len(rows) - RECENT)
    distance = variation_of_few if usual.kind == "category" else ks
    series = np.array([distance(usual, tally.take(slice(at, at + 1))) for at in range(len(rows))])
    moved = found is not None and found.holds and abs(found.change) >= LEAST_CHANGE
    if usual.kind == "category" and moved:  # what came anew may stand for what was rare
        distance = total_variation
    return Compared(found, distance(usual, tally.take(slice(since, None))), farthest, tally, series)


def drift(
    code: str,
    monitor: str,
    subject: str,
    column: Column,
    usual: ColumnProfile,
    window: Window,
    *,
    measured: bool = True,
    called: str | None = None,
) -> Finding:
    """What is found of one column. A break is an alarm, as long as nothing says that it is chance or costs nothing;
    standing far from the profile without one, as what changes slowly does, is a notice.

    measured: whether it came in, and may have come in another unit. called: what it is called in sentences."""
    one, called = compared(window, usual, column), called or subject
    unit = "KS" if usual.kind == "number" else "TV"
    limit = max(FAR, BEYOND * one.usual)
    level: Level = "fine"
    since, what, why = None, f"{called} is like its profile", ""
    if not np.isfinite(one.size):
        if not usual.present and not (one.tally.rows - one.tally.missing).any():
            return Finding(code, monitor, f"{subject} is always missing, as in its profile", subject, "fine", unit=unit)
        what = f"{subject} has no values any more" if usual.present else f"{subject} had no values in its profile"
        return Finding(code, monitor, what, subject, "unknown", unit=unit, why="PM01 tells since when.")
    found, fault = one.found if one.broken else None, False
    plain = plainly(window, usual, one.tally) if measured else None
    if plain is not None and (found is None or plain.p < found.p):
        found = plain
    if found is not None:
        level, since = "alarm", window.time(found.block)
        rows = window.rows.start + int(window.starts[found.block])
        after = Column(column.kind, column.values[rows : window.rows.stop], column.levels)
        told = turned(usual, after, measured=measured)
        what, fault = f"{called} {told.said}", told.fault
        share, blocks = abs(found.change), window.profile.unit
        why = f"{share:.0%} of its rows moved from one {blocks} to the next, which its profile does not know"
    elif one.size > limit:
        level, what = "notice", f"{called} has moved away from its profile, without a break"
        why = f"no block of the profile lay farther than {one.usual:.2f} from the whole"
    tally = one.tally.take(slice(found.block if found else max(0, len(one.series) - RECENT), None))
    detail = {
        "p": found.p if found is not None else (None if level == "notice" else 1.0),
        "slow": level == "notice",
        "fault": fault,
        "psi": psi(usual, tally),
        "jensen_shannon": jensen_shannon(usual, tally),
        "rows": int(tally.rows.sum()),
        "times": window.times if window.profile.step else [],
        "series": one.series,
    }
    limits = (0.0, limit) if found is None else None  # a break has no limit of its own: it is one by how it came
    return Finding(code, monitor, what, subject, level, since, one.size, unit, limits, why=why, detail=detail)


def share_break(
    code: str,
    monitor: str,
    subject: str,
    said: str,
    usual: tuple[Floats, Floats],
    now: tuple[Floats, Floats],
    window: Window,
    least: float,
) -> Finding:
    """A share of rows (a count of them and the rows, of the profile's blocks and of the window's) that broke."""
    before, after = (ratio(count, rows, 0.0)[:, None] for count, rows in (usual, now))
    found = window.find(before, after, usual[1].astype(np.int64), now[1].astype(np.int64))
    broken = found is not None and found.holds and abs(found.change) >= least
    whole = _share(usual)
    since = found.block if found is not None and broken else max(0, len(after) - RECENT)
    size = _share((now[0][since:], now[1][since:]))
    level: Level = "alarm" if broken else "fine"
    if found is None:  # too few blocks tell what is usual: only a large change is worth a word
        level = "notice" if abs(size - whole) >= max(least, FAR) else "fine"
    what = f"{subject}: {size:.1%} of rows are {said}, {whole:.1%} in the profile"
    detail = {
        "p": found.p if found is not None and broken else (None if level == "notice" else 1.0),
        "fault": broken and size - whole >= FAULT,
        "times": window.times if window.profile.step else [],
        "series": after[:, 0],
        "share": size - whole,
    }
    when = window.time(since) if broken else None
    return Finding(code, monitor, what, subject, level, when, size, "share", (None, whole + least), detail=detail)


def _share(counted: tuple[Floats, Floats]) -> float:
    return float(counted[0].sum() / counted[1].sum()) if counted[1].sum() else 0.0


def _farthest(usual: ColumnProfile, shares: Floats, rows: NDArray[np.int64]) -> float:
    """The distance of that block of the profile from the whole which lies farthest, in its few bins, of those blocks
    that have at least a quarter of the usual rows."""
    if not len(rows) or not rows.sum():
        return 0.0
    whole = (shares * rows[:, None])[:, : len(usual.edges)].sum(axis=0) / rows.sum()
    apart = np.abs(shares[:, : len(usual.edges)] - whole)
    others = np.abs(shares[:, : len(usual.edges)].sum(axis=1) - whole.sum())
    far = apart.max(axis=1, initial=0.0) if usual.kind == "number" else (apart.sum(axis=1) + others) / 2
    full = rows >= np.median(rows[rows > 0]) / 4
    return float(far[full].max(initial=0.0))
