"""What callers send and no feature takes as it is: keys of lookups, parts of expressions, what nothing reads, and
whether it was sent before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from poise.features.rows import request_columns
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Column, Table

Ints = NDArray[np.int64]


REPEATED = "(sent before)"
"""Is missing in rows that are in all that callers send, and in their T, what an earlier row was, else 0."""
Words = NDArray[np.uint64]


def with_sent(system: SystemSpec, per: str, features: Table, rows: Table, time: Ints) -> Table:
    """`features` of n rows, and beside them those columns of the request that stand in none of them.

    A feed that loses a key of a lookup, or fills a column that nothing reads yet with nothing, breaks too. Left out are
    ids of rows, of whom and what they are about, and instants: that these are new says nothing.

    rows: the requests as they came, (n,); time: their T, in microseconds, by which repeated ones are told.
    """
    source = system.sources[per]
    ids = {*source.identity, source.entity, source.person, source.time}
    found: dict[str, Column] = {}
    for name, kind in request_columns(system, per).items():
        if name in ids or kind == "time" or name in features or name not in rows:
            continue
        if not any(_same(rows[name], features[one]) for one in features):
            found[name] = rows[name]
    sent = [rows[name] for name in request_columns(system, per) if name in rows]
    if len(time) and time[0] != MISSING_TIME and sent:
        found[REPEATED] = repeated(time, sent)
    return features.with_columns(found) if found else features


def repeated(time: Ints, columns: Sequence[Column]) -> Column:
    """The column `REPEATED` of n rows.

    >>> repeated(np.array([1, 2, 2, 2]), [Column.numbers(np.array([5.0, 5.0, 5.0, 6.0]))]).values.tolist()
    [0.0, 0.0, nan, 0.0]
    """
    words = time.astype(np.uint64)
    for one in columns:
        values = np.where(one.values == 0, 0.0, one.values) if one.kind == "number" else one.values.astype(np.int64)
        words = _mixed(words) ^ np.ascontiguousarray(values).view(np.uint64)
    _, first = np.unique(_mixed(words), return_index=True)
    found = np.full(len(time), np.nan)
    found[first] = 0.0
    return Column.numbers(found)


def _mixed(words: Words) -> Words:
    """Each of 64 bits spread over all (the finalizer of SplitMix64: Steele, Lea & Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)), np.uint64)


def _same(one: Column, other: Column) -> bool:
    """Whether two columns hold the same values; of texts that go by the same codes."""
    if one.kind != other.kind or len(one) != len(other):
        return False
    if one.levels is not None and (other.levels is None or not np.array_equal(one.levels, other.levels)):
        return False
    return bool(np.array_equal(one.values, other.values, equal_nan=one.kind == "number"))
