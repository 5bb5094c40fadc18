"""What callers send and no feature takes as it is: keys of lookups, parts of expressions, and what nothing reads."""

from __future__ import annotations

import numpy as np

from poise.features.rows import request_columns
from poise.spec.system import SystemSpec
from poise.table import Column, Table


def with_sent(system: SystemSpec, per: str, features: Table, rows: Table) -> Table:
    """`features` of n rows, and beside them those columns of the request that stand in none of them.

    A feed that loses a key of a lookup, or fills a column that nothing reads yet with nothing, breaks too. Left out are
    ids of rows, of whom and what they are about, and instants: that these are new says nothing.

    rows: the requests as they came, (n,).
    """
    source = system.sources[per]
    ids = {*source.identity, source.entity, source.person, source.time}
    found: dict[str, Column] = {}
    for name, kind in request_columns(system, per).items():
        if name in ids or kind == "time" or name in features or name not in rows:
            continue
        if not any(_same(rows[name], features[one]) for one in features):
            found[name] = rows[name]
    return features.with_columns(found) if found else features


def _same(one: Column, other: Column) -> bool:
    """Whether two columns hold the same values; of texts that go by the same codes."""
    if one.kind != other.kind or len(one) != len(other):
        return False
    if one.levels is not None and (other.levels is None or not np.array_equal(one.levels, other.levels)):
        return False
    return bool(np.array_equal(one.values, other.values, equal_nan=one.kind == "number"))
