"""Why a feature may rightly differ from what the lake says today: what was not there yet when it was served, or is no
longer there now.

Each reason but the last is a world that can be computed: the histories as the server had them. A value that is exactly
what that world gives is explained by it; any other is not. What is deleted cannot be computed any more, see `deleted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.clock import SECOND
from poise.data.delta_log import APP
from poise.data.history import to_history
from poise.data.lake import Lake
from poise.features.plan import FeaturePlan
from poise.monitoring.beside import UNTOLD, Ints, Seen, instants
from poise.spec.system import SystemSpec
from poise.table import History

FIRST = "the first version of a row of a table, which holds for all earlier T, came after T"
BESIDE = "rows of a file had come in beside the server, which took them up moments later"
KEPT = "rows that it read are older than 'keep', and deleted since"
TAKING_UP = 60 * SECOND
"""So long a server may take to see rows of files that came in beside it, where nothing says when it did because it was
ended first: it looks every 0.5 s, and large files take some seconds."""
SEQ = "_arrival"

Flags = NDArray[np.bool_]


def worlds(
    plan: FeaturePlan, histories: Mapping[str, History], lake: Lake, versions: Mapping[str, int], seen: Seen
) -> Iterator[tuple[str, dict[str, History]]]:
    """Reason -> histories as the server may have had them: several of one reason, from the likeliest on. seen: from
    when answers saw rows of files, where that is noted."""
    arrived = {name: _arrived(lake, plan.system, name, versions[name]) for name in histories}
    brought = {name: by_journal for name, (by_journal, _) in arrived.items()}
    tables = any(one.kind == "table" for one in histories.values())
    if tables:
        yield FIRST, {name: _from_its_time(one, brought[name]) for name, one in histories.items()}
        yield FIRST, {name: _from_its_time(one, np.ones(one.height, np.bool_)) for name, one in histories.items()}
    from_when = {name: instants(seen.get(name, ()), seqs) for name, (_, seqs) in arrived.items()}
    told = {name: ~brought[name] & (at != UNTOLD) for name, at in from_when.items()}
    as_seen = {name: _seen_from(one, told[name], from_when[name]) for name, one in histories.items()}
    if any(which.any() for which in told.values()):
        yield BESIDE, as_seen
        if tables:
            yield BESIDE, {name: _from_its_time(one, brought[name]) for name, one in as_seen.items()}
    untold = {name: ~brought[name] & ~told[name] for name in told}
    later = {name: _later(one, untold[name]) for name, one in as_seen.items()}
    taken_up = {name: one for name, one in later.items() if one is not None}
    if taken_up:
        yield BESIDE, {**as_seen, **taken_up}
    if len(taken_up) > 1:  # one source is taken up after the other
        for name, one in taken_up.items():
            yield BESIDE, {**as_seen, name: one}
    if tables:  # a new row of a table that the server did not know yet
        new = {name: _later(_from_its_time(one, untold[name]), untold[name]) for name, one in as_seen.items()}
        yield BESIDE, {name: new[name] or one for name, one in as_seen.items()}


def _arrived(lake: Lake, system: SystemSpec, name: str, version: int) -> tuple[Flags, Ints]:
    """Which rows of a history the journal brought, and the `_seq` of each; in the history's order."""
    spec = system.sources[name]
    wanted = dict.fromkeys([*(spec.key or ()), "_time", "_known", "_seq", "_ingest"])
    rows = lake.read(name, list(wanted), version).with_columns(pl.col("_seq").alias(SEQ))
    ordered = to_history(name, spec, rows).rows
    origin = ordered["_ingest"].to_list()
    found: Flags = np.array([app is not None and app.startswith(APP) for app in origin], np.bool_)
    return found, ordered[SEQ].values.astype(np.int64)


def _from_its_time(history: History, which: Flags) -> History:
    """The history with these first versions of a table's rows known only from when they came."""
    return history if history.first is None else replace(history, first=history.first & ~which)


def _seen_from(history: History, told: Flags, instant: Ints) -> History:
    """The history with the rows of files known from the instant at which the server took them up; first versions of a
    table's rows too, which hold for all earlier T otherwise, whatever their κ."""
    known = np.where(told, np.maximum(history.known, instant), history.known)
    if history.first is not None:
        known = np.where(told & history.first, instant, known)
    return replace(_from_its_time(history, told), known=known)


def _later(history: History, by_file: Flags) -> History | None:
    """The history with rows that files brought beside a server, which did not note when, known only after that had
    taken them up; None where none came so. Rows of a backfilled file are known since they happened, first versions of a
    table's rows for ever."""
    beside = by_file & (history.known > history.time if history.first is None else ~history.first)
    if not beside.any():
        return None
    return replace(history, known=np.where(beside, history.known + TAKING_UP, history.known))
