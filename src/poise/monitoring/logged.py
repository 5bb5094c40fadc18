"""What the decision log kept in full: of each answer some rows, with what was sent of them and what models saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.data import delta
from poise.data.lake import INSTANT, Lake
from poise.table import MISSING_TIME

Ints = NDArray[np.int64]


class _Kept(msgspec.Struct):
    """The fields of a record of `poise.serving.decision_log` that are read here."""

    release: str
    per: str
    at: int | None
    logged: list[int]
    sent: dict[str, list[Any]]
    features: dict[str, list[Any]]
    kind: str = ""
    ids: list[str] | None = None


@dataclass(slots=True, eq=False)
class LoggedRows:
    """Rows that one release answered for, all with the same columns, in the order of the log.

    sent, features: column -> n values, None where missing. decision: of each row the id of its decision, else where in
    the journal its answer is. row: its number in the request.
    """

    release: str
    per: str
    sent: dict[str, list[Any]]
    features: dict[str, list[Any]]
    decision: list[str] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    _times: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def height(self) -> int:
        """How many rows."""
        return len(self.row)

    @property
    def time(self) -> Ints:
        """T in microseconds, `MISSING_TIME` where the answer has none, shape (n,)."""
        return self._column(0)

    @property
    def written(self) -> Ints:
        """When the answer was written to the journal, in microseconds, shape (n,)."""
        return self._column(1)

    @property
    def position(self) -> Ints:
        """Where in the journal the answer is, shape (n,)."""
        return self._column(2)

    def _column(self, at: int) -> Ints:
        return np.array(self._times, np.int64).reshape(-1, 3)[:, at]

    def placed(self, at: int | None, rows: int) -> None:
        """So many rows more, asked at T (microseconds) of an answer that need not be in the journal."""
        time = MISSING_TIME if at is None else at
        self._times += [(time, time, 0)] * rows

    def add(self, kept: _Kept, written: int, position: int) -> None:
        """The rows of one more answer."""
        at = MISSING_TIME if kept.at is None else kept.at
        for place, row in enumerate(kept.logged):
            self.decision.append(_name(kept, row, position))
            self.row.append(row)
            self._times.append((at, written, position))
            for mine, theirs in ((self.sent, kept.sent), (self.features, kept.features)):
                for name, values in theirs.items():
                    mine[name].append(values[place])


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """What was read: of `there` answers that were asked for the newest `answers`; the newest in the lake was written at
    `upto` (microseconds, None where there is none)."""

    groups: Sequence[LoggedRows]
    answers: int
    there: int
    upto: int | None


def read_logged(
    lake: Lake, most: int, *, since: int | None = None, until: int | None = None, release: str | None = None
) -> Logged:
    """The rows that are logged in the lake of the newest `most` answers of `release` (default any) with since <= T <
    until, in microseconds; where answers have no T, when they were written counts."""
    if not delta.exists(lake.decisions):
        return Logged((), 0, 0, None)
    log = delta.scan(lake.decisions)
    upto = log.select(pl.col("_at").max().dt.timestamp("us")).collect().item()
    time = pl.coalesce("time", "_at")
    for wanted, limit in ((time >= pl.lit(since).cast(INSTANT), since), (time < pl.lit(until).cast(INSTANT), until)):
        log = log if limit is None else log.filter(wanted)
    if release is not None:
        log = log.filter(pl.col("release") == release)
    there = int(log.select(pl.len()).collect().item())
    place = ["_at", "_position"]
    rows = log.select(*place, "decision").top_k(most, by=place).collect().sort(place)
    groups: dict[Any, LoggedRows] = {}
    for written, position, line in zip(
        rows["_at"].dt.timestamp("us"), rows["_position"], rows["decision"], strict=True
    ):
        kept = msgspec.json.decode(line, type=_Kept)
        key = kept.release, kept.per, tuple(kept.sent), tuple(kept.features)
        if key not in groups:
            groups[key] = LoggedRows(kept.release, kept.per, {n: [] for n in kept.sent}, {n: [] for n in kept.features})
        groups[key].add(kept, written, position)
    return Logged(tuple(groups.values()), rows.height, there, upto)


def _name(kept: _Kept, row: int, position: int) -> str:
    if not kept.ids:
        return f"position {position} of the journal"
    return kept.ids[0] if kept.kind == "list" else kept.ids[row]
