"""A copy of everything that is kept of a system, taken while a server answers or while none does, and its return.

Rows go from the journal to the lake, from there to the snapshot, and only then leave the journal. So while the lake is
held and cannot grow, first the lake is copied, then the journal, then the snapshots: a row that has left the journal by
then is in the lake's copy, and one that is not in the snapshot's copy is in the journal's. Most of the lake is copied
before it is held, as its data files never change.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poise.clock import Clock, to_text
from poise.data import delta
from poise.data.delta import sync_path
from poise.data.forgotten import NAME as FORGOTTEN
from poise.data.journal_lock import held
from poise.data.journal_tables import JOURNAL, connect, explained
from poise.data.journal_wal import check_log
from poise.errors import StateError
from poise.formats import CURRENT, migrate
from poise.interfaces.system import System, quiet
from poise.releases.built import KEPT_FOR
from poise.settings import Settings

LIST = "backup.json"
"""The file of a backup that lists all others."""
HOME = "home"
STATE = "state.db"
TURN = 120.0
"""Seconds to wait for what writes to the lake."""
TRIES = 5
"""How often a snapshot is copied again that was replaced meanwhile; then it is left out, and a server builds it."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup in `folder`. made: when its journal was copied, in microseconds; rows: waiting in that journal."""

    folder: Path
    made: int
    files: int
    bytes: int
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in ("made", "files", "bytes", "rows")} | {"folder": str(self.folder)}


def back_up(system: System, folder: Path, *, progress: Callable[[str], None] = quiet) -> Backup:
    """Copy everything into `folder`, which is made. What was acknowledged before this was called is in it.

    Raises `StateError` where the folder is not empty, lake or state are not in folders of this machine, or the disk
    does not take it: then nothing is left there.
    """
    settings = system.settings
    if not delta.local(settings.lake) or not settings.state_url.startswith("sqlite:///"):
        hint = "back up the object store and the database with their own tools"
        raise StateError("only what is in folders of this machine can be backed up", hint=hint)
    with _made(folder) as work:
        home = work / HOME
        home.mkdir()
        progress("the state")
        system.state.seq()  # the database is there
        _database(Path(settings.state_url.removeprefix("sqlite:///")), home / STATE)
        for part in (settings.candidates, settings.releases, settings.judged):
            _folder(part, home / part.name)
        if (settings.home / FORGOTTEN).exists():
            shutil.copy(settings.home / FORGOTTEN, home / FORGOTTEN)
        shutil.copy(system.path, work / system.path.name)
        progress("the lake")
        _tables(Path(settings.lake), home / "lake", data_only=True)
        with system.lake.writing(TURN):
            _tables(Path(settings.lake), home / "lake", data_only=False)
            progress("the journal")
            made = Clock().now()
            rows = _journal(settings, home / "journal")
            _snapshots(settings.online, home / "online")
        progress("checking")
        listed = {name: _described(work / name) for name in _names(work)}
        about = {"format": CURRENT["backup"], "system": system.spec.system, "made": made, "file": system.path.name}
        (work / LIST).write_text(json.dumps({**about, "files": listed}), encoding="utf-8")
        _synced(work)
    size = sum(one["bytes"] for one in listed.values())
    backup = Backup(folder, made, len(listed), size, rows)
    when = to_text(made, system.spec.timezone)
    system.state.note("backup", system.spec.system, why=f"everything up to {when}", details=backup.to_dict())
    return backup


