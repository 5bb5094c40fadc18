"""What tables that are written all day keep of their past.

Every commit leaves an entry in its table's log. Accepted rows keep all of theirs, since a training run records versions
of them and can be repeated on those. Nobody asks for an earlier version of the other tables.
"""

from __future__ import annotations

from poise.data import delta
from poise.data.lake import Lake
from poise.spec.system import SystemSpec

PAST = 30
"""Days that log entries and, once they are replaced, files of raw rows, quarantine and decisions stay."""


def tidy(system: SystemSpec, lake: Lake) -> None:
    """Drop versions of raw rows, quarantine and decisions that were replaced more than `PAST` days ago, durably.

    For whoever holds the lake. What a source's `keep` deletes goes sooner, see `retention.expire`. Raises `StateError`
    where the disk does not take it.
    """
    for name, source in system.sources.items():
        if source.keep is None:
            delta.keep_versions(lake.table("accepted", name))
            delta.drop_versions(lake.table("raw", name), PAST, sooner=True)
            delta.drop_versions(lake.table("quarantine", name), PAST, sooner=True)
    delta.drop_versions(lake.decisions, PAST, sooner=True)
