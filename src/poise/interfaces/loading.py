"""Loading a release with the online state that it answers from: a snapshot, and what the journal has beyond it.

This imports nothing that learns or reads the lake. Where the snapshot is absent or older than the lake, a process of
its own builds it first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from poise.data.forgotten import Forgotten
from poise.data.journal import Journal, Kind
from poise.data.journal_reader import JournalReader, reading
from poise.data.journal_record import Record
from poise.data.known_ids import KnownIds
from poise.data.reception import Reception
from poise.data.stored import Stored
from poise.errors import StateError
from poise.releases.built import Built, fingerprint
from poise.releases.folder import ReleaseFolder
from poise.releases.plain_json import read_json
from poise.serving.loaded import Loaded
from poise.serving.online import Kept
from poise.settings import Settings
from poise.stores.memory import MemoryStore
from poise.stores.state import State
from poise.stores.state_base import LiveRow

EVENTS: tuple[Kind, ...] = ("events",)
SETTLING = 10.0
"""Seconds within which the journal has the κ of all rows that answers saw."""


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A store filled from a snapshot, what the snapshot was built from, and the ids of the rows that it was built from
    (none where no rows come in)."""

    kept: Kept
    built: Built
    ids: Mapping[str, KnownIds]


class Loading:
    """Where the releases of a system are, and how they are loaded by the server that holds `journal`, if any."""

    def __init__(self, file: Path, settings: Settings, state: State, journal: Journal | None) -> None:
        self._file, self._settings, self._state, self._journal = file, settings, state, journal
        self._majors: dict[str, int] = {}

    def folder(self, name: str) -> ReleaseFolder:
        """The folder of a release or candidate, verified. Raises `StateError` or `Tampered`."""
        row = self._state.release(name)
        return ReleaseFolder.open(self._settings.folder_of(row.folder), seal=row.seal)

    def wanted(self, instant: int | None = None) -> dict[int, LiveRow]:
        """Contract -> the release that is to answer by it (at `instant`; None: now), the oldest contract first.

        Raises `StateError` where the contract of one cannot be read.
        """
        found: dict[int, LiveRow] = {}
        for row in reversed(self._state.standing(instant)):
            found.setdefault(self.major(row.release), row)
            if 1 in found:  # contracts are counted up: below the first there is none
                break
        return dict(sorted(found.items()))

    def major(self, name: str) -> int:
        """The contract of a release."""
        if name not in self._majors:
            folder = self._settings.folder_of(self._state.release(name).folder)
            self._majors[name] = int(read_json(folder / "contract.json")["major"])
        return self._majors[name]

    def filled(self, loaded: Loaded, folder: ReleaseFolder, *, beside: bool = False) -> Filled:
        """A store with what a release declares, renewed where the lake has more than snapshot and journal have.

        beside: a server answers meanwhile, and building stands back for it. Raises `StateError` where it cannot be
        built.
        """
        snapshot = self._settings.online / fingerprint(loaded.declarations)
        built = Built.read(snapshot)
        held = (None, "") if self._journal is None else (self._settings.journal, self._journal.id)
        if built is not None and built.holds(self._settings.lake, *held):
            # A snapshot that is damaged is worth no more than none: the lake has everything that stood in it.
            with suppress(StateError):
                return self._of(loaded, snapshot, built)
        self._rebuild(folder.path, snapshot, beside=beside)
        built = Built.read(snapshot)
        assert built is not None
        return self._of(loaded, snapshot, built)

    def catch_up(self, filled: Filled, upto: int) -> None:
        """Show a store the rows of the journal that are not in its snapshot, up to the record that begins at `upto`;
        their ids count as known from then on."""
        if self._journal is None:
            return
        kept, names = filled.kept, filled.kept.loaded.system.sources
        after = {name: kept.positions.get(name, 0) for name in names}
        forgotten = Forgotten.read(self._settings.home)
        reception = Reception(kept.loaded.system, filled.ids, Stored(None, None), forgotten)
        with closing(reading(self._settings.journal)) as journal:
            _wait_for_known(journal, upto)
            for rows in reception.replay(_between(journal, after, upto)):
                kept.resume(rows)

    def _of(self, loaded: Loaded, snapshot: Path, built: Built) -> Filled:
        """The store of a snapshot. Raises `StateError` where it is damaged, or not the one that `built` describes."""
        store = MemoryStore()
        store.declare(loaded.declarations)
        if not built.goes_with(store.load(snapshot)):
            raise StateError("the snapshot is another one than it is said to be", where=str(snapshot))
        mine = self._journal is not None and built.journal == self._journal.id
        kept = Kept(loaded, store, built.positions if mine else {}, built.seqs)
        return Filled(kept, built, {} if self._journal is None else self._ids(loaded, snapshot, built))

    def _ids(self, loaded: Loaded, snapshot: Path, built: Built) -> Mapping[str, KnownIds]:
        """The known ids beside a snapshot. Raises `StateError` where they are damaged or gone."""
        sources = loaded.system.sources
        return built.known_ids(snapshot, [n for n in built.versions if n in sources and sources[n].identity])

    def _rebuild(self, folder: Path, snapshot: Path, *, beside: bool) -> None:
        command = [sys.executable, "-m", "poise.interfaces.snapshotting", str(self._file), str(folder), str(snapshot)]
        env = {**os.environ, **({"POLARS_MAX_THREADS": "1"} if beside else {})}
        command += ["beside"] if beside else []
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env)
        if done.returncode:
            raise StateError(f"the online state could not be built: {done.stderr.strip() or done.stdout.strip()}")


def _wait_for_known(journal: JournalReader, upto: int) -> None:
    """Until the κ of all rows up to a record is written, which happens within tenths of a second."""
    ends = time.monotonic() + SETTLING
    while not journal.settled(upto):
        if time.monotonic() > ends:
            raise StateError(f"the journal did not get the times of its rows within {SETTLING:g} s")
        time.sleep(0.05)


def _between(journal: JournalReader, after: Mapping[str, int], upto: int) -> Iterator[Record]:
    """Records of sources that begin after a source's position in `after`, up to the one that begins at `upto`."""
    for record in journal.after(min(after.values(), default=0), EVENTS, 2**62):
        if record.first > upto:
            return
        if record.first > after.get(record.source, 2**62):
            yield record
