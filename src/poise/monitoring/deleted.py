"""Which values differ because rows that they were made from are older than `keep`, and deleted since.

What was counted then cannot be counted again, so no such value can be computed. But deleting leaves traces: rows go
from the far end of windows only, so a count falls and never rises, and what is looked up is either the same or has no
row any more. A value that does not fit is not explained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import Clock
from poise.data.lake import Lake
from poise.data.retention import kept_since
from poise.features.asof import newest
from poise.features.base import Lookup
from poise.features.keys import joint_codes
from poise.features.plan import FeaturePlan
from poise.features.scope import Scope
from poise.features.window import Window, tile_of
from poise.spec.system import SystemSpec
from poise.stores.base import JoinedKey
from poise.table import Column, History, Requests

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


def since_when(system: SystemSpec, lake: Lake) -> dict[str, int]:
    """Source with `keep` -> the instant (microseconds) before which its rows may be deleted by now."""
    now = Clock().now()
    found = {name: kept_since(system, lake, name, now) for name in system.sources}
    return {name: since for name, since in found.items() if since is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Deleted:
    """What `keep` explains of n rows. served: feature -> its n logged values. since: as `since_when` gives it."""

    plan: FeaturePlan
    requests: Requests
    histories: Mapping[str, History]
    served: Mapping[str, Sequence[Any]]
    since: Mapping[str, int]

    def explains(self, name: str) -> Flags:
        """In which rows feature `name`, which differs there, fits what deleting leaves; shape (n,)."""
        found: Flags = np.zeros(self.requests.height, np.bool_)
        if not self.since:
            return found
        feature = self.plan.features.get(name)
        if feature is None:
            lookup = Scope(self.plan.system, self.plan.per).resolve(name).lookup
            return found if lookup is None else self._without_row(lookup)
        for lookup in feature.needs.lookups:
            found |= self._without_row(lookup)
        for other in feature.needs.features:
            found |= self.explains(other) & self._differs(other)
        return found | self._fewer(feature, name) if isinstance(feature, Window) else found

    def _without_row(self, lookup: Lookup) -> Flags:
        """Where no row of the key is left as of T, of a source with `keep`."""
        codes, rows = self._rows(lookup)
        found: Flags = (codes >= 0) & (rows < 0) & (lookup.source in self.since)
        for other in lookup.through:
            found |= self._without_row(other)
        return found

    def _rows(self, lookup: Lookup) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The key of each request as a code, -1 where it is missing, and its newest row's place or -1."""
        history, through = self.histories[lookup.source], {other.name: other for other in lookup.through}
        held = [self._looked_up(through[by]) if by in through else self.requests.rows[by] for by in lookup.by]
        key = self.plan.system.sources[lookup.source].key or ()
        codes, row_codes = joint_codes(held, [history.rows[part] for part in key])
        return codes, newest(codes, self.requests.time, row_codes, history)

    def _looked_up(self, lookup: Lookup) -> Column:
        return self.histories[lookup.source].rows[lookup.column].take(self._rows(lookup)[1])

    def _now(self, name: str) -> Column:
        """What the lake says of a feature."""
        return self.plan.select([name]).batch(self.requests, self.histories)[name]

    def _differs(self, name: str) -> Flags:
        """Where an input was served otherwise; everywhere where the log does not hold it."""
        if name not in self.served:
            return np.ones(self.requests.height, np.bool_)
        return np.array([a != b for a, b in zip(self.served[name], self._now(name).to_list(), strict=True)], np.bool_)

    def _fewer(self, window: Window, name: str) -> Flags:
        """Where the window reaches rows that may be deleted, and its value is as one of more rows may be."""
        place = [output.name for output in window.outputs].index(name)
        (aggregate, column), over = window.take[place // len(window.over)], window.over[place % len(window.over)]
        joined = any(isinstance(part.event, JoinedKey) and part.event.source in self.since for part in window.parts)
        since = self.since.get(window.source)
        if since is None and not joined:
            return np.zeros(self.requests.height, np.bool_)
        tile = tile_of(over)
        edge = (self.requests.time - over) // tile * tile
        reaches: Flags = np.full(len(edge), True) if joined or since is None else edge < since
        if name not in self.served:
            return reaches & self._counted_more(window, name, place)
        served, lake = self.served[name], self._now(name)
        only_grows = aggregate == "sum" and self._not_negative(window, column)
        fits = _fits("count" if only_grows else aggregate, served, lake, joined)
        found: Flags = reaches & fits & self._counted_more(window, name, place)
        if since is not None and aggregate in ("count", "sum", "distinct"):  # of a key that had only older rows
            found |= lake.missing() & (_numbers(served) == 0)
        return found

    def _counted_more(self, window: Window, name: str, place: int) -> Flags:
        """Where the same window counted more rows than are left; everywhere where the log does not hold the count."""
        every = np.ones(self.requests.height, np.bool_)
        if ("count", None) not in window.take:
            return every
        at = window.take.index(("count", None)) * len(window.over) + place % len(window.over)
        count = window.outputs[at].name
        if count == name or count not in self.served:
            return every
        before, after = _numbers(self.served[count]), _numbers(self._now(count).to_list())
        found: Flags = (before > after) | (np.isnan(after) & ~np.isnan(before))
        return found

    def _not_negative(self, window: Window, column: str | None) -> bool:
        """Whether no value of the column is less than 0, as it is declared."""
        declared = self.plan.system.sources[window.source].columns.get(column or "")
        return declared is not None and declared.min is not None and declared.min >= 0


def _fits(aggregate: str, served: Sequence[Any], lake: Column, joined: bool) -> Flags:
    """Which served values may be of more rows than the lake's are; shape (n,). joined: not only the oldest rows may be
    lacking, as rows whose key stood in another source lost it."""
    had = np.array([value is not None for value in served], np.bool_)
    before, after = _numbers(served), _numbers(lake.to_list())
    if aggregate in ("count", "distinct", "max"):
        return had & ~(before <= after)
    if aggregate == "min" or (aggregate == "since_last" and joined):
        return had & ~(before >= after)
    if aggregate in ("last", "since_last") and not joined:  # of the newest row, which goes last
        return had & lake.missing()
    return had


def _numbers(values: Sequence[Any]) -> Floats:
    """Numbers; NaN for whatever is none."""
    return np.array([value if isinstance(value, float | int) else np.nan for value in values], np.float64)
