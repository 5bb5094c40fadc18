"""Rows taken out of every version of a Delta table, so that no file of it holds them any more.

The table is made again beside its place: files that hold such rows are written without them, the others linked, and the
log's entries say the new sizes, without the least and largest values, which are rows' values too. Then both change
places. Versions stay what they were but for those rows, so that what was recorded as learned from version 4 can be
learned from version 4 again. A table whose oldest log entries are gone (a source with `keep:`) is written anew instead,
and keeps no earlier version.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from deltalake.exceptions import DeltaError

from poise.data import delta
from poise.data.delta_log import log_file, newest
from poise.data.exchange import exchange
from poise.errors import StateError

Gone = Callable[[pl.DataFrame], pl.Series]
"""Which rows of a file go: booleans, shape (n,)."""
ASIDE = ".forgetting"
"""The folder of a lake in which tables are made again."""


def holding(url: str, gone: Gone) -> dict[str, int]:
    """The table's files, of any version or of none, that hold rows which go: name -> how many."""
    if not delta.exists(url):
        return {}
    found = {}
    for file in sorted(Path(url).glob("*.parquet")):
        rows = int(gone(_read(file)).sum())
        if rows:
            found[file.name] = rows
    return found


def held_at(url: str, files: Mapping[str, int], version: int) -> int | None:
    """How many rows of `files` (as `holding` gives them) a version of the table has; None where it is no more."""
    try:
        live = delta.table(url, version).file_uris()
    except (DeltaError, OSError):
        return None
    return sum(files.get(Path(uri).name, 0) for uri in live)


def take_out(url: str, gone: Gone, files: Mapping[str, int], aside: Path) -> None:
    """Take the rows that go out of `files` (as `holding` gives them), and whatever no version needs out of the folder.

    aside: an empty or absent folder on the same disk. Durable on return; after a kill a repeat finishes it. Raises
    `StateError` where the disk does not take it.
    """
    table = Path(url)
    last = newest(table)
    if last is None:
        return
    try:
        if all(log_file(table, version).exists() for version in range(last + 1)):
            _made_again(table, gone, files, aside, last)
        else:
            _written_anew(url, gone)
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise delta.cannot_be_written(url, error) from error


def _made_again(table: Path, gone: Gone, files: Mapping[str, int], aside: Path, last: int) -> None:
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "_delta_log").mkdir(parents=True)
    logs = [log_file(table, version).read_text("utf-8").split("\n") for version in range(last + 1)]
    sizes: dict[str, tuple[int, int]] = {}
    for name in dict.fromkeys(path for lines in logs for path in _added(lines)):
        present, made = table / name, aside / name
        if not present.exists():
            continue  # of a version that was dropped
        if name in files:
            sizes[name] = _without(present, made, gone)
        else:
            _linked(present, made)
    for version, lines in enumerate(logs):
        entry = log_file(aside, version)
        entry.write_text("\n".join(_told(line, sizes) for line in lines), encoding="utf-8")
        delta.sync_path(entry)
    if any((table / "_delta_log").glob("*.checkpoint.parquet")):
        delta.table(str(aside)).create_checkpoint()
        for made in (aside / "_delta_log").iterdir():
            delta.sync_path(made)
    delta.sync_path(aside / "_delta_log")
    delta.sync_path(aside)
    exchange(aside, table)
    shutil.rmtree(aside)


def _added(lines: list[str]) -> list[str]:
    return [json.loads(line)["add"]["path"] for line in lines if line.startswith('{"add"')]


def _told(line: str, sizes: Mapping[str, tuple[int, int]]) -> str:
    """A line of the log, by what its file is now."""
    kind = next((kind for kind in ("add", "remove") if line.startswith(f'{{"{kind}"')), None)
    if kind is None:
        return line
    action: dict[str, dict[str, Any]] = json.loads(line)
    said = action[kind]
    if said["path"] not in sizes:
        return line
    said["size"], rows = sizes[said["path"]]
    if said.get("stats") is not None:
        said["stats"] = json.dumps({"numRecords": rows})
    return json.dumps(action, separators=(",", ":"))


def _without(present: Path, made: Path, gone: Gone) -> tuple[int, int]:
    """Write a file without the rows that go; its bytes and rows."""
    rows = _read(present)
    kept = rows.filter(~gone(rows))
    kept.write_parquet(made, compression="snappy")
    delta.sync_path(made)
    return made.stat().st_size, kept.height


def _linked(present: Path, made: Path) -> None:
    try:
        os.link(present, made)
    except OSError:  # a disk without links
        shutil.copyfile(present, made)
        delta.sync_path(made)


def _written_anew(url: str, gone: Gone) -> None:
    """The newest rows in one new version, and nothing of those before it."""
    rows = delta.scan(url).collect()
    delta.write(url, rows.filter(~gone(rows)), replace=True)
    held = delta.table(url)
    held.create_checkpoint()
    table, now = Path(url), int(held.version())
    delta.sync(url, now - 1)
    live = {Path(uri).name for uri in held.file_uris()}
    for log in (table / "_delta_log").iterdir():
        number = log.name.split(".")[0]
        if number.isdigit() and int(number) < now:
            log.unlink()
    for file in table.glob("*.parquet"):
        if file.name not in live:
            file.unlink()
    delta.sync_path(table / "_delta_log")
    delta.sync_path(table)


def _read(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StateError(f"{file} cannot be read: {error}", hint="restore the lake, or remove the file") from error
