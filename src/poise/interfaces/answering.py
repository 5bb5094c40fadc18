"""Starting a server: what is live with its online state, on the clock that the file names, and what follows it.

This imports nothing that learns or reads the lake.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

from starlette.routing import BaseRoute

from poise.clock import Clock, ReplayClock
from poise.data.journal import Journal
from poise.errors import StateError
from poise.features.function import importable_from
from poise.interfaces.asked_process import AskedProcess
from poise.interfaces.http.asides import Asides
from poise.interfaces.http.certificate import Certificate
from poise.interfaces.http.server import serve
from poise.interfaces.loading import Loading
from poise.interfaces.metering import go_on, kept
from poise.interfaces.stored import system_of
from poise.interfaces.switching import Switching
from poise.interfaces.taking_in import taking_in
from poise.releases.built import fingerprint
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.serving.online import Online
from poise.serving.served import Served
from poise.serving.tokens import STARTER, Tokens
from poise.settings import Settings
from poise.stores.state import State

EXPLAINING, PREVIEWING = "poise.interfaces.explaining", "poise.interfaces.previewing"
PREVIEW_SECONDS = 60.0
"""What a preview may take: the first one gathers the logged lists."""


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
    importable_from(file.parent)
    system = system_of(file)
    settings = Settings.read(file)
    state = State(settings.state_url, system.system, zone=system.timezone)
    before = Loading(file, settings, state, None)
    folder = before.folder(release or _newest(before))
    loaded = Loaded.of(folder)
    clock = ReplayClock() if loaded.system.clock == "replay" else Clock()  # by which the journal counts as well
    with (
        closing(Journal.open(settings.journal, clock, settings.lake)) if takes_in else nullcontext() as journal,
        closing(AskedProcess(EXPLAINING, file, "explanations")) as explainer,
        closing(AskedProcess(PREVIEWING, file, "previews", seconds=PREVIEW_SECONDS)) as previewer,
    ):
        loading = Loading(file, settings, state, journal)
        filled = loading.filled(loaded, folder)
        if isinstance(clock, ReplayClock):
            clock.move(filled.built.now)
        online = Online(clock)
        online.attach(fingerprint(loaded.declarations), filled.kept)
        answerer = Answerer(loaded, filled.kept.store, online.clock, state.weights(), instants=online.instants)
        served = Served(answerer, retired=state.retired_contracts())
        switching = Switching(loading, online, served, state, folder) if release is None else None
        routes, asides = also(served) if also else (), Asides(explainer, previewer)

        def ready(address: str) -> None:
            if on_ready is not None:
                on_ready(address, served)

        tokens = Tokens(state.tokens(), starter=os.environ.pop(STARTER, None)) if asks_tokens else None
        if journal is None:
            if switching is not None:
                switching.at_start()
            serve(served, state, host, port, ready, routes, None, tokens, certificate, plain_http, switching, asides)
            return
        answerer.logs = True
        go_on(answerer, file, folder, state)
        with (
            taking_in(file, settings, folder.path, online, filled, answerer.limits, journal) as (inlet, drainer),
            kept(served, state),
        ):
            if switching is not None:
                switching.beside(inlet, drainer)
                switching.at_start()

            served.telemetry.watch("snapshot_age_seconds", lambda: {(): drainer.snapshot_age})

            def begun(address: str) -> None:
                ready(address)
                drainer.begin()  # only now, so that it takes nothing from the start

            serve(served, state, host, port, begun, routes, inlet, tokens, certificate, plain_http, switching, asides)


def _newest(loading: Loading) -> str:
    """The release that answers by the newest contract."""
    wanted = loading.wanted()
    if not wanted:
        raise StateError("nothing is live", hint="run 'poise up', or 'poise train' and 'poise release'")
    return wanted[max(wanted)].release
