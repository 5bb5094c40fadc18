"""Cross-checks of `rollout`: the column by which callers keep to one release is one that they send."""

from __future__ import annotations

from poise.spec.faults import Faults
from poise.spec.source_types import sent_of


def check_rollout(faults: Faults) -> None:
    """Note what is wrong with `rollout`."""
    system = faults.system
    column = system.rollout.sticky if system.rollout else None
    if column is None:
        return
    pers = {one.per for one in system.objectives.values()} & system.sources.keys()
    sent = {name for per in pers for name in sent_of(system.sources[per], system, faults.types.get(per, {}))}
    faults.one_of(("rollout", "sticky"), column, sorted(sent), "column that callers send called")
