"""Columns of the newest rows of another source: read once for all features that need them, in batch and online."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.features.asof import newest
from poise.features.base import Asked, Edges, Lookup
from poise.features.keys import joint_codes
from poise.stores.base import OnlineStore, RowDeclaration
from poise.table import MISSING_TIME, Column, History, Requests


class RowLookup:
    """All columns that are looked up in one source by one key."""

    def __init__(self, lookups: Sequence[Lookup], declaration: RowDeclaration) -> None:
        self.by = lookups[0].by
        self.gives = {lookup.name: lookup.column for lookup in lookups}
        self.declaration = declaration

    def batch(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> dict[str, Column]:
        """Values of the newest row with τ < T and κ < T; missing where there is none."""
        history = histories[self.declaration.source]
        keys = [history.rows[name] for name in self.declaration.key]
        codes, row_codes = joint_codes([made[name] for name in self.by], keys)
        rows = newest(codes, requests.time, row_codes, history)
        return {name: _taken(history.rows[column], rows) for name, column in self.gives.items()}

    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """The same from the store's newest rows."""
        found = store.read(self.declaration, [made[name] for name in self.by], requests.time)
        return {name: found[column] for name, column in self.gives.items()}

    def holds(self) -> Edges:
        """Until the row changes."""
        return ()

    def asks(self, requests: Requests, made: Mapping[str, Column]) -> tuple[Asked, ...]:
        """The newest rows of these keys."""
        return ((self.declaration, [made[name] for name in self.by]),)


def declared(lookups: Iterable[Lookup], key_of: Mapping[str, tuple[str, ...]]) -> dict[str, RowDeclaration]:
    """One declaration per source, with every column that is looked up in it by whatever key."""
    columns: dict[str, set[str]] = {}
    for lookup in with_through(lookups):
        columns.setdefault(lookup.source, set()).add(lookup.column)
    return {s: RowDeclaration(s, key_of[s], tuple(sorted(columns[s]))) for s in sorted(columns)}


def with_through(lookups: Iterable[Lookup]) -> list[Lookup]:
    """These and the lookups that hold their keys, each once, in a stable order."""
    found: dict[str, Lookup] = {}
    pending = list(lookups)
    while pending:
        lookup = pending.pop()
        found[lookup.name] = lookup
        pending += lookup.through
    return [found[name] for name in sorted(found)]


def _taken(column: Column, rows: NDArray[np.int64]) -> Column:
    """`column.take`, for many rows: the place after the last holds the missing value, where -1 points."""
    gone: Any = {"number": np.nan, "time": MISSING_TIME, "string": -1}[column.kind]
    return Column(column.kind, np.append(column.values, column.values.dtype.type(gone))[rows], column.levels)
