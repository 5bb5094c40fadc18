"""Computing features that were served again: by the release's own file, from the lake, as of the same T."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.data.lake import Lake
from poise.features.plan import FeaturePlan
from poise.features.position import FIRST
from poise.features.rows import kind_of
from poise.monitoring.beside import Seen
from poise.monitoring.deleted import Deleted, since_when
from poise.monitoring.logged import LoggedRows
from poise.monitoring.reasons import KEPT, worlds
from poise.monitoring.tolerance import allowed
from poise.spec.source_types import listed_by, request_types
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Column, History, Kind, Requests, Table

Index = NDArray[np.int64]


class Recomputing:
    """The logged columns of one group of rows, by the lake of `versions`. seen: see `poise.monitoring.beside`.

    Raises `PoiseError` where the file of the release cannot be computed: a feature or a column that it does not know, a
    source that the lake does not have.
    """

    def __init__(
        self, system: SystemSpec, rows: LoggedRows, lake: Lake, versions: Mapping[str, int], seen: Seen
    ) -> None:
        whole = FeaturePlan.of(system, rows.per)
        outputs = [output.name for output in whole.outputs if output.name in rows.features]
        self.rows = rows
        self._whole, self.plan = whole, whole.select(outputs)
        self._also = tuple(name for name in rows.features if name not in outputs)
        self._lake, self._versions, self._seen = lake, versions, seen
        self.histories: Mapping[str, History] = {
            source: lake.history(system, source, sorted(columns), versions.get(source))
            for source, columns in self.plan.reads_with(self._also).items()
            if source != rows.per or columns - self._given(system)
        }
        self.instants = self.rows.time if has_time(system) else self.rows.written
        """T; in a system without time when the answer was written, as new versions of tables come all the same."""
        self._requests = Requests(self._sent(system), self.instants)
        self._worlds: list[tuple[str, dict[str, History]]] | None = None
        self._since: dict[str, int] | None = None

    @property
    def sources(self) -> frozenset[str]:
        """The sources whose rows are read."""
        return frozenset(self.histories)

    def batch(self, index: Index) -> Table:
        """What the lake says of the rows at `index`."""
        return self.plan.batch(self._requests.take(index), self.histories, self._also)

    def _one(self, name: str, index: Index, histories: Mapping[str, History]) -> Column:
        """One column of another world."""
        extra = name in self._also
        plan = self.plan.select([] if extra else [name])
        return plan.batch(self._requests.take(index), histories, (name,) if extra else ())[name]

    def disagreements(self, name: str, column: Column, index: Index) -> tuple[Index, dict[str, int]]:
        """Which of the rows at `index` (as places in it) were served another value than `column`, and reason -> how
        many others differ with a reason."""
        served = self._served(name, index)
        differ = np.array([at for at, (a, b) in enumerate(zip(served, plain(column), strict=True)) if a != b], np.int64)
        differ = differ[~self._near(name, column.take(differ), index[differ])]
        if not len(differ):
            return differ, {}
        return self._unexplained(name, index, differ)

    def _served(self, name: str, index: Index) -> list[Any]:
        values = self.rows.features[name]
        return [values[at] for at in index.tolist()]

    def _near(self, name: str, column: Column, index: Index) -> NDArray[np.bool_]:
        """Which values are as good as equal."""
        if column.kind != "number" or not len(index):
            return np.zeros(len(index), np.bool_)
        served = [v if isinstance(v, float | int) else np.nan for v in self._served(name, index)]
        room = allowed(self._whole, name, self._requests.take(index), self.histories, column.values)
        near: NDArray[np.bool_] = np.abs(np.array(served, np.float64) - column.values) <= room
        return near

    def _unexplained(self, name: str, index: Index, differ: Index) -> tuple[Index, dict[str, int]]:
        """Which of the values that differ do so without a reason; and reason -> how many of the others."""
        reasons: dict[str, int] = {}
        if self._worlds is None:
            self._worlds = list(worlds(self.plan, self.histories, self._lake, self._versions, self._seen))
        for reason, histories in self._worlds:
            if not len(differ):
                break
            column = self._one(name, index[differ], histories)
            served = self._served(name, index[differ])
            same = np.array([a == b for a, b in zip(served, plain(column), strict=True)])
            same |= self._near(name, column, index[differ])
            reasons[reason] = reasons.get(reason, 0) + int(same.sum())
            differ = differ[~same]
        old = self._deleted(index[differ]).explains(name)
        reasons[KEPT] = int(old.sum())
        return differ[~old], {reason: count for reason, count in reasons.items() if count}

    def _deleted(self, index: Index) -> Deleted:
        if self._since is None:
            self._since = since_when(self.plan.system, self._lake)
        served = {name: self._served(name, index) for name in self.rows.features}
        return Deleted(self.plan, self._requests.take(index), self.histories, served, self._since)

    def _sent(self, system: SystemSpec) -> Table:
        """What callers sent; a list's rows are answered as for the first place."""
        types, height = request_types(system.sources[self.rows.per], system), self.rows.height
        columns = {n: _column(kind_of(types[n]), v) for n, v in self.rows.sent.items() if n in types}
        first = {name: Column.numbers(np.full(height, FIRST)) for name in self._given(system)}
        return Table({**columns, **first}, height)

    def _given(self, system: SystemSpec) -> frozenset[str]:
        """The column of the place in the list, which is not read from the lake."""
        listed = listed_by(system.sources[self.rows.per], system)
        place = None if listed is None else listed.position
        return frozenset() if place is None else frozenset({place})


def has_time(system: SystemSpec) -> bool:
    """Whether answers of the system have a T."""
    return any(source.time is not None for source in system.sources.values())


def plain(column: Column) -> list[Any]:
    """Values as the log writes them: missing ones and numbers that are not finite are None."""
    if column.kind != "number":
        return column.to_list()
    return [v if f else None for v, f in zip(column.values.tolist(), np.isfinite(column.values).tolist(), strict=True)]


def _column(kind: Kind, values: list[Any]) -> Column:
    if kind == "string":
        return Column.strings(values)
    return Column.numbers(values) if kind == "number" else Column.times(values)


def timeless(rows: LoggedRows, system: SystemSpec) -> NDArray[np.bool_]:
    """Which rows have no T though the system has time, shape (n,)."""
    gone: NDArray[np.bool_] = rows.time == MISSING_TIME
    return gone & has_time(system)
