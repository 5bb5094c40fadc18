"""The online state of a system, built from the lake: what a server needs to answer without reading it."""

from __future__ import annotations

from pathlib import Path

from poise.data.lake import Lake
from poise.errors import StateError
from poise.releases.built import Built, fingerprint
from poise.spec.system import SystemSpec
from poise.stores.base import Declaration, JoinedKey, OnlineStore, RowDeclaration
from poise.table import History


def columns_of(declarations: tuple[Declaration, ...]) -> dict[str, set[str]]:
    """Source -> the columns of it that a store must be shown."""
    found: dict[str, set[str]] = {}
    for one in declarations:
        columns = found.setdefault(one.source, set())
        if isinstance(one, RowDeclaration):
            columns.update(one.key, one.columns)
            continue
        columns.update(column for _, column in one.take if column is not None)
        for part in one.by:
            if isinstance(part, JoinedKey):
                columns.update(part.by)
                found.setdefault(part.source, set()).update([*part.key, part.column])
            else:
                columns.add(part)
    return found


def build(
    system: SystemSpec, lake: Lake, declarations: tuple[Declaration, ...], store: OnlineStore, folder: Path
) -> Built:
    """Fill `store` from the lake, save it to `folder`, and say what it was built from.

    The store is advanced to just after the newest row of any source. Raises `StateError` where the lake lacks a source
    that the store is declared to hold: answering without it would look like a world in which nothing ever happened.
    """
    columns = columns_of(declarations)
    every = lake.versions()
    if gone := sorted(set(columns) - set(every)):
        raise StateError(
            f"the lake has no rows of {', '.join(gone)}, which the features of this release read",
            hint="restore the lake, or run 'poise ingest'",
        )
    store.declare(declarations)
    now = 0
    for source in sorted(set(columns) & set(every)):
        history = lake.history(system, source, sorted(columns[source]), every[source])
        store.observe(history)
        now = max(now, newest(history))
    marks = [lake.watermark(system, source) for source in every if system.sources[source].time]
    now = max([now, *(mark for mark in marks if mark is not None)]) + 1
    store.advance(now)
    store.save(folder)
    built = Built(fingerprint(declarations), every, now)
    built.write(folder)
    return built


def newest(history: History) -> int:
    """The largest time at which a row of `history` became known; 0 where it has none.

    Versions of tables do not count: they are stamped when they were taken in, which says nothing about the time that
    the data are of.
    """
    if history.kind == "table":
        return 0
    return int(max(history.time.max(initial=0), history.known.max(initial=0)))
