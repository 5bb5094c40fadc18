"""One Delta table that a log is written to: each commit says how far, so that a repeat writes nothing twice."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError

from poise.data import delta
from poise.data.delta_log import newest

SMALL_FILES = 64
"""So many files are put together into one: a scan pays about 0.3 ms a file."""
FILE_SIZE = 64 << 20
"""Bytes that files are put together to, at most."""


class Drained:
    """A table at `url` that the log `app` is written to.

    The table stays open between commits. `position` is how far the log is in it, `version` what the table was at when
    it was last written or looked at by this; None where there is no table yet.
    """

    def __init__(self, url: str, app: str) -> None:
        self.url, self._app = url, app
        self._table: DeltaTable | None = None
        self.position = self._files = 0
        self._open()

    @property
    def version(self) -> int | None:
        """The version that this has seen."""
        return None if self._table is None else int(self._table.version())

    def renewed(self) -> bool:
        """Look for commits of others; were there some?"""
        before = self.version
        if before is None or not delta.local(self.url) or newest(Path(self.url), before) != before:
            self._open()
        return self.version != before

    def append(self, frame: pl.DataFrame, position: int) -> None:
        """Add rows, and with them that the log is in up to `position`, in one durable commit.

        Raises `StateError` where the disk does not take it.
        """
        before = -1 if self._table is None else int(self._table.version())
        upto = CommitProperties(app_transactions=[Transaction(self._app, position)])
        try:
            write_deltalake(
                self.url if self._table is None else self._table,
                frame,
                mode="append",
                schema_mode="merge",
                configuration=delta.CONFIGURATION if self._table is None else None,
                commit_properties=upto,
            )
        except (DeltaError, OSError) as error:
            raise delta.cannot_be_written(self.url, error) from error
        delta.sync(self.url, before)
        if self._table is None:
            self._open()
        self.position = position
        self._files += 1

    def compact(self) -> bool:
        """Put small files into one, where enough have come; every row stays. Raises `StateError` as `append` does."""
        if self._table is None or self._files < SMALL_FILES:
            return False
        before = int(self._table.version())
        try:
            self._table.optimize.compact(target_size=FILE_SIZE)
        except (DeltaError, OSError) as error:
            raise delta.cannot_be_written(self.url, error) from error
        delta.sync(self.url, before)
        self._files = 0
        return True

    def _open(self) -> None:
        if delta.exists(self.url):
            self._table = DeltaTable(self.url)
            self.position = int(self._table.transaction_version(self._app) or 0)
            self._files = len(self._table.file_uris())
