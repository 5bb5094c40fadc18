"""Why a feature may rightly differ from what the lake says today: what was not there yet when it was served, or is no
longer there now.

Each reason but the last is a world that can be computed: the histories as the server had them. A value that is exactly
what that world gives is explained by it; any other is not. What is deleted cannot be computed any more, see `deleted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poise.clock import SECOND
from poise.data.delta_log import APP
from poise.data.lake import Lake
from poise.features.plan import FeaturePlan
from poise.spec.system import SystemSpec
from poise.table import History

FIRST = "the first version of a row of a table, which holds for all earlier T, came after T"
BESIDE = "rows of a file had come in beside the server, which took them up moments later"
KEPT = "rows that it read are older than 'keep', and deleted since"
TAKING_UP = 60 * SECOND
"""So long a server may take to see rows of files that came in beside it: it looks every 0.5 s, and large files take
some seconds."""

Flags = NDArray[np.bool_]


def worlds(
    plan: FeaturePlan, histories: Mapping[str, History], lake: Lake, versions: Mapping[str, int]
) -> Iterator[tuple[str, dict[str, History]]]:
    """Reason -> histories as the server may have had them: several of one reason, from the likeliest on."""
    brought = {name: _by_journal(lake, plan.system, name, versions[name]) for name in histories}
    if any(one.kind == "table" for one in histories.values()):
        yield FIRST, {name: _from_its_time(one, brought[name]) for name, one in histories.items()}
        yield FIRST, {name: _from_its_time(one, np.ones(one.height, np.bool_)) for name, one in histories.items()}
    later = {name: _later(one, ~brought[name]) for name, one in histories.items()}
    taken_up = {name: one for name, one in later.items() if one is not None}
    if taken_up:
        yield BESIDE, {**histories, **taken_up}
    if len(taken_up) > 1:  # one source is taken up after the other
        for name, one in taken_up.items():
            yield BESIDE, {**histories, name: one}


def _by_journal(lake: Lake, system: SystemSpec, name: str, version: int) -> Flags:
    """Which rows of a history the journal brought, in its order."""
    origin = lake.history(system, name, ["_ingest"], version).rows["_ingest"]
    found: Flags = np.array([app is not None and app.startswith(APP) for app in origin.to_list()], np.bool_)
    return found


def _from_its_time(history: History, which: Flags) -> History:
    """The history with these first versions of a table's rows known only from when they came."""
    return history if history.first is None else replace(history, first=history.first & ~which)


def _later(history: History, by_file: Flags) -> History | None:
    """The history with rows that files brought beside a server known only after that had taken them up; None where none
    came so. Rows of a backfilled file are known since they happened, first versions of a table's rows for ever."""
    beside = by_file & (history.known > history.time if history.first is None else ~history.first)
    if not beside.any():
        return None
    return replace(history, known=np.where(beside, history.known + TAKING_UP, history.known))
