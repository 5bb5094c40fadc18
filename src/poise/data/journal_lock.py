"""The lock of a journal's folder: one process writes it. The file says which, and which journal was last made here."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poise.data.journal_tables import LOCK, explained
from poise.errors import StateError

DRAINING = "draining"
"""The file of a journal's folder that every process holds, shared, that writes the journal to the lake."""


@contextmanager
def drains(folder: Path) -> Iterator[None]:
    """Say for as long as this lasts that this process writes the journal in `folder` to the lake. Where its server was
    killed, it outlives that for a moment. Where there is no such folder there is nothing to write."""
    if not folder.is_dir():
        yield
        return
    with explained(folder / DRAINING):
        handle = os.open(folder / DRAINING, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


@contextmanager
def nobody_drains(folder: Path, wait: float) -> Iterator[None]:
    """Nobody writes the journal in `folder` to the lake while this lasts; who still does is waited for.

    Raises `StateError` after `wait` seconds.
    """
    with explained(folder / DRAINING):
        handle = os.open(folder / DRAINING, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        ends = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > ends:
                    text = f"a process still writes the journal in {folder} to the lake, {wait:g} s after its server"
                    raise StateError(text, hint="wait until it has ended") from None
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)


def held(folder: Path) -> bool:
    """Whether a process holds the journal in `folder`: a server takes rows in."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


class FolderLock:
    """Held from construction to `close`, or to the end of the process, however it ends.

    Raises `StateError` naming the process that holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / LOCK
        with explained(self._file):
            self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = self._lines()[0] or "unknown"
            os.close(self._handle)
            hint = "stop that process, or set POISE_HOME to another folder"
            raise StateError(f"the journal in {folder} is held by process {pid}", hint=hint) from None
        self.journal = self._lines()[1]
        """The id of the journal that was made in this folder; empty where none was."""
        self.write(self.journal)

    def write(self, journal: str) -> None:
        """Note this process and the journal's id, durably."""
        self.journal = journal
        with explained(self._file):
            text = f"{os.getpid()}\n{journal}\n".encode()
            os.pwrite(self._handle, text, 0)
            os.ftruncate(self._handle, len(text))
            os.fsync(self._handle)

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._handle)

    def _lines(self) -> list[str]:
        lines = os.pread(self._handle, 200, 0).decode("utf-8", "replace").split("\n")
        return [*lines, "", ""][:2]
