"""Delta tables that are on disk when a write returns: the library does not sync its files, this does.

A commit is durable in this order: the library writes data files, then the log entry; then the data files, the log
entry and the folders are synced. A log entry that names files which are absent or cut short (the power went between)
was never acknowledged: `mend` takes it back.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError

from poise.data.delta_log import log_file, newest
from poise.errors import StateError

KEPT, BRIEFLY = "interval 36500 days", "interval 1 hours"
CONFIGURATION: dict[str, str | None] = {
    "delta.logRetentionDuration": KEPT,
    "delta.deletedFileRetentionDuration": BRIEFLY,
}
"""Old versions stay readable, so that a training run can be repeated on the versions that it recorded: log entries and
files stay. That a file was replaced is told in the log's checkpoints for `BRIEFLY` only: there it would be told again
every hundred commits, for ever."""
SPARE = 2
"""Days for which a log still tells when a file was replaced once that may go: else the file's age would decide."""

REFUSED = re.compile(r"[\[\]^|]|%[0-9A-Fa-f]{2}" + ("" if os.name == "nt" else r"|\\"))
"""What the library cannot have in the path of a folder: it panics, or looks into another folder."""


class _Local(DeltaTable):  # type: ignore[misc]  # the library states no types
    """A table in a folder. The library names its files as URLs do (%20 for a space), and Polars opens what it is told,
    so that here they are named as the folder is."""

    def __init__(self, folder: str, version: int | None = None) -> None:
        super().__init__(folder, version=version)
        self._folder = Path(folder)

    def file_uris(self, *args: Any, **kwargs: Any) -> list[str]:
        root = self.table_uri.removeprefix("file://").strip("/") + "/"
        return [str(self._folder / uri.partition(root)[2]) for uri in super().file_uris(*args, **kwargs)]


def table(url: str, at: int | None = None) -> DeltaTable:
    """The table at `url`, of version `at` or the newest, as `polars.scan_delta` takes it."""
    return _Local(url, at) if local(url) else DeltaTable(url, version=at)


def exists(url: str) -> bool:
    """Is there a Delta table at `url`? Raises `StateError` where there can be none."""
    if local(url) and (wrong := REFUSED.search(str(Path(url).absolute()))):
        raise StateError(
            f"the folder {url} cannot hold tables: its path has '{wrong[0]}' in it",
            hint="choose a path without [ ] ^ | \\ and without % before two digits",
        )
    try:
        return bool(DeltaTable.is_deltatable(url))
    except OSError as error:
        raise StateError(f"the table {url} cannot be reached: {error}") from error


def version(url: str) -> int | None:
    """The newest version of the table, None where there is none."""
    return DeltaTable(url).version() if exists(url) else None


def scan(url: str, at: int | None = None) -> pl.LazyFrame:
    """The table's rows, of version `at` or the newest. Raises `StateError` where it cannot be read."""
    try:
        return pl.scan_delta(table(url, at))
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        wanted = "" if at is None else f" at version {at}"
        raise StateError(f"the table {url}{wanted} cannot be read: {error}") from error


def write(url: str, frame: pl.DataFrame, *, replace: bool = False, upto: tuple[str, int] | None = None) -> None:
    """Append `frame` (or `replace` all rows and columns with it) in one durable commit; new columns are added.

    upto: (app id, position): with this commit, that log is in the table up to there; see `position`.
    Raises `StateError` where the disk does not take it.
    """
    before = version(url)
    try:
        write_deltalake(
            url,
            frame,
            mode="overwrite" if replace else "append",
            schema_mode="overwrite" if replace else "merge",
            configuration=CONFIGURATION if before is None else None,
            commit_properties=None if upto is None else CommitProperties(app_transactions=[Transaction(*upto)]),
        )
    except (DeltaError, OSError) as error:
        raise cannot_be_written(url, error) from error
    sync(url, -1 if before is None else before)


def cannot_be_written(url: str, error: Exception) -> StateError:
    """What to say where a commit fails."""
    return StateError(f"the table {url} cannot be written: {error}", hint="is the disk full or read-only?")


def delete(url: str, condition: str, *, upto: tuple[str, int] | None = None) -> int:
    """Delete the rows for which the SQL `condition` is true, in one durable commit; how many. `upto` as in `write`."""
    if not exists(url):
        return 0
    held = table(url)
    before = int(held.version())
    said = None if upto is None else CommitProperties(app_transactions=[Transaction(*upto)])
    try:
        done = held.delete(condition, commit_properties=said)
    except (DeltaError, OSError) as error:
        raise cannot_be_written(url, error) from error
    sync(url, before)
    return int(done["num_deleted_rows"])


