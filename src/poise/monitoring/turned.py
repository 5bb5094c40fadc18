"""What happened to a column that broke, in words: stuck, in another unit, moved, or levels that nobody knew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.releases.profile_column import ColumnProfile, numbers
from poise.table import Column

Floats = NDArray[np.float64]

UNITS: tuple[tuple[str, float, float], ...] = (
    ("miles to kilometres", 1.609344, 0),
    ("kilometres to miles", 1 / 1.609344, 0),
    ("inches to centimetres", 2.54, 0),
    ("centimetres to inches", 1 / 2.54, 0),
    ("feet to metres", 0.3048, 0),
    ("metres to feet", 1 / 0.3048, 0),
    ("pounds to kilograms", 0.45359237, 0),
    ("kilograms to pounds", 1 / 0.45359237, 0),
    ("degrees Fahrenheit to Celsius", 5 / 9, -160 / 9),
    ("degrees Celsius to Fahrenheit", 9 / 5, 32),
    ("knots to km/h", 1.852, 0),
    ("mph to m/s", 0.44704, 0),
    ("hours to minutes, or minutes to seconds", 60, 0),
    ("minutes to hours, or seconds to minutes", 1 / 60, 0),
    ("tenths", 0.1, 0),
    ("tens", 10, 0),
    ("units to cents, or shares to percent", 100, 0),
    ("cents to units, or percent to shares", 0.01, 0),
    ("units to thousandths", 1000, 0),
    ("thousandths to units", 0.001, 0),
)
"""Name, factor and shift of a change of units."""
STUCK = 0.5
"""One value in more than half of the rows, …"""
ADDED = 0.3
"""… and in so many more of them than in the profile: a sensor that reports the same whatever happens."""
EXACT, MATCHED = 1e-4, 0.8
"""Values are the same but for rounding, and so many rows have one that was known before its unit changed."""
SHIFTED = 3.0
"""A unit that moves the zero too fits much that only moved: it has to fit so much better."""
RENAMED = 0.03
"""A level of so many rows does not go, and another come in its place, unless it is renamed."""
MOST = 100_000
"""So many of the rows are looked at."""
_AT = np.linspace(0.1, 0.9, 17)


@dataclass(frozen=True, slots=True)
class Turned:
    """said: what became of a column, in words that follow its name. fault: whether no change of the world looks like
    that, so that somebody should mend it whether or not it costs anything yet."""

    said: str
    fault: bool = False


def turned(usual: ColumnProfile, after: Column, *, measured: bool = True) -> Turned:
    """What became of a column that was as `usual` says and whose rows since the break are `after`.

    measured: whether it may have come in another unit, as a prediction may not.

    >>> usual = ColumnProfile.of(Column.numbers(np.linspace(30, 100, 500)), np.array([0]))
    >>> turned(usual, Column.numbers((np.linspace(30, 100, 300) - 32) / 1.8)).said
    'is as if in another unit: degrees Fahrenheit to Celsius'
    >>> turned(usual, Column.numbers(np.full(99, 70.0))).said
    'is stuck at 70 in 100% of rows'
    """
    return _levels(usual, after) if usual.kind == "category" else _numbers(usual, numbers(after), measured)


def _numbers(usual: ColumnProfile, values: Floats, measured: bool) -> Turned:
    values = values[np.isfinite(values)]
    if not len(values):
        return Turned("is missing", fault=True)
    values = values[:: max(1, len(values) // MOST)]
    levels, counts = np.unique(values, return_counts=True)
    top = int(np.argmax(counts))
    share, value = counts[top] / len(values), levels[top]
    if share > STUCK and share - _usual_share(usual, float(value)) > ADDED:
        return Turned(f"is stuck at {value:.6g} in {share:.0%} of rows", fault=measured)
    known = np.isfinite(usual.points)
    before = np.interp(_AT * usual.present, usual.upto[known], usual.points[known])
    now = np.quantile(values, _AT)
    unit = (_unit_of_values(usual.points[known], levels, counts) or _unit(before, now)) if measured else None
    if unit is not None:
        return Turned(f"is as if in another unit: {unit}", fault=True)
    if not len(set(before.tolist())) > 1:
        return Turned(f"is no longer always {before[0]:.6g}")
    outside = max(float((values < usual.points[0]).mean()), float((values > usual.points[-1]).mean()))
    fault = measured and outside > STUCK
    moved, width = float(np.median(now - before)), float(before[-1] - before[0])
    spread = float(now[-1] - now[0]) / width
    if abs(moved) >= 0.1 * width or abs(spread - 1) < 0.1:
        where = f", {outside:.0%} of rows to where none was" if fault else ""
        return Turned(f"moved by {moved:+.4g} (its median was {before[8]:.4g}){where}", fault)
    return Turned(f"spreads {spread:.2g} times as wide as it did", fault)


def _usual_share(usual: ColumnProfile, value: float) -> float:
    at = int(np.searchsorted(usual.points, value))
    if at == len(usual.points) or usual.points[at] != value:
        return 0.0
    return float((usual.upto[at] - usual.below[at]) / max(usual.present, 1))


def _unit(before: Floats, now: Floats) -> str | None:
    """The change of units by which quantiles before become those now, better than anything that stayed would."""
    width = float(np.ptp(before))
    if not width > 0:
        return None
    stays = float(np.abs(now - before).mean())
    best, least = None, min(0.15 * float(np.ptp(now)), 0.25 * stays)
    for name, factor, shift in UNITS:
        error = float(np.abs(now - (before * factor + shift)).mean()) * (SHIFTED if shift else 1)
        if error < least:
            best, least = name, error
    return best


def _unit_of_values(points: Floats, values: Floats, counts: NDArray[np.int64]) -> str | None:
    """The change of units by which values that never were become values that were: of a sensor that reports few values
    that tells more than where they lie, which the season moves."""

    def known(made: Floats) -> float:
        after = np.minimum(np.searchsorted(points, made), len(points) - 1)
        near = np.minimum(np.abs(points[after] - made), np.abs(points[np.maximum(after - 1, 0)] - made))
        return float(np.average(near <= EXACT * np.abs(made), weights=counts))

    if not len(points) or known(values) > STUCK or not (values != 0).any():
        return None
    found = {name: known((values - shift) / factor) for name, factor, shift in UNITS}
    best = max(found, key=lambda name: found[name])
    return best if found[best] > MATCHED else None


def _levels(usual: ColumnProfile, after: Column) -> Turned:
    if after.levels is None:
        return Turned("holds numbers in place of texts", fault=True)
    there = after.values[after.values >= 0]
    if not len(there):
        return Turned("is missing", fault=True)
    counts = np.bincount(there, minlength=len(after.levels)) / len(there)
    known = dict(zip(usual.levels, (usual.upto / max(usual.present, 1)).tolist(), strict=True))
    changes = counts - np.array([known.get(str(level), 0.0) for level in after.levels])
    shares = {str(level): share for level, share in zip(after.levels, counts.tolist(), strict=True) if share > 0}
    gone = {level: share for level, share in known.items() if level not in shares}
    lost = max(gone, key=lambda level: gone[level], default=None)
    most = int(np.argmax(np.abs(changes)))
    renamed = _renamed(known, gone, shares)
    if renamed is not None:
        return Turned(f"calls '{renamed[1]}' what was '{renamed[0]}', {gone[renamed[0]]:.0%} of rows", fault=True)
    if lost is not None and gone[lost] >= abs(changes[most]):
        return Turned(f"has no '{lost}' any more, {gone[lost]:.0%} of rows in the profile")
    level = str(after.levels[most])
    new = "a new level" if level not in known else f"{known[level]:.0%} in the profile"
    return Turned(f"is '{level}' in {counts[most]:.0%} of rows, {new}")


def _renamed(known: Mapping[str, float], gone: Mapping[str, float], now: Mapping[str, float]) -> tuple[str, str] | None:
    """The frequent level that is gone, and a new one that is about as frequent in its place."""
    new = {level: share for level, share in now.items() if level not in known}
    pairs = [(old, one) for old, was in gone.items() for one, is_ in new.items() if was >= RENAMED and _like(was, is_)]
    return max(pairs, key=lambda pair: gone[pair[0]], default=None)


def _like(was: float, is_: float) -> bool:
    return was / 2 <= is_ <= was * 2
