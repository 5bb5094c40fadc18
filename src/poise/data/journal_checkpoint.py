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
from poise.data.journal_wal import pages

ENOUGH = 2**20 // PAGE
"""Pages that are brought over at once, at least: each time costs two syncs of the disk."""
LOOK = 0.1
"""Seconds between two looks."""


class Checkpoints:
    """Does so on a thread of its own, from now until `close`, for the journal in one folder that is there already."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / JOURNAL
        with explained(self._file):
            self._connection = connect(self._file, write=True)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poise-checkpoints", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with closing(self._connection):
            while not self._over.wait(LOOK):
                _, ahead = pages(self._file)
                if ahead >= ENOUGH:
                    # What cannot be brought over stays in the log: on a full disk, say, of which commits tell.
                    with suppress(sqlite3.Error):
                        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """End the thread, and let go of the files."""
        self._over.set()
        self._thread.join()
