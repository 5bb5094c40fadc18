"""Bringing what was written to the journal from its write-ahead log into the database itself, beside who writes it.

A commit only appends to the log. Later its pages are copied to their places, which takes the core as long again; the
process that answers leaves that to one that gives way to it. Nothing is committed here: one process writes the journal.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from shutil import disk_usage

from poise.data.journal_tables import JOURNAL, LARGEST_WAL, PAGE, beside, explanation
from poise.errors import StateError

ENOUGH = 2**20 // PAGE
"""Pages that are to be brought over at once, if possible: each time costs two syncs of the disk."""
SOONEST, LATEST = 0.1, 5.0
"""Seconds until the next time: twice as many where it were fewer pages, half where it were more."""
ROOM = LARGEST_WAL
"""Bytes that are free on the disk, at least: what makes the database larger is not to take the last room from rows."""


class Checkpoints:
    """Does so on a thread of its own, from now until `close`, for the journal in one folder.

    trouble: told, on that thread, why it cannot be done; it is tried again. Nothing is lost meanwhile: the log grows
    until the process that writes does it by itself.
    """

    def __init__(self, folder: Path, trouble: Callable[[StateError], object]) -> None:
        self._file, self._log, self._trouble = folder / JOURNAL, folder / f"{JOURNAL}-wal", trouble
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poise-checkpoints", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with closing(beside(self._file)) as connection:
                    self._follow(connection)
            except sqlite3.Error as error:
                self._tell(explanation(error, self._file))
            except OSError as error:  # the folder is gone, say
                self._tell(StateError(f"{self._file} cannot be used: {error.strerror or error}"))

    def _tell(self, error: StateError) -> None:
        self._trouble(error)
        self._over.wait(LATEST)

    def _follow(self, connection: sqlite3.Connection) -> None:
        """Again and again, until it is over."""
        wait, seen, before = SOONEST, 0, 0
        while not self._over.wait(wait):
            changed, there = self._changed(), before
            if changed != seen and disk_usage(self._file.parent).free >= ROOM:
                busy, pages, there = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                there = before if busy else there
                seen = changed if there == pages else 0
            brought = there - before if there >= before else there  # else the log has begun anew
            before = there
            wait = min(wait * 2, LATEST) if brought < ENOUGH else max(wait / 2, SOONEST)

    def _changed(self) -> int:
        """When the log was written last; 0 where there is none."""
        with suppress(OSError):
            return self._log.stat().st_mtime_ns
        return 0

    def close(self) -> None:
        """End the thread, and let go of the files."""
        self._over.set()
        self._thread.join()
