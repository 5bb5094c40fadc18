"""Parts: which rows models learn from, and which rows judge them.

In time the parts follow one another, and a row enters a part only if its label was known before the next part began.
Without time they are drawn by entity. Each row that is left out is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.clock import to_text
from poise.errors import NotEnoughData
from poise.evaluation.draw import draw
from poise.spec.objective import ProblemType
from poise.spec.system import Parts
from poise.table import MISSING_TIME

Index = NDArray[np.int64]
PartName = Literal["fit", "tune", "calibrate", "judge"]
NAMES: tuple[PartName, ...] = ("fit", "tune", "calibrate", "judge")

LEAST: Mapping[PartName, int] = {"fit": 20, "tune": 5, "calibrate": 5, "judge": 5}
"""Fewer rows than this in a part are not enough data: nothing could be learned or said. (Gates ask for far more.)"""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Row numbers of each part, in order of time (without time: in row order), and what was left out.

    `border` counts usable rows whose label was not known yet when the next part began; `unusable` the rest.
    `time`, `known_at` and `groups` are those of all rows, for splitting the learning rows further.
    """

    kind: Literal["time", "entity"]
    fit: Index
    tune: Index
    calibrate: Index
    judge: Index
    border: int
    unusable: int
    time: NDArray[np.int64]
    known_at: NDArray[np.int64]
    groups: NDArray[np.int64]
    strata: NDArray[np.int64]
    seed: int = 0

    def part(self, name: PartName) -> Index:
        """The row numbers of one part."""
        found: Index = getattr(self, name)
        return found

    @property
    def learning(self) -> Index:
        """The rows of all parts but *judge*."""
        return np.concatenate([self.fit, self.tune, self.calibrate])

    def to_dict(self, zone: str = "UTC") -> dict[str, Any]:
        """For the evidence: the rows of each part, from when to when (T, ISO 8601)."""
        out: dict[str, Any] = {"kind": self.kind, "border": self.border, "unusable": self.unusable}
        for name in NAMES:
            rows = self.part(name)
            ends: tuple[str | None, str | None] = (None, None)
            if self.kind == "time":
                ends = (to_text(int(self.time[rows].min()), zone), to_text(int(self.time[rows].max()), zone))
            out[name] = {"rows": len(rows), "from": ends[0], "to": ends[1]}
        return out


def split(
    parts: Parts,
    time: NDArray[np.int64],
    known_at: NDArray[np.int64],
    usable: NDArray[np.bool_],
    groups: NDArray[np.int64] | None = None,
    target: NDArray[Any] | None = None,
    problem_type: ProblemType | None = None,
    seed: int = 0,
) -> Split:
    """The parts of n rows asked at `time` (T) whose labels were known at `known_at`, both int64 microseconds (n,).

    Only `usable` rows (bool, (n,)) enter. In time the borders are quantiles of T, and rows of one instant stay
    together. Where no row has a time, entities (`groups`, (n,); default each row) are drawn by `seed`; single rows of
    classes are drawn so that each part has its share of each class.
    Raises `NotEnoughData` with the numbers where a part would have too few rows.
    """
    fractions = _fractions(parts)
    timed = bool((time[usable] != MISSING_TIME).any())
    rows = np.flatnonzero(usable & (time != MISSING_TIME)) if timed else np.flatnonzero(usable)
    entity = np.arange(len(time), dtype=np.int64) if groups is None else groups
    strata = _strata(target, problem_type, len(time)) if groups is None else np.zeros(len(time), np.int64)
    if len(rows) < sum(LEAST.values()):
        raise NotEnoughData(
            f"{len(rows):,} of {len(time):,} rows have a label that can be learned from;"
            f" at least {sum(LEAST.values())} are needed"
        )
    if timed:
        order = rows[np.argsort(time[rows], kind="stable")]
        found, border = in_time(order, time, known_at, fractions)
    else:
        part = draw(entity[rows], strata[rows], fractions, seed)
        found, border = [rows[part == i] for i in range(len(NAMES))], 0
    made = Split(
        "time" if timed else "entity",
        fit=found[0],
        tune=found[1],
        calibrate=found[2],
        judge=found[3],
        border=border,
        unusable=len(time) - len(rows),
        time=time,
        known_at=known_at,
        groups=entity,
        strata=strata,
        seed=seed,
    )
    _refuse_small(made, len(rows))
    return made


