"""Starting the server of a release: its online state from a snapshot, on the clock that the file names.

This imports nothing that learns or reads the lake. Where the snapshot is absent or older than the lake, a process of
its own builds it first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from pathlib import Path

from starlette.routing import BaseRoute

from poise.clock import Clock, ReplayClock
from poise.data.journal import Journal
from poise.data.known_ids import KnownIds
from poise.errors import SpecError, StateError
from poise.features.function import importable_from
from poise.interfaces.http.certificate import Certificate
from poise.interfaces.http.server import serve
from poise.interfaces.taking_in import taking_in
from poise.releases.built import Built, fingerprint
from poise.releases.folder import ReleaseFolder
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.serving.online import Kept, Online
from poise.serving.served import Served
from poise.serving.tokens import STARTER, Tokens
from poise.settings import Settings
from poise.spec.reading import read_text
from poise.stores.memory import MemoryStore
from poise.stores.state import State


def start(
    file: Path,
    *,
    release: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    on_ready: Callable[[str, Served], None] | None = None,
    also: Callable[[Served], Sequence[BaseRoute]] | None = None,
    takes_in: bool = True,
    asks_tokens: bool = True,
    certificate: Certificate | None = None,
    plain_http: bool = False,
) -> None:
    """Answer requests with `release` (default the live one) until told to stop.

    also: makes routes of a program's own, given what answers, to be served beside those of Poise. takes_in: rows come
    in and answers are logged, by this process alone; else it only answers (a rehearsal does). asks_tokens: callers are
    asked for a token as soon as there are any; else nobody is. certificate, plain_http: as for `serve`.
    Raises `StateError` where nothing is live or another process takes rows in, `Tampered` where the release changed.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{file} cannot be read: {error.strerror}", hint="name the system file with -f") from None
    importable_from(file.parent)
    system = read_text(text, name=str(file))
    settings = Settings.read(file)
    state = State(settings.state_url, system.system, zone=system.timezone)
    name = release or _live(state)
    row = state.release(name)
    folder = settings.folder_of(row.folder)
    loaded = Loaded.of(ReleaseFolder.open(folder, seal=row.seal))
    clock = ReplayClock() if loaded.system.clock == "replay" else Clock()
    with closing(Journal.open(settings.journal, clock, settings.lake)) if takes_in else nullcontext() as journal:
        store, built, ids = _online(file, settings, loaded, str(folder), journal)
        if isinstance(clock, ReplayClock):
            clock.move(built.now)
        online = Online(clock)
        kept = Kept(loaded, store, built.positions if journal and built.journal == journal.id else {}, built.seqs)
        online.attach(fingerprint(loaded.declarations), kept)
        answerer = Answerer(loaded, store, clock, state.weights(), instants=online.instants)
        served = Served.of_one(answerer)
        routes = also(served) if also else ()

        def ready(address: str) -> None:
            if on_ready is not None:
                on_ready(address, served)

        tokens = Tokens(state.tokens(), starter=os.environ.pop(STARTER, None)) if asks_tokens else None
        if journal is None:
            serve(served, state, host, port, ready, routes, None, tokens, certificate, plain_http)
            return
        answerer.logs = True
        with taking_in(file, settings, folder, online, kept, answerer.limits, journal, built, ids) as (inlet, drainer):

            def begun(address: str) -> None:
                ready(address)
                drainer.begin()  # only now, so that it takes nothing from the start

            serve(served, state, host, port, begun, routes, inlet, tokens, certificate, plain_http)


def _live(state: State) -> str:
    live = state.live()
    if live is None:
        raise StateError("nothing is live", hint="run 'poise up', or 'poise train' and 'poise release'")
    return live.release


def _online(
    file: Path, settings: Settings, loaded: Loaded, folder: str, journal: Journal | None
) -> tuple[MemoryStore, Built, Mapping[str, KnownIds]]:
    """The online state that a release declares, renewed where the lake has more than snapshot and journal have; and,
    where rows come in, the ids that are known."""
    snapshot = settings.online / fingerprint(loaded.declarations)
    built = Built.read(snapshot)
    held = (None, "") if journal is None else (settings.journal, journal.id)
    if built is not None and built.holds(settings.lake, *held):
        # A snapshot that is damaged is worth no more than none: the lake has everything that stood in it.
        with suppress(StateError):
            return _loaded(loaded, snapshot, built), built, _ids(loaded, snapshot, built, journal)
    _rebuild(file, folder, snapshot)
    built = Built.read(snapshot)
    assert built is not None
    return _loaded(loaded, snapshot, built), built, _ids(loaded, snapshot, built, journal)


def _ids(loaded: Loaded, snapshot: Path, built: Built, journal: Journal | None) -> Mapping[str, KnownIds]:
    """The known ids beside a snapshot, where rows come in. Raises `StateError` where they are damaged or gone."""
    if journal is None:
        return {}
    sources = loaded.system.sources
    return built.known_ids(snapshot, [name for name in built.versions if name in sources and sources[name].identity])


def _loaded(loaded: Loaded, snapshot: Path, built: Built) -> MemoryStore:
    """The store of a snapshot. Raises `StateError` where it is damaged, or not the one that `built` describes."""
    store = MemoryStore()
    store.declare(loaded.declarations)
    if not built.goes_with(store.load(snapshot)):
        raise StateError("the snapshot is another one than it is said to be", where=str(snapshot))
    return store


def _rebuild(file: Path, folder: str, snapshot: Path) -> None:
    command = [sys.executable, "-m", "poise.interfaces.snapshotting", str(file), folder, str(snapshot)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StateError(f"the online state could not be built: {done.stderr.strip() or done.stdout.strip()}")
