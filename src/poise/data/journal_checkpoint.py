"""Bringing what was written to the journal from its write-ahead log into the database itself, beside who writes it.

A commit only appends to the log. Later its pages are copied to their places, which takes the core as long again; the
process that answers leaves that to one that gives way to it.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from poise.data.journal_tables import JOURNAL, PAGE, connect, explained

ENOUGH = 2**20 // PAGE
"""Pages that are to be brought over at once, if possible: each time costs two syncs of the disk."""
SOONEST, LATEST = 0.1, 5.0
"""Seconds until the next time: twice as many where it were fewer pages, half where it were more."""


class Checkpoints:
    """Does so on a thread of its own, from now until `close`, for the journal in one folder that is there already."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / f"{JOURNAL}-wal"
        with explained(folder / JOURNAL):
            self._connection = connect(folder / JOURNAL, write=True)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poise-checkpoints", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        wait, seen, before = SOONEST, 0, 0
        with closing(self._connection):
            while not self._over.wait(wait):
                changed = self._changed()
                there = before
                if changed != seen:
                    there, seen = self._bring_over(before), changed
                brought = there - before if there >= before else there  # else the log has begun anew
                before = there
                wait = min(wait * 2, LATEST) if brought < ENOUGH else max(wait / 2, SOONEST)

    def _changed(self) -> int:
        """When the log was written last; 0 where there is none."""
        with suppress(OSError):
            return self._log.stat().st_mtime_ns
        return 0

    def _bring_over(self, before: int) -> int:
        """How many pages of the log are in the database now; `before` of them were."""
        # What cannot be brought over stays in the log: on a full disk, say, of which commits tell.
        with suppress(sqlite3.Error):
            busy, _, there = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return before if busy else int(there)
        return before

    def close(self) -> None:
        """End the thread, and let go of the files."""
        self._over.set()
        self._thread.join()
