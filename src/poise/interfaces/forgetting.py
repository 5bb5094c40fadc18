"""Forgetting a person: in the lake, the journal, the snapshots, candidates and releases, while no server runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poise.clock import Clock
from poise.data import delta
from poise.data.drain import Drain
from poise.data.forgetting import Found, find, forget
from poise.data.forgotten import EVERY, Forgotten
from poise.data.journal import Journal
from poise.data.journal_lock import held, nobody_drains
from poise.data.journal_reader import reading
from poise.data.journal_tables import JOURNAL
from poise.data.person import Person
from poise.errors import StateError, UsageError
from poise.interfaces.leftovers import still_named
from poise.interfaces.snapshotting import made_ready
from poise.interfaces.system import System, quiet
from poise.releases.folder import verify
from poise.releases.forgetting import Mended, clean_folder, clean_judged, finish, names
from poise.spec.reading import read_text
from poise.stores.state_base import ReleaseRow
from poise.updating.suspects import forget_suspects

TURN = 60.0
"""Seconds to wait for a file that is being taken in."""


ORPHAN = 120.0
"""Seconds that the drain of a server that was killed may take to end: it writes what it had begun."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What is held of a person, or was.

    rows: table -> rows in its newest version. learned: candidate or release -> rows of theirs that it learned from,
    None where the version that it read is no more. mended: folders whose evidence showed a request of theirs. still:
    files in which the id stands yet, as no row says that it is theirs. mark: what stands for the person in history.
    """

    rows: Mapping[str, int]
    learned: Mapping[str, int | None]
    mended: Sequence[str]
    mark: str = ""
    still: Sequence[str] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        plain = {name: getattr(self, name) for name in ("rows", "learned", "mended", "still")}
        return {**plain, "person": self.mark}


def look_for(system: System, id: str, only: Sequence[str] = ()) -> Forgetting:
    """What is held of the person `id`, in all sources that say whose their rows are, or `only` in some. Changes nothing
    but that what waits in the journal is written to the lake.

    Raises `StateError` where a server runs, or the lake is not in a folder; `SpecError` where no source says whose its
    rows are.
    """
    person = Person.of(id, system.spec, tuple(only))
    with _alone(system):
        return _held(system, person, find(system.spec, system.lake, person))


def forget_person(
    system: System,
    id: str,
    only: Sequence[str] = (),
    *,
    why: str = "",
    who: str | None = None,
    progress: Callable[[str], None] = quiet,
) -> Forgetting:
    """Take everything of the person out, and leave out what comes of them from now on; what was held.

    Run again after a kill, it finishes. Raises as `look_for` does, and `Tampered` where a release was changed: nothing
    is sealed anew that is not what was sealed.
    """
    person = Person.of(id, system.spec, tuple(only))
    if id in why or id in (who or ""):
        raise UsageError("the reason names the person, and history is never changed", hint="say why without the id")
    with _alone(system) as journal:
        folders = list(_folders(system))
        for row, folder in folders:
            finish(folder, row.seal)
            verify(folder, seal=row.seal)
        people = Forgotten.read(system.settings.home)
        mark = people.add(id, only or [EVERY])
        progress("looking for rows")
        with system.lake.writing(TURN):
            found = find(system.spec, system.lake, person)
            held = _held(system, person, found)
            progress("writing the lake without them")
            forget(system.lake, found)
        shutil.rmtree(system.settings.online, ignore_errors=True)  # before rows go that it does not have yet
        if journal is not None:
            _emptied(journal)
        _temporary(system)
        progress("mending what shows real requests")
        forget_suspects(system.state, found.person)
        _mend(system, found.person, folders, why, who)
        system.state.wipe()
        live = system.live_folder()
        if live is not None:
            progress("building the online state again")
            made_ready(system.settings, system.lake, live)
        said = {"person": mark, "rows": held.rows, "learned": held.learned}
        system.state.note("forget", system.spec.system, why=why or "asked for", who=who, details=said)
    still = still_named(system.settings.home, Path(system.settings.lake), id) if person.text else []
    return Forgetting(held.rows, held.learned, held.mended, mark, still)


def remember(system: System, id: str, *, why: str = "", who: str | None = None) -> None:
    """Let rows of a person who was forgotten come in again. Raises `StateError` where nobody of that id was."""
    people = Forgotten.read(system.settings.home)
    mark = people.mark(id)
    if not people.remove(id):
        raise StateError("nobody of that id was forgotten")
    system.state.note("remember", system.spec.system, why=why or "asked for", who=who, details={"person": mark})


@contextmanager
def _alone(system: System) -> Iterator[Journal | None]:
    """The journal, held, with everything in it in the lake as well; None where there is none.

    Raises `StateError` where a server runs, or rows of the journal cannot be written to the lake.
    """
    settings = system.settings
    if not delta.local(settings.lake):
        raise StateError("only a lake in a folder can be rewritten", hint=f"the lake is at {settings.lake}")
    if held(settings.journal):
        raise StateError("a server takes rows in and answers from what it holds", hint="stop the server first")
    if not (settings.journal / JOURNAL).exists():
        yield None
        return
    with closing(Journal.open(settings.journal, Clock())) as journal, nobody_drains(settings.journal, ORPHAN):
        _drained(system)
        yield journal


def _drained(system: System) -> None:
    """Everything that waits in the journal, to the lake."""
    live = system.live_folder()
    systems = [system.spec]
    if live is not None:
        systems.append(read_text(live.system_file.read_text(encoding="utf-8"), name=str(live.system_file)))
    reader = reading(system.settings.journal)
    try:
        drain = Drain(systems, system.lake, reader)
        while drain.once(everything=True):
            pass
    finally:
        reader.close()
    if drain.stuck:
        raise StateError(next(iter(drain.stuck.values())), hint="until then nobody can be forgotten")


def _emptied(journal: Journal) -> None:
    """Nothing is left in it, nor in the file: all of it is in the lake, which is mended already."""
    every = dict.fromkeys({record.source for record in journal.after(0, most_rows=2**62)}, journal.last)
    while journal.prune(every):
        pass
    journal.wipe()


def _held(system: System, person: Person, found: Found) -> Forgetting:
    learned: dict[str, int | None] = {}
    mended = []
    for row, folder in _folders(system):
        path = folder / "evidence.json"
        if path.exists():
            sources = system.folder(row.name).json("evidence").get("data", {}).get("sources", {})
            rows = found.learned({name: int(one["version"]) for name, one in sources.items()})
            if rows != 0:
                learned[row.name] = rows
        if names(folder, found.person):
            mended.append(row.name)
    return Forgetting(found.rows, learned, mended)


def _folders(system: System) -> Iterator[tuple[ReleaseRow, Path]]:
    """Every candidate and release whose folder is there."""
    for row in system.state.releases():
        folder = system.settings.folder_of(row.folder)
        if folder.is_dir():
            yield row, folder


def _mend(
    system: System, person: Person, folders: Sequence[tuple[ReleaseRow, Path]], why: str, who: str | None
) -> None:
    judged = system.settings.judged
    for kept in judged.iterdir() if judged.is_dir() else ():
        clean_judged(kept, person)
    for row, folder in folders:
        if not names(folder, person):
            continue

        def record(mended: Mended, row: ReleaseRow = row) -> None:
            said = f"no request of theirs stands in its evidence any more: seal {mended.was} is {mended.now} now"
            reason = f"{why or 'asked for'}; {said}"
            system.state.record(
                row.name, row.status, folder=row.folder, act="forget", why=reason, who=who, seal=mended.now
            )

        made_from = system.folder(row.name).json("evidence").get("candidate", row.name)
        clean_folder(folder, person, judged / str(made_from), record)


def _temporary(system: System) -> None:
    """Rows that were on their way from files to a server."""
    for part in system.settings.journal.glob("*lake-*.npz*"):
        part.unlink(missing_ok=True)
