"""What of the rows that could be learned from is learned from: the last so long, the newer the more, not these groups.

It limits what is learned. What is left out still judges, as trusted rows do, unless nobody believes it: rows that are
held back as suspect judge nothing either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import to_text
from poise.errors import NotEnoughData
from poise.evaluation.parts import LEAST, NAMES, Index, PartName, Split, in_time
from poise.features.labels import label_rows
from poise.spec.system import Parts, SystemSpec
from poise.spec.units import duration_text
from poise.table import History, Requests, Table

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that nothing is learned from: those of a source whose `column` is one of `values` (None: any), with
    since <= time < until (microseconds; None: open).

    Where the source is the one that is predicted for, the time is T; where labels come from it, a row is left out with
    the label that it was given, and the time is the label's τ. judges: whether models are judged on them.
    """

    source: str
    column: str | None = None
    values: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    why: str = ""
    judges: bool = True

    @property
    def sentence(self) -> str:
        """Which rows these are.

        >>> LeftOut("orders", "user", ("u1", "u2"), why="a burst").sentence
        'rows of orders with user u1, u2 (a burst)'
        """
        which = f" with {self.column} {', '.join(self.values[:5])}" if self.column is not None else ""
        more = f" and {len(self.values) - 5:,} more" if len(self.values) > 5 else ""
        return f"rows of {self.source}{which}{more}" + (f" ({self.why})" if self.why else "")

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"source": self.source, "column": self.column, "values": list(self.values), "since": self.since,
                "until": self.until, "why": self.why, "judges": self.judges}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LearnFrom:
    """What is learned from.

    since: only rows with T from then on (microseconds); the parts are shares of those. half_life: a row that is older
    by so long (microseconds) than the newest that is learned from weighs half. left_out: groups that nothing is learned
    from. also_judged: once it is judged, the chosen model is learned again from all of these rows, also those that
    judged it, and answers; what was judged is kept beside it.

    >>> LearnFrom().everything, LearnFrom(half_life=5).everything
    (True, False)
    """

    since: int | None = None
    half_life: int | None = None
    left_out: tuple[LeftOut, ...] = ()
    also_judged: bool = False

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> LearnFrom:
        """As `to_dict` wrote it.

        >>> limits = LearnFrom(3, 4, (LeftOut("orders"),))
        >>> LearnFrom.from_dict(limits.to_dict()) == limits
        True
        """
        groups = (LeftOut(**{**one, "values": tuple(one["values"])}) for one in content.get("left_out", ()))
        return cls(content.get("since"), content.get("half_life"), tuple(groups), bool(content.get("also_judged")))

    def also_without(self, groups: tuple[LeftOut, ...]) -> LearnFrom:
        """The same without further groups."""
        return replace(self, left_out=(*self.left_out, *(one for one in groups if one not in self.left_out)))

    @property
    def everything(self) -> bool:
        """Whether nothing is limited."""
        return self.since is None and self.half_life is None and not self.left_out

    def to_dict(self) -> dict[str, Any]:
        """For the evidence."""
        return {"since": self.since, "half_life": self.half_life, "left_out": [one.to_dict() for one in self.left_out],
                "also_judged": self.also_judged}  # fmt: skip

    def sentences(self, zone: str) -> list[str]:
        """What is limited, for the report.

        >>> LearnFrom(since=0, half_life=86_400_000_000).sentences("UTC")
        ['Only rows asked for since 1970-01-01T00:00:00+00:00 were used.', 'A row that is 1d older weighs half.']
        """
        said = [] if self.since is None else [f"Only rows asked for since {to_text(self.since, zone)} were used."]
        if self.half_life is not None:
            said.append(f"A row that is {duration_text(self.half_life)} older weighs half.")
        no = {True: "learned from", False: "learned from or judged on"}
        return said + [f"Nothing was {no[one.judges]} {one.sentence}." for one in self.left_out]

    @property
    def unbelieved(self) -> LearnFrom:
        """The groups alone that judge nothing either."""
        return LearnFrom(left_out=tuple(one for one in self.left_out if not one.judges))

    def columns(self, source: str) -> set[str]:
        """What has to be read of a source to know which of its rows are left out."""
        return {one.column for one in self.left_out if one.source == source and one.column is not None}

    def recent(self, time: NDArray[np.int64]) -> Mask:
        """Which rows of T `time` (n,) are recent enough."""
        return np.ones(len(time), bool) if self.since is None else np.asarray(time >= self.since)

    def ages(self, time: NDArray[np.int64], learned: NDArray[np.int64]) -> Floats | None:
        """What each of n rows of T `time` weighs for its age, where those of T `learned` are learned from, of which the
        newest weighs 1. None where all weigh 1."""
        if self.half_life is None or not len(learned):
            return None
        age = np.maximum(learned.max() - time, 0)
        return np.asarray(0.5 ** (age / self.half_life), np.float64)