def _fractions(parts: Parts) -> NDArray[np.float64]:
    found = np.array([getattr(parts, name) for name in NAMES], np.float64)
    return np.asarray(found / found.sum())


def in_time(
    order: Index, time: NDArray[np.int64], known_at: NDArray[np.int64], fractions: NDArray[np.float64]
) -> tuple[list[Index], int]:
    """Rows in order of T cut where the next part begins, each part without the rows whose label came after that.

    The shares are those of the rows that stay: as many stay as can. (Cut by all rows instead, a label that takes longer
    to come than a part lasts would leave that part empty.)
    """
    t, known = time[order], known_at[order]
    low, high = 0, len(t)
    cuts = _cuts(t, known, fractions, high)
    if cuts is None:
        while high - low > 1:
            middle = (low + high) // 2
            found = _cuts(t, known, fractions, middle)
            low, high = (low, middle) if found is None else (middle, high)
        cuts = _cuts(t, known, fractions, low) or [0, *_quantiles(t, fractions), len(t)]
    parts, border = [], 0
    for start, stop in pairwise(cuts):
        rows = order[start:stop]
        kept = rows if stop == len(t) else rows[known_at[rows] < t[stop]]
        border += len(rows) - len(kept)
        parts.append(kept)
    return parts, border


def _cuts(
    t: NDArray[np.int64], known: NDArray[np.int64], fractions: NDArray[np.float64], size: int
) -> list[int] | None:
    """Where parts begin and end, from the newest rows back, if `size` rows are to stay; None where they are not there.

    Rows of one instant stay together, so a part may be larger than its share, and *fit* smaller by as much.
    """
    cuts = [len(t)]
    bounds = np.round(np.cumsum(fractions) * size).astype(np.int64)
    wanted, spare = np.diff(np.concatenate([[0], bounds])), 0
    for part in range(len(fractions) - 1, -1, -1):
        stop = cuts[0]
        stays = np.flatnonzero(known[:stop] < t[stop]) if stop < len(t) else np.arange(stop)
        least = int(wanted[part])
        if part == 0:
            return [0, *cuts] if len(stays) >= max(least - spare, 1) else None
        if not 0 < least <= len(stays):
            return None
        start = int(np.searchsorted(t, t[stays[-least]], side="left"))
        spare += len(stays) - int(np.searchsorted(stays, start)) - least
        cuts.insert(0, start)
    return None


def _quantiles(t: NDArray[np.int64], fractions: NDArray[np.float64]) -> list[int]:
    """Cuts at the shares of all rows: where no others can be found, to say how few rows each part would have."""
    places = [min(round(share * len(t)), len(t) - 1) for share in np.cumsum(fractions)[:-1]]
    return [int(np.searchsorted(t, t[place], side="left")) for place in places]


def _strata(target: NDArray[Any] | None, problem_type: ProblemType | None, height: int) -> NDArray[np.int64]:
    """The class of each row; of several labels the rarest that it has; one stratum for a regression."""
    none = np.zeros(height, np.int64)
    if target is None or problem_type in (None, "regression"):
        return none
    if target.ndim == 1:
        return np.nan_to_num(np.asarray(target, np.float64), nan=-1).astype(np.int64)
    rarest = np.argsort(np.nansum(target, axis=0), kind="stable")
    has = target[:, rarest] > 0.5
    return np.asarray(np.where(has.any(axis=1), has.argmax(axis=1), has.shape[1]))


def _refuse_small(made: Split, usable: int) -> None:
    few = [f"{name} {len(made.part(name)):,} of at least {LEAST[name]}" for name in NAMES if _short(made, name)]
    if not few:
        return
    rows = np.concatenate([made.part(name) for name in NAMES])
    if made.kind == "time":
        why = f"{len(np.unique(made.time[rows])):,} different times, {made.border:,} rows dropped at the borders"
        hint = "a row enters a part only if its label was known before the next part began: shorten `within` or `late`"
    else:
        why = f"{len(np.unique(made.groups[rows])):,} entities"
        hint = "rows of one entity stay in one part"
    raise NotEnoughData(
        f"the parts have too few rows: {', '.join(few)} (from {usable:,} usable rows: {why})",
        hint=f"{hint}; or change `parts`",
    )


def _short(made: Split, name: PartName) -> bool:
    return len(made.part(name)) < LEAST[name]
