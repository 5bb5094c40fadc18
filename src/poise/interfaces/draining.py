"""`python -m poise.interfaces.draining FILE RELEASE_FOLDER …`: the journal to the lake, and a snapshot of online state.

The snapshot is that of the first release; of others only is known which columns their stores are shown.

A process of its own beside the server that holds the journal, so that what reads and writes the lake never touches
answers; it makes the journal's checkpoints, too. It ends when its standard input closes: it then writes all that waits.

It tells, one JSON object a line: `drained` (per source the position up to which its rows are in the lake), `prune` (up
to which position they are also in the snapshot, so that the journal may drop them), `snapshot` (its versions), `lake`
(per source the versions (from, to] in which others wrote) with `rows` (files with those rows, each with the `_seq` of
its last) or `rewritten`, `stuck`
(per source why its rows stay in the journal), `expired` (per source how many rows were older than `keep`), `trouble`
(why it goes on later).
It is told: `{"versions": {source: version}}`, what of the lake the server has; `{"taken": {source: [position,
version]}}`, that it knows the rows of others up to that version, so that what is acknowledged after that position is
new (null for a position: it heard of it, and what it acknowledges is compared still), with `{"seen": {source: [[_seq,
instant], …]}}`, from when answers see those rows, for each of the files; `{"all": true}`, to write all now and say so
with `"all": true`.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from deltalake.exceptions import DeltaError
from polars.exceptions import PolarsError

from poise.data.beside import Beside, Change
from poise.data.drain import Drain
from poise.data.journal_checkpoint import Checkpoints
from poise.data.journal_lock import drains
from poise.data.journal_reader import JournalReader, reading
from poise.data.lake import Lake
from poise.data.taking_up import TAKE_UP, clear, taken_up, write_parts
from poise.data.unwritten import advice
from poise.errors import PoiseError, SpecError
from poise.features.function import importable_from
from poise.interfaces.behind import Behind, stand_back
from poise.releases.built import Built, fingerprint, keep_for, kept_for, local_versions
from poise.releases.declared import columns_of
from poise.releases.folder import ReleaseFolder
from poise.releases.snapshot import renew
from poise.serving.loaded import Loaded
from poise.settings import Settings
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec
from poise.stores.memory import MemoryStore
from poise.stores.state import State

LOOK = 0.5
"""Seconds between two looks at the journal and the lake."""
DAY = 86_400.0
EVERY, MANY = 600.0, 200_000
"""Seconds, or rows that were drained, after which the snapshot is extended."""


class Draining:
    """The drain of one server, and what it tells its parent."""

    def __init__(self, file: Path, folders: Sequence[Path]) -> None:
        self._settings = Settings.read(file)
        releases = [Loaded.of(ReleaseFolder.open(folder)) for folder in folders]
        self._loaded = releases[0]
        self._columns = columns_of(one for release in releases for one in release.declarations)
        self._lake = Lake(self._settings.lake)
        self._journal: JournalReader = reading(self._settings.journal)
        self._file, self._written = file, _written(file)
        self._drain = Drain([*_of_file(file), self._loaded.system], self._lake, self._journal)
        self._snapshot = self._settings.online / fingerprint(self._loaded.declarations)
        self._begin_keeping()
        built = Built.read(self._snapshot)
        versions = {} if built is None else built.versions
        self._covered = {name: built.position(self._journal.id, name) for name in versions} if built else {}
        self._beside: Beside | None = None  # until it is told what the server has
        self._untaken: dict[str, Change] = {}  # what the server was told and did not say yet that it has
        self._extended, self._rows, self._expired = monotonic(), 0, -DAY
        self._told: dict[str, Any] = {"drained": {}, "prune": {}, "stuck": {}}
        clear(self._settings.journal)

    def _begin_keeping(self) -> None:
        """From now on the journal keeps its rows until they are in the snapshot of this release.

        What it kept them for before may have been ahead of it: then the snapshot is brought to the rows of the lake
        first, while nobody drops any.
        """
        declarations, journal = fingerprint(self._loaded.declarations), self._settings.journal
        if kept_for(journal) == declarations:
            return
        built = Built.read(self._snapshot)
        if built is None or built.versions != local_versions(self._settings.lake):
            self._renew()
        keep_for(journal, declarations)

    def _renew(self) -> Built:
        loaded = self._loaded
        return renew(
            loaded.system, self._lake, loaded.declarations, MemoryStore, self._snapshot, journal=self._journal.id
        )

    def step(self) -> bool:
        """Do what is due, and tell; is more due at once?"""
        self._follow()
        more = self._try(self._drain.once)
        self._try(self._take_up)
        waited = monotonic() - self._extended >= EVERY and self._drain.rows > self._rows
        if waited or self._drain.rows - self._rows >= MANY:
            self._try(self._extend)
        self._tell_positions()
        if monotonic() - self._expired >= DAY and not more:
            self._try(self._expire)
        return more

    def obey(self, line: str) -> None:
        """Do what the parent says."""
        said = json.loads(line)
        if "versions" in said:
            self._beside = Beside(self._lake, self._drain.app, said["versions"])
            self._drain.has = dict(said["versions"])
        for source, (position, version) in said.get("taken", {}).items():
            change = self._untaken.pop(source, None)
            if change is not None and self._beside is not None:
                self._beside.told(change)
                self._note(change, said.get("seen", {}).get(source, ()))
            if position is not None:
                self._drain.taken_up(source, position, version)
        if said.get("all"):
            self._try(self._everything)
            self._tell_positions()
            tell(all=True)

    def _note(self, change: Change, seen: Sequence[tuple[int, int]]) -> None:
        """Keep in the history from when answers saw rows of files: `poise check skew` asks for it."""
        if not seen:
            return
        name, details = change.source, {"source": change.source, "rows": taken_up(change, seen)}

        def note() -> None:
            self._state().note(
                TAKE_UP, self._loaded.system.system, why=f"files brought rows of '{name}'", details=details
            )

        self._try(note)

    def _state(self) -> State:
        system = self._loaded.system
        return State(self._settings.state_url, system.system, zone=system.timezone)

    def finish(self) -> None:
        """Write all that waits, and extend the snapshot by it."""
        self._try(self._everything)
        if self._drain.rows > self._rows:
            self._try(self._extend)
        self._tell_positions()
        self._journal.close()

    def _follow(self) -> None:
        """Columns that an ingest gave the lake meanwhile are those of the system file."""
        written = _written(self._file)
        if written != self._written:
            self._written = written
            self._drain.follow([*_of_file(self._file), self._loaded.system])

    def _everything(self) -> None:
        self._follow()
        while self._drain.once(everything=True):
            pass

    def _extend(self) -> None:
        """The snapshot, up to the newest rows of the lake."""
        self._extended, self._rows, done = monotonic(), self._drain.rows, dict(self._drain.done)
        built = self._renew()
        self._covered.update(done)
        tell(snapshot=dict(built.versions))

    def _expire(self) -> None:
        """Delete rows that are older than their source's `keep`, once a day, and say so in the history."""
        self._expired, expired = monotonic(), self._drain.expire()
        if expired:
            self._state().note("expire", self._loaded.system.system, why="older than 'keep'", details={"rows": expired})
            tell(expired=expired)

    def _take_up(self) -> None:
        """Tell what others wrote to the lake."""
        for source in self._loaded.system.sources:
            if self._beside is None or source in self._untaken:
                continue
            change = self._beside.look(source)
            if change is None:
                continue
            shown = sorted(self._columns.get(source, ()))
            parts = write_parts(self._lake, self._loaded.system, change, shown, self._settings.journal)
            self._untaken[source] = change
            tell(
                lake={source: list(change.versions)},
                rows={source: [[str(part), upto] for part, upto in parts]},
                rewritten=[source] if change.rewritten else [],
            )

    def _tell_positions(self) -> None:
        done = self._drain.done
        prune = {name: min(at, self._covered.get(name, 0)) if name else at for name, at in done.items()}
        told = {"drained": dict(done), "prune": prune, "stuck": dict(self._drain.stuck)}
        if told != self._told:
            self._told = told
            tell(**told)

    def _try(self, act: Callable[[], bool | None]) -> bool:
        """Do it; what it says. A failure is told, and it is tried again later: nothing is lost by it."""
        try:
            return bool(act())
        except PoiseError as error:
            tell(trouble=str(error))
        except (OSError, DeltaError, PolarsError) as error:  # a full disk says so in many ways
            tell(trouble=f"{type(error).__name__}: {error} ({advice(error)})")
        return False