def kept(
    system: SystemSpec, objective: str, requests: Requests, histories: Mapping[str, History], limits: LearnFrom
) -> Mask | None:
    """Which rows of an objective are in no group that is left out, (n,); None where all are."""
    spec = system.objectives[objective]
    out = np.zeros(requests.time.shape, bool)
    for group in limits.left_out:
        if group.source == spec.per:
            out |= _in(group, requests.time, requests.rows)
        elif group.source == spec.label.from_:
            history = histories[group.source]
            found = np.append(_in(group, history.time, history.rows), False)
            out |= found[label_rows(system, objective, requests, histories)]
    return None if not out.any() else ~out


def _in(group: LeftOut, time: NDArray[np.int64], rows: Table) -> Mask:
    """Which rows of a group's source are of it."""
    inside = np.ones(len(time), bool)
    if group.since is not None:
        inside &= time >= group.since
    if group.until is not None:
        inside &= time < group.until
    if group.column is not None and group.values:
        wanted, at = set(group.values), np.flatnonzero(inside)
        values = rows[group.column].take(at).to_list()  # of the time alone: a history may be long, and groups be many
        inside[at] = [value is not None and str(value) in wanted for value in values]
    return inside


def without(split: Split, keep: Mask, parts: Parts) -> Split:
    """The parts with only those rows to learn from that are kept; *judge* stays.

    In time, where that leaves a part short (of the last weeks most is held back, say), the rows that are kept are
    split once more by the shares of `parts`. Raises `NotEnoughData` where they are too few for any split.
    """
    learned: dict[PartName, Index]
    learned = {name: split.part(name)[keep[split.part(name)]] for name in NAMES if name != "judge"}
    if _short(learned) and split.kind == "time":
        rows = split.learning[keep[split.learning]]
        order = rows[np.argsort(split.time[rows], kind="stable")]
        shares = np.array([getattr(parts, name) for name in learned], np.float64)
        found = in_time(order, split.time, split.known_at, shares / shares.sum())[0] if len(order) else []
        learned = dict(zip(learned, found, strict=True)) if found else learned
    few = _short(learned)
    if few:
        left, least = int(keep[split.learning].sum()), sum(LEAST[name] for name in learned)
        said = f"of {len(split.learning):,} rows {left:,} may be learned from, and at least {least} are needed"
        raise NotEnoughData(
            f"{said} ({', '.join(few)})", hint="let in what is held back (poise suspects), or learn from a longer time"
        )
    return replace(split, **learned)  # type: ignore[arg-type]


def judged_without(split: Split, keep: Mask) -> Split:
    """The parts with only those rows to judge on that are kept. Raises `NotEnoughData` where they are too few."""
    judge = split.judge[keep[split.judge]]
    if len(judge) < LEAST["judge"]:
        said = f"of {len(split.judge):,} rows {len(judge):,} may be judged on, and at least {LEAST['judge']} are needed"
        raise NotEnoughData(said, hint="let in what is held back (poise suspects)")
    return replace(split, judge=judge)


def _short(learned: Mapping[PartName, Index]) -> list[str]:
    """The parts that have too few rows, in words."""
    return [f"{name} has {len(rows):,} of {LEAST[name]}" for name, rows in learned.items() if len(rows) < LEAST[name]]
