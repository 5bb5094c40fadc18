"""The online state of a system, built from the lake: what a server needs to answer without reading it.

A snapshot is extended where that is possible: only rows that came since are read.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from poise.clock import Clock
from poise.data import delta
from poise.data.delta_log import APP, commits
from poise.data.known_ids import KnownIds
from poise.data.lake import Lake
from poise.data.prints_in_polars import frame_prints, known_in_lake
from poise.errors import StateError
from poise.releases.built import TOKEN, Built, fingerprint, ids_file
from poise.releases.declared import columns_of, in_order
from poise.spec.system import SystemSpec
from poise.stores.base import Declaration, OnlineStore
from poise.table import History


def build(
    system: SystemSpec,
    lake: Lake,
    declarations: tuple[Declaration, ...],
    store: OnlineStore,
    folder: Path,
    *,
    journal: str = "",
    before: Built | None = None,
) -> Built:
    """Fill `store` from the lake, save it to `folder`, and say what it was built from.

    journal: the id of the journal that rows of the lake came from. before: `folder` has a snapshot of this, and the
    store gets it and what came since; see `renew`.

    The store is advanced to just after the newest row of any source. Raises `StateError` where the lake lacks a source
    that the store is declared to hold (answering without it would look like a world in which nothing ever happened),
    and where the snapshot cannot be extended.
    """
    columns = columns_of(declarations)
    every = lake.versions()
    if gone := sorted(set(columns) - set(every)):
        raise StateError(
            f"the lake has no rows of {', '.join(gone)}, which the features of this release read",
            hint="restore the lake, or run 'poise ingest'",
        )
    store.declare(declarations)
    if before is not None and not before.goes_with(store.load(folder)):
        raise StateError("the snapshot is another one than it is said to be", where=str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(8)
    with ThreadPoolExecutor(1) as beside:
        ids = beside.submit(_save_ids, system, lake, every, token, folder, before)
        now = _filled(system, lake, store, declarations, every, before)
        ids.result()
    built = Built(
        fingerprint(declarations),
        every,
        now,
        {source: lake.largest_seq(source, version) for source, version in every.items()},
        journal,
        _positions(lake, every, journal),
        token,
    )
    store.save(folder, {TOKEN: built.token})
    built.write(folder)
    return built


def _filled(
    system: SystemSpec,
    lake: Lake,
    store: OnlineStore,
    declarations: tuple[Declaration, ...],
    versions: Mapping[str, int],
    before: Built | None,
) -> int:
    """Show the store what the lake has beyond `before`; the instant, just after the newest row, that it stands at."""
    columns, since = columns_of(declarations), {} if before is None else before.seqs
    now = 0 if before is None else before.now - 1
    for source in in_order(declarations):
        history = lake.history(system, source, sorted(columns[source]), versions[source], after=since.get(source, -1))
        if history.height:
            store.observe(history)
            now = max(now, newest(history))
    timed = [source for source in versions if source in system.sources and system.sources[source].time]
    marks = [lake.watermark(system, source, versions[source]) for source in timed]
    now = max([now, *(mark for mark in marks if mark is not None)]) + 1
    if system.clock == "wall":  # rows that are ahead of it wait for their time
        now = max(0 if before is None else before.now, min(now, Clock().now()))
    store.advance(now)
    return now


def renew(
    system: SystemSpec,
    lake: Lake,
    declarations: tuple[Declaration, ...],
    new_store: Callable[[], OnlineStore],
    folder: Path,
    *,
    journal: str = "",
) -> Built:
    """The snapshot in `folder` as of the newest rows of the lake: extended by what came since, or built.

    Processes take turns: the drain of a server that was killed may still extend what the next one extends or builds.
    """
    with _alone(folder):
        before = Built.read(folder)
        if before is not None and extendable(lake, before, declarations):
            # Where it is damaged, or a row came too late to be added: the lake has everything that stands in it.
            with suppress(StateError):
                return build(system, lake, declarations, new_store(), folder, journal=journal, before=before)
        return build(system, lake, declarations, new_store(), folder, journal=journal)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, once no other process does."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def extendable(lake: Lake, before: Built, declarations: tuple[Declaration, ...]) -> bool:
    """Whether the lake has every row that it had when the snapshot was built, and none was changed."""
    if before.declarations != fingerprint(declarations) or not delta.local(lake.url):
        return False
    now = lake.versions()
    if not before.versions.keys() <= now.keys():
        return False
    for source, version in before.versions.items():
        since = commits(Path(lake.table("accepted", source)), version, now[source])
        if since is None or not all(commit.appends or commit.keeps_rows for commit in since):
            return False
    return True


def newest(history: History) -> int:
    """The largest time at which a row of `history` became known; 0 where it has none.

    Versions of tables do not count: they are stamped when they were taken in, which says nothing about the time that
    the data are of.
    """
    if history.kind == "table":
        return 0
    return int(max(history.time.max(initial=0), history.known.max(initial=0)))


def _positions(lake: Lake, versions: Mapping[str, int], journal: str) -> dict[str, int]:
    if not journal:
        return {}
    tables = {source: lake.table("accepted", source) for source in versions}
    return {source: delta.position(url, APP + journal, versions[source]) for source, url in tables.items()}


def _save_ids(
    system: SystemSpec, lake: Lake, versions: Mapping[str, int], token: str, folder: Path, before: Built | None
) -> None:
    """The known ids of every source that has identities, those of the snapshot before and those that came since."""
    for source, version in versions.items():
        spec = system.sources.get(source)
        if spec is None or not spec.identity:
            continue
        held = None if before is None else before.ids_file(folder, source)
        if before is not None and held is not None and held.exists():
            known = KnownIds.load(held)
            names = dict.fromkeys([*spec.identity, *(spec.columns if spec.kind == "table" else ())])
            prints = frame_prints(spec, lake.read(source, list(names), version, after=before.seqs[source]))
            assert prints is not None
            known.add(prints.prints)
        else:
            known = known_in_lake(lake, source, spec, version)  # type: ignore[assignment]  # it has identities
        file = ids_file(folder, token, source)
        known.save(file)
        delta.sync_path(file)