_telling = threading.Lock()


def tell(**what: Any) -> None:
    """One line for the parent, from any thread. A parent that is gone hears nothing, and the end comes of itself."""
    with _telling, suppress(BrokenPipeError):
        print(json.dumps(what), flush=True)


def _of_file(file: Path) -> list[SystemSpec]:
    """The system as the file says it now; nothing where it is being mended."""
    try:
        return [read_text(file.read_text(encoding="utf-8"), name=str(file))]
    except (SpecError, OSError, UnicodeDecodeError):
        return []


def _written(file: Path) -> tuple[int, int] | None:
    try:
        return file.stat().st_mtime_ns, file.stat().st_size
    except OSError:
        return None


def run(draining: Draining, said: SimpleQueue[str | None]) -> None:
    """Drain until None is said."""
    more, behind = True, Behind()
    behind.watch()
    while True:
        behind.left(more)
        try:
            line = said.get(block=not more, timeout=LOOK)
        except Empty:
            more = draining.step()
            continue
        behind.somebody_waits()
        if line is None:
            return draining.finish()
        draining.obey(line)


def _listen(said: SimpleQueue[str | None]) -> None:
    for line in sys.stdin:
        said.put(line)
    said.put(None)


def main(file: str, *folders: str) -> int:
    """Drain until the standard input closes; the exit code of the error, if there is one."""
    stand_back()
    importable_from(Path(file).parent)
    said: SimpleQueue[str | None] = SimpleQueue()
    try:
        journal = Settings.read(Path(file)).journal
        with drains(journal):
            draining = Draining(Path(file), [Path(folder) for folder in folders])
            threading.Thread(target=_listen, args=(said,), daemon=True).start()
            tell(ready=True)
            with closing(Checkpoints(journal, lambda error: tell(trouble=str(error)))):
                run(draining, said)
    except PoiseError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
