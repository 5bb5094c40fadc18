"""Do the features that answers were made from agree with what the lake says of the same instants?

Each feature has one definition with two forms: one computed while the server answers, one from stored rows, from which
models learn. Tests hold that they agree; this asks whether they did in production, answer by answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import to_text
from poise.data.lake import Lake
from poise.errors import PoiseError
from poise.monitoring.beside import Seen
from poise.monitoring.logged import LoggedRows, read_logged
from poise.monitoring.recomputing import Recomputing, plain, timeless
from poise.monitoring.waiting import NOTHING, Waiting, waiting
from poise.spec.system import SystemSpec
from poise.table import Column

MOST = 10_000
"""Answers that are looked at unless more are asked for: the newest. Those of lists take some 10 kB of memory each."""
NO_T = "the answer has no T though the system has time"
WAITS = "rows that came before the answer are not in the lake yet"


@dataclass(frozen=True, slots=True)
class Worst:
    """The row in which a feature differs most. time: T in microseconds. keys: what was sent of the row."""

    decision: str
    row: int
    release: str
    time: int
    served: Any
    batch: Any
    keys: dict[str, Any]


@dataclass(slots=True)
class FeatureSkew:
    """One feature of the rows of `per`. explained: reason -> values that rightly differ; they are no disagreements."""

    name: str
    per: str
    compared: int = 0
    disagreements: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    worst: Worst | None = None
    _size: float = -1.0

    @property
    def rate(self) -> float:
        """The share of compared values that disagree."""
        return self.disagreements / self.compared if self.compared else 0.0

    def to_dict(self, zone: str) -> dict[str, Any]:
        """Plain values."""
        worst = None if self.worst is None else {**asdict(self.worst), "time": to_text(self.worst.time, zone)}
        found = {"feature": self.name, "per": self.per, "compared": self.compared, "disagreements": self.disagreements}
        return {**found, "rate": self.rate, "explained": dict(self.explained), "worst": worst}


@dataclass(frozen=True, slots=True, eq=False)
class SkewReport:
    """What was compared, of how many answers, and what was found.

    answers: looked at, the newest of `there` that were asked for. rows: of them, kept in full by the log. skipped:
    reason -> rows that could not be compared. upto: when the newest answer of the lake was written (microseconds);
    waiting: what the journal has beyond it.
    """

    answers: int
    there: int
    rows: int
    features: Sequence[FeatureSkew]
    skipped: dict[str, int]
    upto: int | None
    waiting: Waiting
    zone: str

    @property
    def compared(self) -> int:
        """Rows that were compared."""
        return self.rows - sum(self.skipped.values())

    @property
    def disagreeing(self) -> list[FeatureSkew]:
        """The features that disagree anywhere, the highest rate first."""
        return sorted((one for one in self.features if one.disagreements), key=lambda one: -one.rate)

    @property
    def sampled(self) -> bool:
        """Whether older answers were left out."""
        return self.answers < self.there

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for programs."""
        return {
            "answers": self.answers,
            "of": self.there,
            "sampled": self.sampled,
            "rows": self.rows,
            "compared": self.compared,
            "not_compared": self.skipped,
            "drained_until": None if self.upto is None else to_text(self.upto, self.zone),
            "waiting": {"answers": self.waiting.answers, "rows": self.waiting.rows},
            "disagreeing": [one.name for one in self.disagreeing],
            "features": [one.to_dict(self.zone) for one in self.features],
        }


def skew(
    lake: Lake,
    system_of: Callable[[str], SystemSpec],
    *,
    journal: Path | None = None,
    seen: Seen = MappingProxyType({}),
    since: int | None = None,
    until: int | None = None,
    release: str | None = None,
    most: int = MOST,
    zone: str = "UTC",
) -> SkewReport:
    """Compute the features that the decision log holds again from the lake, as of the same T, and compare.

    system_of: the system file of a release, by its name; raises `PoiseError` where that is gone. journal: the folder of
    the journal, so that answers are not blamed for rows that are still on their way to the lake. seen: from when
    answers saw rows of files that came beside a server, see `poise.monitoring.beside`. since, until: T in microseconds.
    Raises `StateError` where lake or journal cannot be read.
    """
    found = read_logged(lake, most, since=since, until=until, release=release)
    versions = lake.versions()
    left = waiting(journal, lake, versions) if journal is not None else NOTHING
    features: dict[tuple[str, str], FeatureSkew] = {}
    skipped: Counter[str] = Counter()
    for rows in found.groups:
        try:
            system = system_of(rows.release)
        except PoiseError as error:
            skipped[f"release {rows.release} is gone: {error}"] += rows.height
            continue
        try:
            made = Recomputing(system, rows, lake, versions, seen)
            index = _comparable(rows, system, made, left, skipped)
            columns = made.batch(index)
        except PoiseError as error:
            skipped[f"release {rows.release}, rows of {rows.per}: {error}"] += rows.height
            continue
        for name, column in columns.items():
            if name in rows.features:
                one = features.setdefault((rows.per, name), FeatureSkew(name, rows.per))
                _compare(one, made, column, index)
    rows_there = sum(rows.height for rows in found.groups)
    return SkewReport(
        found.answers, found.there, rows_there, list(features.values()), dict(skipped), found.upto, left, zone
    )


def _comparable(
    rows: LoggedRows, system: SystemSpec, made: Recomputing, left: Waiting, skipped: Counter[str]
) -> NDArray[np.int64]:
    """The rows that can be compared; the others are counted."""
    without = timeless(rows, system)
    waits = ~without & left.before(made.sources, rows.position, rows.written)
    for reason, which in ((NO_T, without), (WAITS, waits)):
        if which.any():
            skipped[reason] += int(which.sum())
    return np.flatnonzero(~without & ~waits)


def _compare(one: FeatureSkew, made: Recomputing, column: Column, index: NDArray[np.int64]) -> None:
    differ, reasons = made.disagreements(one.name, column, index)
    one.compared += len(index)
    one.disagreements += len(differ)
    one.explained.update(reasons)
    rows, truth = made.rows, plain(column.take(differ))
    for at, batch in zip(index[differ].tolist(), truth, strict=True):
        served = rows.features[one.name][at]
        size = _size(served, batch)
        if size > one._size:
            keys = {name: values[at] for name, values in rows.sent.items()}
            time = int(made.instants[at])
            one._size = size
            one.worst = Worst(rows.decision[at], rows.row[at], rows.release, time, served, batch, keys)


def _size(served: Any, batch: Any) -> float:
    """How far two values are apart; values of which one is missing, or that are no numbers, are farthest."""
    if isinstance(served, float | int) and isinstance(batch, float | int):
        return abs(served - batch) / max(1.0, abs(batch))
    return float("inf")
