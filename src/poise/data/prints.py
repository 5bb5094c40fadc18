"""The hashes by which rows of a source are recognised: of their identity, and of what makes a row a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from poise.data.id_hash import ABSENT, Hashes, of_numbers, of_strings, together
from poise.spec.source import ColumnType, Source
from poise.table import Column


@dataclass(frozen=True, slots=True, eq=False)
class Prints:
    """Hashes of n rows, shape (n,): `keys` of their identity, `prints` of what `KnownIds` holds of them.

    The print of an event or of a history's row is its key: the same key is the same row, or a contradiction. A table's
    row is printed with its content: a key with other content is a new version, and need not be looked up.
    """

    keys: Hashes
    prints: Hashes


def prints_of(source: Source, hashed: Callable[[str], Hashes]) -> Prints | None:
    """The hashes of rows, given those of each of their columns; None for a log without `id`, whose rows are all new."""
    if not source.identity:
        return None
    keys = together([hashed(column) for column in source.identity])
    if source.kind != "table":
        return Prints(keys, keys)
    return Prints(keys, together([keys, *(hashed(column) for column in source.columns)]))


def table_prints(source: Source, types: Mapping[str, ColumnType], rows: Mapping[str, Column]) -> Prints | None:
    """The hashes of typed rows in arrays, whose whole numbers are exact."""
    return prints_of(source, lambda name: _hashed(rows[name], types[name]))


def _hashed(column: Column, kind: ColumnType) -> Hashes:
    if column.kind == "string":
        assert column.levels is not None
        found = np.empty(len(column.levels) + 1, np.uint64)
        found[:-1], found[-1] = of_strings(column.levels.tolist()), ABSENT  # the last is where code -1 points
        return np.asarray(found[column.values])
    values, gone = column.values, column.missing()
    if kind in ("int", "bool"):
        values = np.where(gone, 0.0, values).astype(np.int64)
    found = of_numbers(values)
    found[gone] = ABSENT
    return found
