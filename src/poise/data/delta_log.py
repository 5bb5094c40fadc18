"""What the log of a Delta table on this machine's disk says, read as JSON: no library, so that a server may ask too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

APP = "journal:"
"""What the app id of a journal begins with, in commits and in `_ingest` of its rows; its id follows."""
LOOK_BACK = 100
"""Versions; between two commits of a drain there are at most a few of others."""
SAME_ROWS = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES")
"""Operations that leave every row as it was."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table. `positions`: app id -> how far that log has been written to the table with it."""

    version: int
    operation: str
    mode: str
    positions: Mapping[str, int]

    @property
    def appends(self) -> bool:
        """Whether it only adds rows (perhaps none)."""
        return self.operation == "WRITE" and self.mode == "Append"

    @property
    def keeps_rows(self) -> bool:
        """Whether every row is as it was, and none came."""
        return self.operation in SAME_ROWS


def log_file(table: Path, version: int) -> Path:
    """Where the entry of a version is."""
    return table / "_delta_log" / f"{version:020}.json"


def newest(table: Path, since: int = -1) -> int | None:
    """The newest version, None where there is no table. `since`: a version that is known, to look upwards from."""
    if since >= 0 and log_file(table, since).exists():
        while log_file(table, since + 1).exists():
            since += 1
        return since
    # The entry of a version that stands in a checkpoint may be gone.
    names = [log.name.split(".")[0] for ending in ("json", "checkpoint.parquet") for log in _log(table, ending)]
    numbers = [int(name) for name in names if name.isdigit()]
    return max(numbers, default=None)


def _log(table: Path, ending: str) -> Iterator[Path]:
    return (table / "_delta_log").glob(f"*.{ending}")


def commits(table: Path, after: int, upto: int) -> list[Commit] | None:
    """The versions in (after, upto], in order; None where an entry is gone or cannot be read."""
    try:
        return [_commit(version, log_file(table, version)) for version in range(after + 1, upto + 1)]
    except (OSError, ValueError, KeyError):
        return None


def furthest(lake: Path, app: str) -> int:
    """Up to where the tables of a lake have the log `app`, by the last `LOOK_BACK` versions of each, else 0."""
    tables = [folder for part in ("accepted", "raw", "quarantine") for folder in (lake / part).glob("*")]
    return max(_furthest(table, app) for table in [*tables, lake / "decisions"])


def _furthest(table: Path, app: str) -> int:
    last = newest(table)
    if last is None:
        return 0
    for version in range(last, max(last - LOOK_BACK, -1), -1):
        entry = commits(table, version - 1, version)
        if entry is None:
            return 0
        if app in entry[0].positions:
            return entry[0].positions[app]
    return 0


def _commit(version: int, log: Path) -> Commit:
    operation, mode, positions = "", "", {}
    for line in log.read_text("utf-8").split("\n"):
        # Entries that add or remove files may be long, and nothing of them is asked.
        if line.startswith('{"commitInfo"'):
            info = json.loads(line)["commitInfo"]
            operation, mode = info.get("operation", ""), info.get("operationParameters", {}).get("mode", "")
        elif line.startswith('{"txn"'):
            action = json.loads(line)["txn"]
            positions[action["appId"]] = int(action["version"])
    return Commit(version, operation, mode, positions)
