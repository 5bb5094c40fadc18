"""Lists to ask about before anybody was shown any: users and items that the tables know, put together at random."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from poise.data.lake import Lake
from poise.features.rows import kind_of
from poise.releases.contract import Contract, Input
from poise.releases.examples import SEED
from poise.releases.list_samples import ListSample
from poise.spec.decision import Decision
from poise.spec.system import SystemSpec
from poise.table import Column, History, Requests, Table

NAMELESS = 10
"""Where neither a table nor the log knows any item, so many are made up."""


def invented_lists(
    system: SystemSpec,
    lake: Lake,
    contract: Contract,
    histories: Mapping[str, History],
    now: int,
    *,
    lists: int,
    candidates: int,
) -> ListSample:
    """`lists` lists of `candidates` different items each (fewer where there are no more), asked for at `now`.

    Values are drawn from the table whose key a column is, else from the log, else from what the column allows.
    """
    decision = system.decision
    assert decision is not None and decision.item is not None
    random = np.random.default_rng(SEED)
    known = {one.name: _known(system, lake, decision, one, histories) for one in contract.inputs_of(decision.per)}
    items = known[decision.item]
    size = min(candidates, len(items))
    picked = np.concatenate([random.permutation(len(items))[:size] for _ in range(lists)])
    of_list = np.repeat(np.arange(lists), size)
    columns = {decision.item: items.take(picked)}
    for name, values in known.items():
        if name != decision.item:
            columns[name] = values.take(random.integers(len(values), size=lists)[of_list])
    return ListSample(Requests(Table(columns), np.full(len(picked), now, np.int64)), of_list.astype(np.int64))


def _known(system: SystemSpec, lake: Lake, decision: Decision, spec: Input, histories: Mapping[str, History]) -> Column:
    """Values that a column may have, at least one."""
    for name, source in system.sources.items():
        if source.key == (spec.name,) and lake.version(name) is not None:
            values = _different(lake.history(system, name, [spec.name]).rows[spec.name])
            if len(values):
                return values
    logged = histories[decision.per].rows.get(spec.name)
    values = Column.absent(kind_of(spec.type), 0) if logged is None else _different(logged)
    return values if len(values) else _allowed(spec, NAMELESS if spec.name == decision.item else 1)


def _different(values: Column) -> Column:
    """Each value once, those that are missing left out."""
    there: NDArray[np.int64] = np.flatnonzero(~values.missing())
    return values.take(there[np.unique(values.values[there], return_index=True)[1]])


def _allowed(spec: Input, count: int) -> Column:
    """Values that the contract allows; a missing one where that is allowed and it is not the item."""
    kind = kind_of(spec.type)
    if spec.values:
        return Column.strings(map(str, spec.values)) if kind == "string" else Column.numbers(map(float, spec.values))
    if count == 1 and spec.nullable:
        return Column.absent(kind, 1)
    if kind == "string":
        return Column.strings(f"{spec.name} {number}" for number in range(1, count + 1))
    if kind == "time":
        return Column.times([0] * count)
    low = 1.0 if spec.min is None else spec.min
    return Column.numbers(low + np.arange(count))