def delete_matching(url: str, keys: pl.DataFrame) -> None:
    """Delete the rows that have the values of a row of `keys` in its columns, in one durable commit."""
    held = table(url)
    before = int(held.version())
    same = " AND ".join(f"held.{column} = gone.{column}" for column in keys.columns)
    try:
        held.merge(keys, same, source_alias="gone", target_alias="held").when_matched_delete().execute()
    except (DeltaError, OSError) as error:
        raise cannot_be_written(url, error) from error
    sync(url, before)


def drop_versions(url: str, days: int, *, sooner: bool = False) -> None:
    """Drop versions that were replaced more than `days` days ago: their files, and the entries of the log.

    sooner: files that were written so long ago may go as soon as they are replaced, for a shorter log.
    """
    if not exists(url):
        return
    held = table(url)
    before = int(held.version())
    log, files = f"interval {days} days", BRIEFLY if sooner else f"interval {days + SPARE} days"
    try:
        _configure(held, {"delta.logRetentionDuration": log, "delta.deletedFileRetentionDuration": files})
        gone = held.vacuum(24 * days, dry_run=True, enforce_retention_duration=False, full=True)
        if gone:
            held.vacuum(24 * days, dry_run=False, enforce_retention_duration=False, full=True)
        if int(held.version()) != before:
            held.create_checkpoint()
        sync(url, before)
        held.cleanup_metadata()
        if local(url):
            sync_path(Path(url) / "_delta_log")
    except (DeltaError, OSError) as error:
        raise cannot_be_written(url, error) from error


def keep_versions(url: str) -> None:
    """Let every version of a table stay readable from now on, as those of a new table do; durable on return."""
    if not exists(url):
        return
    held = table(url)
    before = int(held.version())
    try:
        _configure(held, {name: str(value) for name, value in CONFIGURATION.items()})
    except (DeltaError, OSError) as error:
        raise cannot_be_written(url, error) from error
    sync(url, before)


def _configure(held: DeltaTable, wanted: dict[str, str]) -> None:
    if {name: held.metadata().configuration.get(name) for name in wanted} != wanted:
        held.alter.set_table_properties(wanted)


def position(url: str, app: str, at: int | None = None) -> int:
    """How far the log `app` is in the table (of version `at` or the newest); 0 where nothing of it is."""
    return (DeltaTable(url, version=at).transaction_version(app) or 0) if exists(url) else 0


def mend(url: str) -> bool:
    """Take back a newest commit that a power loss tore: its entry is set aside as `.torn`. True if that was needed."""
    logs = _logs(url)
    if not logs or _whole(Path(url), logs[-1]):
        return False
    logs[-1].rename(logs[-1].with_suffix(".torn"))
    sync_path(logs[-1].parent)
    return True


def local(url: str) -> bool:
    """Is `url` a folder of this machine?"""
    return "://" not in url


def _logs(url: str) -> list[Path]:
    folder = Path(url) / "_delta_log"
    return sorted(folder.glob("*.json")) if local(url) and folder.is_dir() else []


def _actions(log: Path) -> list[dict[str, dict[str, object]]]:
    return [json.loads(line) for line in log.read_text("utf-8").split("\n") if line.strip()]


def _whole(table: Path, log: Path) -> bool:
    try:
        added = [action["add"] for action in _actions(log) if "add" in action]
        return log.stat().st_size > 0 and all((table / str(a["path"])).stat().st_size == a["size"] for a in added)
    except (ValueError, OSError):
        return False


def sync(url: str, before: int) -> None:
    """Sync everything that commits after version `before` wrote; -1 where the table was not there before."""
    if not local(url):
        return  # an object store acknowledges only what it keeps
    table = Path(url)
    last = newest(table, before)
    for number in range(before + 1, -1 if last is None else last + 1):
        log = log_file(table, number)
        for action in _actions(log):
            if "add" in action:
                sync_path(table / str(action["add"]["path"]))
        sync_path(log)
        checkpoint = log.with_suffix(".checkpoint.parquet")
        if checkpoint.exists():  # written every hundred commits
            sync_path(checkpoint)
            sync_path(log.parent / "_last_checkpoint")
    sync_path(table / "_delta_log")
    sync_path(table)
    if before < 0:
        sync_path(table.parent)
        sync_path(table.parent.parent)


def sync_path(path: Path) -> None:
    """Have a file or folder on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