def restore(folder: Path, to: Path, file: Path) -> Backup:
    """Put a backup in place as the home `to`, and its system file as `file` unless one stands there.

    Raises `StateError` where `to` is not empty, or the backup is not what was written.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise StateError(f"{to} is not empty; nothing is written over", hint="give another folder with --to")
    about = _read(folder)
    to.parent.mkdir(parents=True, exist_ok=True)
    with _made(to) as work:
        for name, said in about["files"].items():
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copy(folder / name, target)
            except FileNotFoundError:
                raise _broken(folder, f"{name} is missing") from None
            if _described(target) != said:
                raise _broken(folder, f"{name} is not what was written")
        for inner in (work / HOME).iterdir():
            inner.rename(work / inner.name)
        (work / HOME).rmdir()
        if not file.exists():
            shutil.copyfile(work / about["file"], file)
        (work / about["file"]).unlink()
        _synced(work)
    size = sum(one["bytes"] for one in about["files"].values())
    return Backup(folder, about["made"], len(about["files"]), size, _waiting(to / "journal" / JOURNAL))


def _read(folder: Path) -> dict[str, Any]:
    """What a backup says it holds."""
    try:
        content = json.loads((folder / LIST).read_text(encoding="utf-8"))
        about = migrate("backup", content, where=str(folder / LIST))
        more = sorted(set(_names(folder)) - {*about["files"], LIST})
    except FileNotFoundError:
        raise StateError(f"there is no backup in {folder}", hint=f"a backup has a file {LIST}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(folder, f"{LIST} cannot be read: {error}") from error
    if more:
        raise _broken(folder, f"{more[0]} was not written by it")
    return about


def _broken(folder: Path, what: str) -> StateError:
    return StateError(f"the backup in {folder} is damaged: {what}", hint="use another backup; nothing was restored")


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its place at the end, or is removed where anything failed."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StateError(f"{folder} is not empty; nothing is written over", hint="give another folder")
    work: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        yield work
        if folder.exists():
            folder.rmdir()
        work.rename(folder)
        sync_path(folder.parent)
    except OSError as error:
        hint = "is the disk full, or may this user not write there?"
        raise StateError(f"{folder} cannot be written: {error.strerror or error}", hint=hint) from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _database(source: Path, target: Path) -> None:
    """A copy of an SQLite file as of one instant, whoever writes to it meanwhile."""
    with (
        explained(source),
        closing(connect(source, write=False)) as theirs,
        closing(sqlite3.connect(target)) as ours,
    ):
        theirs.backup(ours)


def _folder(source: Path, target: Path) -> None:
    """A folder of folders that do not change any more; those that are being made begin with a dot."""
    for inner in sorted(source.iterdir()) if source.is_dir() else ():
        if not inner.name.startswith("."):
            shutil.copytree(inner, target / inner.name)


def _tables(source: Path, target: Path, *, data_only: bool) -> None:
    """The tables of a lake. data_only: their data files alone, which never change; else what is lacking still."""
    files = [file.relative_to(source) for file in source.rglob("*") if file.is_file()]
    present = {name for name in files if not any(part.startswith(".") for part in name.parts)}
    for name in sorted(present):
        log = name.parent.name == "_delta_log"
        if (data_only and log) or (not log and (target / name).exists()):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy(source / name, target / name)
        except FileNotFoundError:
            if not data_only:  # nobody else may remove any
                raise
    for file in [path for path in target.rglob("*") if path.is_file() and not data_only]:
        if file.relative_to(target) not in present:
            file.unlink()


def _journal(settings: Settings, target: Path) -> int:
    """The journal; how many rows wait in it."""
    source = settings.journal / JOURNAL
    if not source.exists():
        return 0
    if not held(settings.journal):
        check_log(source)
    target.mkdir()
    _database(source, target / JOURNAL)
    if (settings.journal / KEPT_FOR).exists():
        shutil.copy(settings.journal / KEPT_FOR, target / KEPT_FOR)
    return _waiting(target / JOURNAL)


def _waiting(journal: Path) -> int:
    if not journal.exists():
        return 0
    with explained(journal), closing(connect(journal, write=False)) as connection:
        return int(connection.execute("SELECT coalesce(sum(count), 0) FROM records").fetchone()[0])


def _snapshots(source: Path, target: Path) -> None:
    """The snapshots of the online state, each as of one instant."""
    for snapshot in sorted(source.iterdir()) if source.is_dir() else ():
        for _ in range(TRIES):
            before = _stamps(snapshot)
            with suppress(OSError, shutil.Error):
                shutil.copytree(snapshot, target / snapshot.name)
                if _stamps(snapshot) == before:
                    break
            shutil.rmtree(target / snapshot.name, ignore_errors=True)


def _stamps(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in folder.iterdir() if file.exists()}


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _described(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def _synced(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        sync_path(path)
