"""The lake: every accepted row of every source, in Delta tables with their versions.

| table | rows |
|---|---|
| `accepted/<source>` | rows that passed, typed, with the reserved columns below |
| `raw/<source>` | the same rows and the refused ones, each value as the text it came as |
| `quarantine/<source>` | refused rows, with their reasons |
| `ingests` | one row per file taken in: its fingerprint, the rules it met, its counts |
| `decisions` | one row per request that was answered, as `poise.serving.decision_log` describes it |

Reserved columns of accepted rows: `_time` (τ), `_known` (κ), `_seq` (order of arrival within the source), `_ingest`
(which content of which source brought it), `_position` (its row in that file), `_system`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Literal

import polars as pl

from poise.data import delta
from poise.data.history import to_history
from poise.data.instants import instants
from poise.errors import DataError, StateError, did_you_mean
from poise.spec.source import Source
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, History

Part = Literal["accepted", "raw", "quarantine"]
INSTANT = pl.Datetime("us", "UTC")
RESERVED: dict[str, pl.DataType] = {
    "_time": INSTANT,
    "_known": INSTANT,
    "_seq": pl.Int64(),
    "_ingest": pl.String(),
    "_position": pl.Int64(),
    "_system": pl.String(),
}
TURN = 0.02
"""Seconds between two looks whether another process still holds the lake."""


class Lake:
    """The Delta tables of one system under a folder or URL.

    Reading needs no lock: a table is read at one version. Writing is for one process at a time, see `writing`.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def table(self, part: Part, source: str) -> str:
        """Where a table is."""
        return f"{self.url}/{part}/{source}"

    @property
    def ingests(self) -> str:
        """Where the table of ingests is."""
        return f"{self.url}/ingests"

    @property
    def decisions(self) -> str:
        """Where the table of decisions is."""
        return f"{self.url}/decisions"

    def versions(self) -> dict[str, int]:
        """The newest version of each source's accepted rows: what a training run records and can be repeated on."""
        folder = Path(self.url) / "accepted"
        if not delta.local(self.url):
            raise StateError("the sources of a remote lake cannot be listed", hint="ask version(source) for each")
        names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
        found = {name: self.version(name) for name in names}
        return {name: at for name, at in found.items() if at is not None}

    def version(self, source: str) -> int | None:
        """The newest version of a source's accepted rows; None where it has none."""
        return delta.version(self.table("accepted", source))

    def scan(self, source: str, version: int | None = None) -> pl.LazyFrame | None:
        """Accepted rows, lazily and in no order; None where the source has none."""
        url = self.table("accepted", source)
        return delta.scan(url, version) if delta.exists(url) else None

    def why_empty(self, source: str) -> str:
        """What to do about a source of which no row was accepted."""
        refused = delta.exists(self.table("quarantine", source))
        return "all that came were refused: see 'poise quarantine'" if refused else "run 'poise ingest' first"

    def read(
        self,
        source: str,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        *,
        after: int = -1,
        upto: int | None = None,
    ) -> pl.DataFrame:
        """Accepted rows in order of arrival: all columns, or those asked for.

        after, upto: only rows whose `_seq` is above the one and not above the other.

        Raises `DataError` where the source has no rows, or no such column.
        """
        rows = self.scan(source, version)
        if rows is None:
            raise DataError(f"the lake has no rows of source '{source}'", hint=self.why_empty(source))
        names = rows.collect_schema().names()
        wanted = list(names if columns is None else columns)
        for column in wanted:
            if column not in names:
                raise DataError(
                    f"source '{source}' has no column '{column}' in the lake", hint=did_you_mean(column, names)
                )
        with_order = dict.fromkeys([*wanted, "_seq"])
        if after >= 0:
            rows = rows.filter(pl.col("_seq") > after)
        if upto is not None:
            rows = rows.filter(pl.col("_seq") <= upto)
        return rows.select(*with_order).collect().sort("_seq").select(wanted)

    def history(
        self,
        system: SystemSpec,
        source: str,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        *,
        after: int = -1,
        upto: int | None = None,
    ) -> History:
        """The accepted rows of `source` as arrays, sorted by (τ, order of arrival), of a version or the newest.

        `columns` defaults to all declared and derived ones. after, upto: as in `read`. The first version of a table's
        row is as old as can be: it holds for all earlier T, and whatever came later replaces it.
        """
        spec = system.sources[source]
        shown = list(column_types(spec, system)) if columns is None else list(dict.fromkeys(columns))
        wanted = dict.fromkeys([*shown, *(spec.key or ()), "_time", "_known", "_seq"])
        rows = self.read(source, list(wanted), version, after=after, upto=upto)
        held = self._keys_upto(source, spec, version, after) if spec.kind == "table" and after >= 0 else None
        made = to_history(source, spec, rows, held)
        return replace(made, rows=made.rows.select(shown))

    def _keys_upto(self, source: str, spec: Source, version: int | None, after: int) -> pl.DataFrame:
        """The keys of a table that rows up to `after` have."""
        stored = self.scan(source, version)
        assert stored is not None and spec.key is not None
        return stored.filter(pl.col("_seq") <= after).select(spec.key).unique().collect()

    def largest_seq(self, source: str, version: int | None = None) -> int:
        """The `_seq` of the row that arrived last; -1 where the source has none."""
        rows = self.scan(source, version)
        largest = None if rows is None else rows.select(pl.col("_seq").max()).collect().item()
        return -1 if largest is None else int(largest)

    def watermark(self, system: SystemSpec, source: str, version: int | None = None) -> int | None:
        """Up to when the source is complete (microseconds): `complete_until`, else the largest τ; None without time."""
        spec = system.sources[source]
        if spec.complete_until is not None:
            return complete_until(source, spec, spec.timezone or system.timezone)
        rows = self.scan(source, version)
        if rows is None or spec.time is None:
            return None
        largest = rows.select(pl.col("_time").dt.timestamp("us").max()).collect().item()
        return None if largest is None or largest == MISSING_TIME else int(largest)

    @contextmanager
    def writing(self, wait: float = 0.0) -> Iterator[None]:
        """Hold the lake for writing. Raises `StateError` where another process holds it for more than `wait` seconds:
        what takes files in and what writes the journal to the lake take turns."""
        if not delta.local(self.url):
            yield
            return
        Path(self.url).mkdir(parents=True, exist_ok=True)
        handle = os.open(Path(self.url) / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._hold(handle, monotonic() + wait)
            yield
        finally:
            os.close(handle)

    def _hold(self, handle: int, until: float) -> None:
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if monotonic() >= until:
                    said = f"another process writes to the lake {self.url}"
                    raise StateError(said, hint="wait for it to end") from None
                sleep(TURN)

    def mend(self, source: str) -> list[str]:
        """Take back commits that a power loss tore; sentences that say which."""
        parts: tuple[Part, ...] = ("accepted", "raw", "quarantine")
        urls = [*(self.table(part, source) for part in parts), self.ingests, self.decisions]
        return [f"a torn commit of {url} was taken back" for url in urls if delta.mend(url)]


def complete_until(name: str, source: Source, zone: str) -> int:
    """The declared `complete_until` in microseconds. Raises `DataError` where it is no instant."""
    assert source.complete_until is not None
    value, _ = instants(pl.col("t"), pl.String(), None, zone)
    assert value is not None
    found = pl.DataFrame({"t": [source.complete_until]}).select(value.dt.timestamp("us")).item()
    if found is None:
        where = f"sources.{name}.complete_until"
        raise DataError(f"'{source.complete_until}' is no instant", where=where, hint="e.g. 2013-12-31T23:59:59Z")
    return int(found)
